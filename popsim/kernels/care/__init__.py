"""The event loop of care: queues, stays, routes, clinicians and what they prescribe and see."""
