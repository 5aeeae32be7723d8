"""Organ systems: how a twin's state changes from day to day."""

from popsim.physiology.clinical import ClinicalPhysiology
from popsim.physiology.columns import COLUMNS, SET_BY_COHORT
from popsim.physiology.factory import build_physiology
from popsim.physiology.organ_system import OrganSystem, Physiology
from popsim.physiology.organs.heart_failure import HeartFailurePhysiology

__all__ = [
    "COLUMNS",
    "SET_BY_COHORT",
    "ClinicalPhysiology",
    "HeartFailurePhysiology",
    "OrganSystem",
    "Physiology",
    "build_physiology",
]
