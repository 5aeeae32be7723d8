"""De-identification, small cells and the disclosure gate."""
