"""The care network: settings and their capacities, routes, queues, clinicians and interventions."""

from popsim.care.columns import CARE_COLUMNS, MONITORING_COLUMNS
from popsim.care.flow import PatientFlow
from popsim.care.interventions import Interventions
from popsim.care.monitoring import Monitoring
from popsim.care.network import CareNetwork
from popsim.care.system import CareSystem

__all__ = [
    "CARE_COLUMNS",
    "MONITORING_COLUMNS",
    "CareNetwork",
    "CareSystem",
    "Interventions",
    "Monitoring",
    "PatientFlow",
]
