"""A study executed: which units are computed where, how they are stored, and a finished run opened again."""
