"""The event loop of care: queues, stays, routes, clinicians, prescribing and observation."""
