"""Drugs in the body: from files to the tables that kinetics and effects are computed with."""
