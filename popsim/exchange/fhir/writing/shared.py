"""Resources that all people of an export share: the organisation, its places, the study, and popsim as a device."""

from __future__ import annotations

from importlib.metadata import version
from typing import NamedTuple

from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.network import NetworkDefinition
from popsim.definitions.strategy import Strategy
from popsim.evidence.code_systems import load_codes
from popsim.exchange.fhir.writing.coding import AIAST, Json, coding, hl7, meta, reference
from popsim.exchange.fhir.writing.identity import uuid
from popsim.kernels.numerics.random import RandomKey

# v3-RoleCode of a place, by class of setting; read in HL7's definitions of R4.
ROLES = {
    "outpatient": ("OF", "Outpatient facility"), "community": ("PTRES", "Patient's Residence"),
    "emergency": ("ER", "Emergency room"), "observation": ("HU", "Hospital unit"), "inpatient": ("HU", "Hospital unit"),
    "critical": ("ICU", "Intensive care unit"), "facility": ("SNF", "Skilled nursing facility"),
    "hospice": ("NCCF", "Nursing or custodial care facility"),
}  # fmt: skip


class SharedParts(NamedTuple):
    """Ids of the shared resources, and the resources.

    Attributes:
        organization, payer, device, study: ids.
        locations: id by name of setting.
        resources: all of them, each with its type; the payer is the last of the organizations.
    """

    organization: str
    payer: str
    device: str
    study: str
    locations: dict[str, str]
    resources: list[Json]


def shared_parts(
    key: RandomKey, experiment: ExperimentDefinition, network: NetworkDefinition, strategy: Strategy, source: str,
    *, costs: bool,
) -> SharedParts:  # fmt: skip
    """The shared resources of an export."""
    organization, payer = uuid(key, "Organization", 0, 0), uuid(key, "Organization", 0, 1)
    device, study = uuid(key, "Device"), uuid(key, "ResearchStudy")
    resources: list[Json] = [_organization(organization, network.name, "prov", "Healthcare Provider", source)]
    if costs:
        resources.append(_organization(payer, f"Payer of {network.name}", "pay", "Payer", source))
    resources.append(software(device, source))
    locations = {}
    for number, setting in enumerate(network.settings):
        if setting.setting_class == "router":
            continue
        locations[setting.name] = identity = uuid(key, "Location", 0, number)
        kind = hl7("v3-RoleCode", *ROLES[setting.setting_class])
        resources.append(
            {
                "resourceType": "Location",
                "id": identity,
                "meta": meta("us-core-location", source),
                "status": "active",
                "name": setting.title,
                "mode": "instance",
                "type": [kind],
                "managingOrganization": reference("Organization", organization),
            }
        )
    resources.append(
        {
            "resourceType": "ResearchStudy",
            "id": study,
            "meta": meta(None, source),
            "title": experiment.title or experiment.name,
            "status": "completed",
            "description": f"Simulated with popsim: strategy {strategy.title}",
            "arm": [{"name": strategy.name, "description": strategy.title}],
        }
    )
    return SharedParts(organization, payer, device, study, locations, resources)


def software(identity: str, source: str) -> Json:
    """popsim as the device that made the data."""
    return {
        "resourceType": "Device",
        "id": identity,
        "meta": meta(None, source, [AIAST]),
        "status": "active",
        "deviceName": [{"name": "popsim", "type": "user-friendly-name"}],
        "type": {"text": "Simulation of digital twins of patients; for research, not for care"},
        "version": [{"value": version("popsim")}],
    }


def _organization(identity: str, name: str, code: str, display: str, source: str) -> Json:
    return {
        "resourceType": "Organization",
        "id": identity,
        "meta": meta("us-core-organization", source),
        "active": True,
        "type": [hl7("organization-type", code, display)],
        "name": name.replace("_", " ").capitalize(),
    }


def encounter_class(kind: str) -> Json:
    """The class of an Encounter by kind of contact; see contacts.py."""
    name = "inpatient" if kind in ("admission", "ward", "index") else kind
    found = coding(load_codes("settings")[name], "act_code", ACT_WORDS.get(name))
    assert found is not None  # every class of setting has one
    return found


ACT_WORDS = {
    "inpatient": "inpatient encounter", "outpatient": "ambulatory", "community": "home health", "telehealth": "virtual",
    "emergency": "emergency", "observation": "observation encounter", "facility": "inpatient non-acute",
    "hospice": "inpatient non-acute",
}  # fmt: skip
