"""Assimilation: beliefs about persons that data update, forecasts, and the comparison of treatment options."""
