"""A ward with a week of its own: it begins as it was left, and a strategy opens more beds at weekends."""

import popsim as ps

usual = ps.CareNetwork.read("docs/examples/hospital_week.toml")
settled = ps.PatientFlow(usual, days=365, seed=1).run(365)
settled.census().write_csv("today.csv")  # or the census of your own hospital
print(settled.warm_up_rule)

today = usual.with_census("today.csv")
all_week = [{"weekdays": ["saturday", "sunday"], "capacity": 40}]  # in place of the network's 34
more = ps.Strategy(
    name="more_beds",
    interventions=[
        {"name": "weekend", "kind": "capacity", "setting": "ward", "places": 40, "rota": all_week},
        {"name": "critical_care", "kind": "capacity", "setting": "critical_care", "places": 6},
    ],
)
for strategy in (None, more):
    print(ps.PatientFlow(today, days=28, seed=2, strategy=strategy).run(28).summary())
