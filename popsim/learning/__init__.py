"""Risk models that learn from outcomes, monitored for drift, calibration and fairness."""
