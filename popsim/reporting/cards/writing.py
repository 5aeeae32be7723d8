"""A model card as XML (Applied Model Card of CHAI), Markdown, HTML and FHIR, from facts and results.

    card.xml    the coalition's schema        card.md, card.html    for people, with all tables and TRIPOD+AI
    card.json   a FHIR R4 DocumentReference of these files, about the model as a Device

Each form carries the hash of popsim and of the results that it was made from: a card that no longer fits is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from popsim.errors import InputError
from popsim.html import html_table
from popsim.learning.card import WARNING
from popsim.reporting.cards.chai import chai_xml
from popsim.reporting.cards.evidence import CardEvidence
from popsim.reporting.cards.facts import Facts, TripodAnswer
from popsim.reporting.pages.page import page, wide
from popsim.studies.content import SHOWN, code_hash

XML, MARKDOWN, HTML, FHIR = "card.xml", "card.md", "card.html", "card.json"
MADE_FROM = re.compile(r"Made from popsim ([0-9a-f]{64}) and results ([0-9a-f]{64})\.")
TRIPOD = "TRIPOD+AI (Collins et al. 2024, BMJ 385:e078378, CC BY 4.0)"
HEADINGS = {
    "Summary": ("summary.text",),
    "Intended use": ("uses.intended", "uses.how_to"),
    "Users": ("uses.users",),
    "Population": ("uses.population",),
    "Out of scope": ("uses.out_of_scope",),
    "Known failures": ("sources.known_failures",),
    "Risks and limitations": ("warnings.risks", "warnings.clinical_risk"),
    "Biases and ethics": ("warnings.biases",),
    "Model": ("system.model_type", "system.foundation_models", "system.outputs", "system.inputs", "system.data_types"),
    "Development": ("system.development_data", "system.bias_mitigation"),
    "Usefulness": ("usefulness.goal", "usefulness.data", "usefulness.process", "usefulness.interpretation"),
    "Fairness": ("fairness.goal", "fairness.data", "fairness.process", "fairness.interpretation"),
    "Safety and reliability": ("safety.goal", "safety.data", "safety.process", "safety.interpretation"),
    "Maintenance": ("system.maintenance", "system.security", "system.transparency"),
    "Who stands behind it": ("basic.developer", "basic.contact", "people.funding", "people.stakeholders"),
    "Resources": ("resources.evaluation", "resources.publications", "resources.consent", "release.regulatory"),
    "Bibliography": ("sources.bibliography",),
}  # fmt: skip


class ModelCard(NamedTuple):
    """A card: facts with their numbers, results, and answers to TRIPOD+AI.

    Attributes:
        kind: of model.
        said: facts by section and key.
        evidence: results.
        tripod: answers.
    """

    kind: str
    said: Mapping[str, Mapping[str, Any]]
    evidence: CardEvidence
    tripod: Sequence[TripodAnswer]

    @property
    def title(self) -> str:
        """Of the card."""
        return f"Model card: {self.said['basic']['name']}"

    @property
    def made_from(self) -> str:
        """Hashes of popsim and of the results."""
        return f"Made from popsim {self.evidence.code} and results {self.evidence.digest}."

    @property
    def coverage(self) -> str:
        """How many items of TRIPOD+AI are reported."""
        counts = dict.fromkeys(("reported", "not applicable", "not reported"), 0)
        for answer in self.tripod:
            counts[answer.status] += 1
        return f"{len(self.tripod)} sub-items: " + ", ".join(f"{count} {status}" for status, count in counts.items())


def model_card(facts: Facts, evidence: CardEvidence) -> ModelCard:
    """The card of a model.

    Raises:
        DefinitionError: facts name a number that results do not have.
    """
    return ModelCard(facts.kind, facts.filled(evidence.numbers), evidence, facts.tripod)


def write_cards(card: ModelCard, folder: Path) -> list[Path]:
    """Write all four forms; returns their paths.

    Raises:
        InputError: the folder cannot be written, or the card lacks an element of the schema.
    """
    forms = {XML: card_xml(card), MARKDOWN: card_markdown(card), HTML: card_page(card), FHIR: card_fhir(card)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in forms.items():
            temporary = folder / f".tmp-{name}"
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(folder / name)
    except OSError as error:
        raise InputError(f"--out {folder}: cannot be written: {error.strerror}") from None
    return [folder / name for name in forms]


def check_card(path: Path, evidence: CardEvidence) -> None:
    """Refuse a card that was made from another popsim or from other results.

    Args:
        path: of one of its forms.
        evidence: the model's results of today.

    Raises:
        InputError: it is no such card, or older than its model.
    """
    try:
        found = MADE_FROM.search(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        found = None
    if found is None:
        raise InputError(f"{path}: is no model card of popsim")
    for what, said, now in (("popsim", found[1], code_hash()), ("results", found[2], evidence.digest)):
        if said != now:
            raise InputError(
                f"{path}: is older than its model: made from {what} {said[:SHOWN]}, now {now[:SHOWN]}; write it again"
            )


def card_xml(card: ModelCard) -> str:
    """The Applied Model Card."""

    def text(section: str, key: str) -> str:
        return _text(card.said, f"{section}.{key}")

    def metric(section: str) -> dict[str, Any]:
        return {
            "MetricGoal": text(section, "goal"),
            "Results": card.evidence.results[section],
            "Interpretation": text(section, "interpretation"),
            "TestType": text(section, "test_type"),
            "TestingDataDescription": text(section, "data"),
            "ValidationProcessAndJustification": text(section, "process"),
        }

    known = [*card.evidence.warnings, *card.evidence.misses]
    failures = "\n".join([text("sources", "known_failures"), *(f"- {one}" for one in known)])
    return chai_xml(
        {
            "BasicInfo": {
                "ModelName": text("basic", "name"),
                "ModelDeveloper": text("basic", "developer"),
                "DeveloperContact": text("basic", "contact"),
            },
            "ReleaseInfo": {
                "ReleaseStage": text("release", "stage"),
                "ReleaseDate": card.evidence.made,
                "ReleaseVersion": f"popsim {version('popsim')}. {card.made_from}",
                "GlobalAvailability": text("release", "availability"),
                "RegulatoryApproval": text("release", "regulatory"),
            },
            "ModelSummary": {"Summary": text("summary", "text"), "Keywords": card.said["summary"]["keywords"]},
            "UsesAndDirections": {
                "IntendedUseAndWorkflow": text("uses", "intended"),
                "PrimaryIntendedUsers": text("uses", "users"),
                "HowToUse": text("uses", "how_to"),
                "TargetedPatientPopulation": text("uses", "population"),
                "CautionedOutOfScopeSettings": text("uses", "out_of_scope"),
            },
            "Warnings": {
                "KnownRisksAndLimitations": f"{text('warnings', 'risks')}\n{failures}",
                "KnownBiasesOrEthicalConsiderations": text("warnings", "biases"),
                "ClinicalRiskLevel": text("warnings", "clinical_risk"),
            },
            "TrustIngredients": {
                "AISystemFacts": {
                    "OutcomesAndOutputs": text("system", "outputs"),
                    "ModelType": text("system", "model_type"),
                    "FoundationModels": text("system", "foundation_models"),
                    "InputDataSource": text("system", "inputs"),
                    "OutputAndInputDataTypes": text("system", "data_types"),
                    "DevelopmentDataCharacterization": text("system", "development_data"),
                    "BiasMitigationApproaches": text("system", "bias_mitigation"),
                    "OngoingMaintenance": text("system", "maintenance"),
                    "Security": text("system", "security"),
                    "Transparency": f"{text('system', 'transparency')} {TRIPOD}: {card.coverage}.",
                },
                "TransparencyInformation": {
                    "FundingSource": text("people", "funding"),
                    "ThirdPartyInformation": text("people", "third_parties"),
                    "StakeholdersConsulted": text("people", "stakeholders"),
                },
            },
            "KeyMetrics": {
                "UsefulnessUsabilityEfficacy": metric("usefulness"),
                "FairnessEquity": metric("fairness"),
                "SafetyReliability": metric("safety"),
            },
            "Resources": {
                "EvaluationReferences": text("resources", "evaluation"),
                "PeerReviewedPublications": text("resources", "publications"),
                "PatientConsentOrDisclosure": text("resources", "consent"),
            },
            "Bibliography": text("sources", "bibliography"),
        }
    )


def _text(said: Mapping[str, Mapping[str, Any]], *names: str) -> str:
    """Facts as Markdown: a list as bullets."""
    parts = []
    for name in names:
        section, key = name.split(".")
        value = said[section][key]
        parts.append("\n".join(f"- {one}" for one in value) if isinstance(value, list) else value)
    return "\n\n".join(parts)


def _labelled(said: Mapping[str, Mapping[str, Any]], names: Sequence[str]) -> str:
    """Facts of a section as Markdown, each with its label where there are several."""
    if len(names) == 1:
        return _text(said, *names)
    parts = []
    for name in names:
        label = name.split(".")[1].replace("_", " ").capitalize()
        text = _text(said, name)
        parts.append(f"{label}:\n\n{text}" if text.startswith("- ") else f"{label}: {text}")
    return "\n\n".join(parts)


def card_markdown(card: ModelCard) -> str:
    """The card for people, as Markdown."""
    parts = [f"# {card.title}", f"**{WARNING}** {_stated(card)}"]
    parts += [f"**Warning:** {one}" for one in card.evidence.warnings]
    for heading, names in HEADINGS.items():
        parts += [f"## {heading}", _labelled(card.said, names)]
        if heading == "Known failures":
            parts.append("\n".join(f"- {one}" for one in card.evidence.misses) or "Results show none.")
    parts.append("## Results")
    for table in card.evidence.tables:
        parts += [f"### {table.caption}", _markdown_table(table.head, table.rows)]
    parts += [f"## {TRIPOD}", f"{card.coverage}.", _markdown_table(["Item", "Part", "Asks", "Where"], _tripod(card))]
    return "\n\n".join(parts) + "\n"


def _stated(card: ModelCard) -> str:
    return f"Written by popsim {version('popsim')} from results of {card.evidence.made}. {card.made_from}"


def _tripod(card: ModelCard) -> list[tuple[str, str, str, str]]:
    return [(one.number, one.part, one.asks, one.answer) for one in card.tripod]


def _markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def card_page(card: ModelCard) -> str:
    """The card for people, as one HTML page."""
    sections = []
    for heading, names in HEADINGS.items():
        body = _html(_labelled(card.said, names))
        if heading == "Known failures":
            body += _html("\n".join(f"- {one}" for one in card.evidence.misses) or "Results show none.")
        sections.append((heading, body))
    tables = "".join(wide(html_table(*table)) for table in card.evidence.tables)
    tripod = wide(html_table(f"{TRIPOD}: {card.coverage}", ["Item", "Part", "Asks", "Where"], _tripod(card)))
    sections += [("Results", tables), ("TRIPOD+AI", tripod)]
    anchors = [re.sub(r"[^a-z]+", "-", heading.lower()) for heading, _ in sections]
    links = "".join(
        f'<li><a href="#{at}">{escape(heading)}</a></li>' for at, (heading, _) in zip(anchors, sections, strict=True)
    )
    body = "\n".join(
        f'<section aria-labelledby="{at}"><h2 id="{at}">{escape(heading)}</h2>{text}</section>'
        for at, (heading, text) in zip(anchors, sections, strict=True)
    )
    warnings = "".join(f"<p><strong>Warning:</strong> {escape(one)}</p>\n" for one in card.evidence.warnings)
    return page(
        card.title,
        f"""<header>
<h1>{escape(card.title)}</h1>
<p><strong>{escape(WARNING)}</strong></p>
<p class="quiet">{escape(_stated(card))}</p>
{warnings}</header>
<nav aria-label="Contents"><ul>{links}</ul></nav>
<main>
{body}
</main>""",
    )


def _html(text: str) -> str:
    """Paragraphs and bullets of a fact."""
    parts = []
    for block in text.split("\n\n"):
        lines = block.split("\n")
        if all(line.startswith("- ") for line in lines):
            parts.append("<ul>" + "".join(f"<li>{escape(line[2:])}</li>" for line in lines) + "</ul>")
        else:
            parts.append(f"<p>{escape(block)}</p>")
    return "".join(parts)


def card_fhir(card: ModelCard) -> str:
    """A FHIR R4 DocumentReference of the card's files, about the model as a contained Device."""
    forms = ((XML, "application/xml"), (MARKDOWN, "text/markdown"), (HTML, "text/html"))
    device = {
        "resourceType": "Device",
        "id": "model",
        "status": "active",
        "manufacturer": card.said["basic"]["developer"],
        "deviceName": [{"name": card.said["basic"]["name"], "type": "user-friendly-name"}],
        "version": [{"value": f"popsim {version('popsim')}"}],
        "note": [{"text": " ".join([WARNING, *card.evidence.warnings, card.made_from])}],
    }
    reference = {
        "resourceType": "DocumentReference",
        "contained": [device],
        "status": "current",
        "type": {"text": "AI model card"},
        "description": card.title,
        "date": f"{card.evidence.made}T00:00:00Z",
        "content": [{"attachment": {"contentType": kind, "url": name, "title": card.title}} for name, kind in forms],
        "context": {"related": [{"reference": "#model"}]},
    }
    return json.dumps(reference, indent=2, ensure_ascii=False) + "\n"
