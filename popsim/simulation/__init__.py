"""The simulation: the population model, its twins as Mesa agents, and the columns that twins have."""
