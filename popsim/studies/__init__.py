"""Studies: an experiment resolved with everything it refers to, its parameters, and the units that it consists of."""
