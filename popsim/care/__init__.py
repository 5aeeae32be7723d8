"""The care network: settings and their capacities, routes, queues, clinicians and interventions."""
