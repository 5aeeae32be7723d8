"""The Applied Model Card of the Coalition for Health AI, version 0.2, as XML.

Elements, their order and which are optional: the coalition's XML Schema (mc.chai.org/v0.2/schema.xsd), read in its
repository coalition-for-health-ai/mc-schema. Every text is Markdown.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from popsim.errors import InputError

NAMESPACE = "https://mc.chai.org/v0.2/schema.xsd"
METRIC = (
    "MetricGoal",
    "Results",
    "Interpretation",
    "TestType",
    "TestingDataDescription",
    "ValidationProcessAndJustification",
)
# Sections and their elements, in order; an element that ends in "?" may be absent.
ELEMENTS: Mapping[str, Any] = {
    "BasicInfo": ("ModelName", "ModelDeveloper", "DeveloperContact"),
    "ReleaseInfo": ("ReleaseStage", "ReleaseDate", "ReleaseVersion", "GlobalAvailability", "RegulatoryApproval?"),
    "ModelSummary": ("Summary", "Keywords"),
    "UsesAndDirections": (
        "IntendedUseAndWorkflow", "PrimaryIntendedUsers", "HowToUse", "TargetedPatientPopulation",
        "CautionedOutOfScopeSettings",
    ),
    "Warnings": ("KnownRisksAndLimitations", "KnownBiasesOrEthicalConsiderations", "ClinicalRiskLevel"),
    "TrustIngredients": {
        "AISystemFacts": (
            "OutcomesAndOutputs", "ModelType", "FoundationModels?", "InputDataSource", "OutputAndInputDataTypes",
            "DevelopmentDataCharacterization", "BiasMitigationApproaches", "OngoingMaintenance", "Security?",
            "Transparency?",
        ),
        "TransparencyInformation": ("FundingSource", "ThirdPartyInformation?", "StakeholdersConsulted"),
    },
    "KeyMetrics": {"UsefulnessUsabilityEfficacy": METRIC, "FairnessEquity": METRIC, "SafetyReliability": METRIC},
    "Resources": (
        "EvaluationReferences?", "ClinicalTrial?", "PeerReviewedPublications", "ReimbursementStatus?",
        "PatientConsentOrDisclosure",
    ),
    "Bibliography": None,
}  # fmt: skip


def chai_xml(said: Mapping[str, Any]) -> str:
    """The card as XML.

    Args:
        said: texts by section and element; Keywords is a list, Results a list of pairs of label and JSON.

    Raises:
        InputError: an element is missing, or is none of the schema's; it is named.
    """
    problems = list(problems_of(said, ELEMENTS, "AppliedModelCard"))
    if problems:
        raise InputError(problems[0])
    ET.register_namespace("", NAMESPACE)
    root = ET.Element(f"{{{NAMESPACE}}}AppliedModelCard")
    _fill(root, said, ELEMENTS)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def problems_of(said: Any, elements: Any, where: str) -> Iterator[str]:
    """What keeps a card from being valid by the schema, one line each."""
    if elements is None:
        if not isinstance(said, str) or not said.strip():
            yield f"{where}: missing; a model card needs it"
        return
    names = {name.rstrip("?"): name.endswith("?") for name in elements}
    for name in said:
        if name not in names:
            yield f"{where}.{name}: is no element of the schema"
    for name, optional in names.items():
        if name not in said:
            if not optional:
                yield f"{where}.{name}: missing; a model card needs it"
        elif name == "Results":
            if not said[name]:
                yield f"{where}.{name}: missing; a model card needs one result at least"
        elif name != "Keywords":
            inner = elements[name] if isinstance(elements, Mapping) else None
            yield from problems_of(said[name], inner, f"{where}.{name}")


def _fill(parent: ET.Element, said: Mapping[str, Any], elements: Any) -> None:
    for name in (one.rstrip("?") for one in elements):
        if name not in said:
            continue
        inner = elements[name] if isinstance(elements, Mapping) else None
        element = ET.SubElement(parent, f"{{{NAMESPACE}}}{name}")
        if inner is not None:
            _fill(element, said[name], inner)
        elif name == "Keywords":
            _several(element, said[name])
        elif name == "Results":
            _results(element, said[name])
        else:
            element.text = said[name]


def _several(parent: ET.Element, words: Sequence[str]) -> None:
    for word in words:
        ET.SubElement(parent, f"{{{NAMESPACE}}}Keyword").text = word


def _results(parent: ET.Element, results: Sequence[tuple[str, str]]) -> None:
    for label, value in results:
        result = ET.SubElement(parent, f"{{{NAMESPACE}}}MetricResult")
        ET.SubElement(result, f"{{{NAMESPACE}}}Label").text = label
        ET.SubElement(result, f"{{{NAMESPACE}}}ValueJson").text = value
