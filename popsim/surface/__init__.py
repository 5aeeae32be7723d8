"""The surface: what `import popsim as ps` has. It computes nothing, it only calls what the rooms below have."""
