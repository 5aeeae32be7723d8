"""One day of a body: organ systems, drugs, and how they act on one another."""
