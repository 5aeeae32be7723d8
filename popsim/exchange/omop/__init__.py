"""The OMOP common data model 5.4: runs out, databases into cohorts."""
