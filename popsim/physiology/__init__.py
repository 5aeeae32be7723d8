"""Organ systems: how a twin's state changes from day to day."""

from popsim.physiology.clinical import ClinicalPhysiology
from popsim.physiology.columns import COLUMNS, SET_BY_COHORT
from popsim.physiology.heart_failure import HeartFailurePhysiology
from popsim.physiology.together import OrganSystem, Physiology

__all__ = ["COLUMNS", "SET_BY_COHORT", "ClinicalPhysiology", "HeartFailurePhysiology", "OrganSystem", "Physiology"]
