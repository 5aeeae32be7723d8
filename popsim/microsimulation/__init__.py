"""Individual-level state-transition models: a user's own disease as states, a kernel and rewards."""
