"""What raises alerts: thresholds, a risk model, a belief about each person, or the true state (the oracle)."""
