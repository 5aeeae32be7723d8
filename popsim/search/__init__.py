"""Policy search: the best use of a limited budget, found with common random numbers."""
