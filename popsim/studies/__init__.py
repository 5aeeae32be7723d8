"""What is asked: an experiment resolved with all it refers to, its parameters, and the units of work it is cut into."""
