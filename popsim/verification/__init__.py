"""Black-box checks of an experiment, as reviewers of health-economic models make them."""
