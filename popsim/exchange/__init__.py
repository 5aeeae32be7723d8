"""Files of others, in and out: FHIR, OMOP, wearables, tables for R and Excel, and people's privacy in all of them."""
