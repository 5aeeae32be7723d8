"""A card is valid, complete, drawn from results, and refused when a fact is missing or the model has moved on."""

import json
import os
import xml.etree.ElementTree as ET
from pathlib import Path

import polars as pl
import pytest
from made_up_results import forecasts, table_of_patients, validation

from popsim.cli import main
from popsim.cli.validate import target_files
from popsim.errors import DefinitionError, InputError
from popsim.learning.performance import JudgedRisks, decision_curve
from popsim.reporting.cards.chai import ELEMENTS, NAMESPACE, chai_xml, problems_of
from popsim.reporting.cards.evidence import read_evidence
from popsim.reporting.cards.facts import KINDS, packaged_facts, read_facts
from popsim.reporting.cards.writing import card_markdown, card_page, card_xml, check_card, model_card, write_cards

SCHEMA = os.environ.get("CHAI_MODEL_CARD_SCHEMA")  # path of v0.2/schema.xsd of the coalition's repository


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("results")
    table = table_of_patients(folder / "register.csv")
    arguments = ["learn", "--table", str(table), "--outcome", "readmitted", "--person", "patient", "--day", "day"]
    assert main([*arguments, "--by", "sex", "--out", str(folder)]) == 0
    return {
        "simulator": validation(folder / "validation"),
        "forecast": forecasts(folder / "forecast.json"),
        "risk_model": folder / "learn" / "register_readmitted",
    }


@pytest.fixture(scope="module")
def cards(results):
    return {kind: model_card(read_facts(kind), read_evidence(kind, results[kind])) for kind in KINDS}


def structure(element: ET.Element) -> object:
    """Names of the elements below, in order, as nested lists."""
    return [(child.tag.removeprefix(f"{{{NAMESPACE}}}"), structure(child)) for child in element]


@pytest.mark.parametrize("kind", KINDS)
def test_the_xml_has_every_element_in_the_order_of_the_schema(cards, kind):
    root = ET.fromstring(card_xml(cards[kind]))
    assert root.tag == f"{{{NAMESPACE}}}AppliedModelCard"
    sections = structure(root)
    assert [name for name, _ in sections] == list(ELEMENTS)
    for name, below in sections:
        allowed = ELEMENTS[name]
        if allowed is None:
            assert below == []
            continue
        wanted = [one.rstrip("?") for one in allowed]
        names = [inner for inner, _ in below]
        assert names == [one for one in wanted if one in names]
        assert {one for one in allowed if not one.endswith("?")} <= set(names)
    for result in root.iter(f"{{{NAMESPACE}}}MetricResult"):
        label, value = list(result)
        assert label.text and isinstance(json.loads(str(value.text)), dict)


@pytest.mark.skipif(SCHEMA is None, reason="CHAI_MODEL_CARD_SCHEMA does not name the coalition's schema")
@pytest.mark.parametrize("kind", KINDS)
def test_the_xml_is_valid_by_the_coalitions_schema(cards, kind):
    etree = pytest.importorskip("lxml.etree")
    schema = etree.parse(SCHEMA)
    xs = "{http://www.w3.org/2001/XMLSchema}"
    for signature in [*schema.iter(f"{xs}import"), *schema.iter(f"{xs}element")]:
        if signature.tag == f"{xs}import" or signature.get("ref") == "ds:Signature":  # optional, and not at hand
            signature.getparent().remove(signature)
    etree.XMLSchema(schema).assertValid(etree.fromstring(card_xml(cards[kind]).encode()))


def test_a_card_of_few_target_files_warns(tmp_path, capsys):
    """1 of 36 files with all of its figures inside once read as a share of 100% and no more."""
    folder = validation(tmp_path / "validation")
    record = json.loads((folder / "validation.json").read_text())
    (folder / "validation.json").write_text(json.dumps(record | {"of_files": 36}))
    assert main(["card", "simulator", "--results", str(folder), "--out", str(tmp_path / "card")]) == 0
    told = "This card rests on 1 of 36 target files: 3 of 4 figures inside says nothing of the others."
    assert f"popsim: warning: {told}" in capsys.readouterr().err
    for form in ("card.xml", "card.md", "card.html", "card.json"):
        assert told in (tmp_path / "card" / form).read_text()
    assert "3 of 4 are inside (75%; target files: 1 of 36); outside" in (tmp_path / "card" / "card.md").read_text()
    (folder / "validation.json").write_text(json.dumps(record | {"of_files": 1}))
    assert read_evidence("simulator", folder).warnings == []


def test_target_files_are_counted_beside_those_that_are_named(tmp_path):
    for name in ("targets/a", "targets/b", "trials/c", "networks/d"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.toml").touch()
    assert [path.stem for path in target_files([tmp_path, tmp_path])] == ["a", "b", "c"]


def test_an_event_that_nobody_had_makes_a_card(results, tmp_path):
    said = json.loads(results["forecast"].read_text())
    for row in said["scores"]:
        row["c_statistic"] = None
    (tmp_path / "forecast.json").write_text(json.dumps(said))
    rows = read_evidence("forecast", tmp_path / "forecast.json").tables[0].rows
    assert all(row[-1].endswith("n/a") for row in rows)


@pytest.mark.parametrize("kind", KINDS)
def test_each_of_52_items_is_answered_or_refused_with_a_reason(cards, kind):
    card = cards[kind]
    assert len(card.tripod) == 52 and len({one.number.rstrip("abcdefg") for one in card.tripod}) == 27
    counts = [
        sum(one.status == status for one in card.tripod) for status in ("reported", "not applicable", "not reported")
    ]
    assert card.coverage == f"52 sub-items: {counts[0]} reported, {counts[1]} not applicable, {counts[2]} not reported"
    assert all(len(one.answer) > len("not reported: x") or one.status == "reported" for one in card.tripod)
    headings = {line[3:] for line in card_markdown(card).split("\n") if line.startswith("## ")}
    for one in card.tripod:
        if one.status == "reported":
            named = [name for name in headings if name in one.answer]
            assert named or "title" in one.answer, one.number


def test_numbers_are_those_of_the_results(cards, results):
    text = card_markdown(cards["simulator"])
    assert "3 of 4 are inside (75%; target files: 1); outside and listed: 1." in text
    assert "B" in text and "published 0.2 (0.15 to 0.25), simulated 0.4 (0.35 to 0.45)" in text
    said = json.loads((results["risk_model"] / "model_card.json").read_text())
    c = said["performance"]["c-statistic"]
    assert f"{c['value']:.2f} ({c['low']:.2f} to {c['high']:.2f})" in card_markdown(cards["risk_model"])
    assert "By subgroup: readmitted" in card_markdown(cards["risk_model"])
    assert "Decision curve: readmitted" in card_page(cards["risk_model"])
    figures = json.loads(results["forecast"].read_text())
    ratio = figures["events"][0]["observed_to_predicted"]["value"]
    assert f"{ratio:.2f} (" in card_markdown(cards["forecast"])
    assert "the 90% interval holds 50% of values: too narrow" in card_markdown(cards["forecast"])


def test_a_model_that_is_no_better_than_chance_or_a_score_fails(results, tmp_path):
    said = json.loads((results["risk_model"] / "model_card.json").read_text())
    said["performance"]["c-statistic"] = {"value": 0.51, "low": 0.44, "high": 0.58}
    gain = {"value": -0.17, "low": -0.28, "high": -0.07}
    said["against"] = [{"name": "LACE", "c_statistic": {"value": 0.68, "low": 0.6, "high": 0.76}, "gain": gain}]
    (tmp_path / "model_card.json").write_text(json.dumps(said))
    misses = read_evidence("risk_model", tmp_path).misses
    assert "readmitted: c-statistic 0.51 (0.44 to 0.58): it may tell people apart no better than chance." in misses
    assert "readmitted: no better than LACE: c-statistic less its c-statistic -0.17 (-0.28 to -0.07)." in misses


def test_a_changed_result_changes_the_card(cards, tmp_path):
    high = model_card(
        read_facts("forecast"), read_evidence("forecast", forecasts(tmp_path / "high.json", too_high=1.6))
    )
    assert card_xml(high) != card_xml(cards["forecast"])
    assert "observed to expected 0." in "\n".join(high.evidence.misses)
    usual, more = (
        dict(one.evidence.results["safety"])["observed to expected, Dies"] for one in (cards["forecast"], high)
    )
    assert json.loads(more)["value"] == pytest.approx(json.loads(usual)["value"] / 1.6, rel=0.01)


@pytest.mark.parametrize(
    ("kind", "taken", "named"),
    [
        ("simulator", 'out_of_scope = """Care of single', "simulator.uses.out_of_scope: missing"),
        ("risk_model", "clinical_risk = ", "risk_model.warnings.clinical_risk: missing"),
        ("forecast", '14 = "section Fairness"', "forecast.tripod.14: missing"),
    ],
)
def test_a_missing_fact_is_refused_by_name(tmp_path, kind, taken, named):
    text = packaged_facts()
    assert taken in text
    place = text.index(taken)
    end = text.index('"""\n', place + len(taken)) + 4 if '"""' in taken else text.index("\n", place) + 1
    (tmp_path / "facts.toml").write_text(text[:place] + text[end:])
    with pytest.raises(DefinitionError, match=named.replace(".", r"\.")):
        read_facts(kind, tmp_path / "facts.toml")


def test_a_typed_number_and_an_unknown_one_are_refused(tmp_path, cards):
    text = packaged_facts()
    typed = text.replace("{inside} of {targets} are inside", "89 of 113 are inside")
    (tmp_path / "facts.toml").write_text(typed)
    with pytest.raises(DefinitionError, match=r"simulator\.usefulness.interpretation: states a number"):
        read_facts("simulator", tmp_path / "facts.toml")
    (tmp_path / "facts.toml").write_text(text.replace("{inside} of {targets} are", "{insde} of {targets} are"))
    with pytest.raises(DefinitionError, match=r"'{insde}'.*did you mean 'inside'"):
        model_card(read_facts("simulator", tmp_path / "facts.toml"), cards["simulator"].evidence)


def test_results_of_another_popsim_are_refused(tmp_path):
    folder = validation(tmp_path / "validation")
    record = json.loads((folder / "validation.json").read_text())
    (folder / "validation.json").write_text(json.dumps(record | {"code": "0" * 64}))
    with pytest.raises(InputError, match="a card would be older than its model"):
        read_evidence("simulator", folder)


def test_changed_targets_are_refused(tmp_path):
    folder = validation(tmp_path / "validation")
    (folder / "targets.toml").write_text("# changed\n")
    with pytest.raises(InputError, match=r"targets\.toml: changed since"):
        read_evidence("simulator", folder)


@pytest.mark.parametrize("form", ["card.xml", "card.md", "card.html", "card.json"])
def test_a_card_older_than_its_model_is_refused(tmp_path, form, cards):
    written = {path.name: path for path in write_cards(cards["forecast"], tmp_path)}
    check_card(written[form], cards["forecast"].evidence)
    newer = read_evidence("forecast", forecasts(tmp_path / "newer.json", people=401))
    with pytest.raises(InputError, match="is older than its model"):
        check_card(written[form], newer)


@pytest.mark.slow
def test_the_command_writes_and_checks(results, tmp_path, capsys):
    out = tmp_path / "card"
    assert main(["card", str(results["risk_model"]), "--out", str(out)]) == 0
    said = capsys.readouterr().out.split("\n")
    assert said[:4] == [str(out / name) for name in ("card.xml", "card.md", "card.html", "card.json")]
    assert said[4].startswith("TRIPOD+AI: 52 sub-items: ")
    assert main(["card", str(results["risk_model"]), "--check", str(out / "card.html")]) == 0
    assert main(["card", "forecast", "--results", str(results["forecast"]), "--check", str(out / "card.html")]) == 2
    assert "is older than its model" in capsys.readouterr().err
    assert main(["card", "forcast"]) == 2
    assert "must be simulator, forecast, or the folder" in capsys.readouterr().err
    assert main(["card", "simulator", "--results", str(tmp_path / "none")]) == 2
    assert "'popsim validate' makes them" in capsys.readouterr().err
    facts = tmp_path / "facts.toml"
    assert main(["card", "simulator", "--write-facts", str(facts)]) == 0
    assert facts.read_text() == packaged_facts()


def test_what_the_schema_does_not_know_is_named():
    assert list(problems_of({"ModelName": "a", "Nmae": "b"}, ELEMENTS["BasicInfo"], "BasicInfo")) == [
        "BasicInfo.Nmae: is no element of the schema",
        "BasicInfo.ModelDeveloper: missing; a model card needs it",
        "BasicInfo.DeveloperContact: missing; a model card needs it",
    ]
    with pytest.raises(InputError, match=r"AppliedModelCard\.BasicInfo: missing"):
        chai_xml({})


def test_a_decision_curve_by_hand():
    """Four rows, threshold 1/4, odds 1/3: of two acted on one rightly, 1/4 - 1/4 x 1/3; of all two, 1/2 - 1/2 x 1/3."""
    judged = JudgedRisks.of(pl.Series([0.1, 0.2, 0.3, 0.9]).to_numpy(), pl.Series([1, 0, 0, 1]).to_numpy())
    (row,) = decision_curve(judged, [0.25]).to_dicts()
    assert row == pytest.approx(
        {"threshold": 0.25, "acted_on": 0.5, "net_benefit": 1 / 4 - 1 / 12, "net_benefit_of_all": 1 / 2 - 1 / 6}
    )
