"""Questions to a study beyond its base case: precision, sensitivity, scenarios, value of data, judged forecasts."""
