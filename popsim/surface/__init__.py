"""The public interface, `import popsim as ps`. It computes nothing, it only calls the packages below."""
