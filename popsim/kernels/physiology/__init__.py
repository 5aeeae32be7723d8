"""One day of physiology: organ systems, drugs and their interactions."""
