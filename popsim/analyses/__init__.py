"""Analyses of a study beyond its base case: precision, sensitivity, scenarios, value of data, forecast evaluation."""
