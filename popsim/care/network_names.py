"""Checks that the names in a care network are unique and known."""

from __future__ import annotations

from popsim.care import network_contents as contents
from popsim.definitions.hospital_stay import Complication, Escalation
from popsim.definitions.network import BACK, CLINICIANS, EXIT, STAY, NetworkDefinition
from popsim.errors import DefinitionError
from popsim.kernels.codes import CAUSE_NAMES


def check_names(definition: NetworkDefinition, file: object) -> None:
    """Names of settings and arrivals are unique, and every reference exists."""
    known = _distinct([s.name for s in definition.settings], "settings", file)
    _distinct([a.name for a in definition.arrivals], "arrivals", file)
    _distinct([c.name for c in definition.complications], "complications", file)
    hazards: dict[str, Complication | Escalation] = {
        f"complications.{number}": one for number, one in enumerate(definition.complications)
    }
    hazards |= {f"settings.{s.name}.escalation": s.escalation for s in definition.settings if s.escalation}
    for key, hazard in hazards.items():
        for cause in hazard.by_cause:
            if cause not in CAUSE_NAMES:
                raise DefinitionError(file, f"{key}.by_cause", cause, "unknown cause", CAUSE_NAMES)
    _classes(definition, file)
    _clinicians(definition, file)
    for reserved in (EXIT, STAY, *BACK):
        if reserved in known:
            raise DefinitionError(file, "settings.name", reserved, "this word is a target of routes, not a setting")
    for key, value, allowed in contents.references(definition, known):
        if value not in allowed:
            raise DefinitionError(file, key, value, "unknown setting", allowed)
    contacts = {s.name for s in definition.settings if s.setting_class == "outpatient"}
    for key, node in (("entry", definition.entry), ("presentation", definition.presentation)):
        if node in contacts:
            raise DefinitionError(file, key, node, "must be a place or a router, not a contact setting")
    if definition.entry is None and definition.presentation is not None:
        raise DefinitionError(file, "entry", None, "missing, a network with 'presentation' needs it")
    if definition.entry is None and not definition.arrivals:
        raise DefinitionError(file, "entry", None, "missing, a network without 'arrivals' needs it")


def _distinct(listed: list[str], key: str, file: object) -> set[str]:
    for name in listed:
        if listed.count(name) > 1:
            raise DefinitionError(file, f"{key}.name", name, "this name is used more than once, must be unique")
    return set(listed)


def _classes(definition: NetworkDefinition, file: object) -> None:
    """Classes of patients are defined once, and every class that is named is."""
    known = _distinct([one.name for one in definition.classes], "classes", file)
    used = {f"arrivals.{one.name}.class": one.patient_class for one in definition.arrivals}
    used |= {f"census.{number}.class": one.patient_class for number, one in enumerate(definition.census)}
    for setting in definition.settings:
        key = f"settings.{setting.name}.classes"
        _distinct([one.name for one in setting.classes], key, file)
        used |= {f"{key}.{number}": one.name for number, one in enumerate(setting.classes)}
    for key, name in used.items():
        if name is not None and name not in known:
            raise DefinitionError(file, key, name, "unknown class of patients", known)


def _clinicians(definition: NetworkDefinition, file: object) -> None:
    """Roles have names of their own, and every clinician of a contact is known."""
    known = _distinct([*CLINICIANS, *(role.name for role in definition.clinicians)], "clinicians", file)
    for setting in definition.settings:
        if setting.clinician not in known:
            key = f"settings.{setting.name}.clinician"
            raise DefinitionError(file, key, setting.clinician, "unknown clinician", known)
