"""Writing FHIR R4: a synthetic population of a finished run, and what a twin of the registry is told."""
