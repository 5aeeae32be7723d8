"""How alerts arise in the population: by thresholds, a risk model, a belief about each person, or the truth."""
