"""Patient flow alone: an emergency department and a ward, without physiology."""

import popsim as ps

ward = ps.CareNetwork.read("experiments/networks/minimal_ward.toml")
flow = ps.PatientFlow(ward, days=1000, seed=1).run(1000)
print(flow.summary())
print(flow.warm_up_rule)
