"""Execution of studies: where units are computed, how they are stored, and how a finished run is opened."""
