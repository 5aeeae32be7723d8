"""Patient flow alone: an emergency department and a ward, without physiology."""

from popsim.care.flow import PatientFlow
from popsim.care.network import CareNetwork

ward = CareNetwork.read("experiments/networks/minimal_ward.toml", ())
print(PatientFlow(ward, days=1000, seed=1).run(1000).summary())
