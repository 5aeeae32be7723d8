"""Black-box verification of an experiment, as done by reviewers of health-economic models."""
