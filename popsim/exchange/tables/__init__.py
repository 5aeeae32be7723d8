"""A run for spreadsheets and for R."""
