"""FHIR R4: bundles and bulk data into twins and cohorts, runs and forecasts out."""
