"""Organ systems: each binds the columns of twins to its compiled kernel."""
