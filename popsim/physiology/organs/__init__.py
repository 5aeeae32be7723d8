"""Organ systems: each binds its compiled kernels to the columns of twins."""
