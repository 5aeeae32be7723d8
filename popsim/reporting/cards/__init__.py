"""Model cards of the simulator, the forecast and learned risk models: facts in one file, numbers from results."""
