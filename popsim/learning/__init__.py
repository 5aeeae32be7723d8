"""Risk models that learn from what has happened, watched for drift, calibration and fairness."""
