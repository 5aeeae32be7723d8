"""Digital twins: beliefs about persons, kept up to date from data, forecasting and comparing options."""
