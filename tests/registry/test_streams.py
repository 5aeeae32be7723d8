"""Streams: what a line means, what refuses it, what is left for later."""

import json
from datetime import date, timedelta

import pytest

from popsim.errors import DefinitionError
from popsim.registry.packing import BeliefKind
from popsim.registry.stream import Calendar, Reader, Standing, whole_lines
from popsim.registry.vocabulary import vocabulary_of

TWIN, OTHER = "abcd1234", "efgh5678"
KIND = BeliefKind("heart_failure", 1, 24)
STANDINGS = {twin: Standing(vocabulary_of("heart_failure"), 10, KIND, "") for twin in (TWIN, OTHER)}
HEADER = "time,code,value,unit,kind"


def read(*lines, calendar=None, twin=TWIN):
    return Reader("data.csv", calendar or Calendar(), twin).rows(lines, STANDINGS)


def refused(*lines, calendar=None, twin=TWIN):
    with pytest.raises(DefinitionError) as error:
        read(*lines, calendar=calendar, twin=twin)
    return str(error.value)


@pytest.mark.parametrize(
    ("code", "value", "unit", "stored"),
    [
        ("29463-7", "180", "[lb_av]", 180 * 0.45359237),  # the international pound
        ("29463-7", "12", "[stone_av]", 12 * 6.35029318),
        ("29463-7", "81500", "g", 81.5),
        ("8480-6", "16", "kPa", 16 * 7.500615613),
        ("8867-4", "72", "{beats}/min", 72.0),
        ("2823-3", "4.4", "meq/L", 4.4),  # an ion of one charge
        ("6298-4", "4.4", "mmol/L", 4.4),
        ("33762-6", "1500", "ng/L", 1500.0),
        ("10230-1", "0.35", "1", 35.0),
        ("14682-9", "88.4", "umol/L", 88.4 * 113.12 / 1e4),  # by the molar mass of creatinine
    ],
)
def test_units_are_converted(code, value, unit, stored):
    [row] = read(HEADER, f"1,{code},{value},{unit},observation")
    assert row.value == pytest.approx(stored, rel=1e-8)
    assert (row.twin, row.day, row.code) == (TWIN, 1, code)


def test_a_reading_in_pounds_is_the_same_reading_in_kilograms():
    pounds, kilograms = read(HEADER, "1,29463-7,180,lb,observation", "1,29463-7,81.6466266,kg,observation")
    assert pounds.value == kilograms.value


def test_json_lines_say_the_same_as_csv():
    fields = {"time": 2.5, "code": "29463-7", "value": 81.5, "unit": "kg", "kind": "observation"}
    assert read(json.dumps(fields)) == [row._replace(line=1) for row in read(HEADER, "2.5,29463-7,81.5,kg,observation")]


def test_lines_are_put_in_order_of_time_and_an_end_of_a_drug_before_a_beginning():
    lines = ["3,29463-7,80,kg,observation", "1,bisoprolol,5,mg/d,medication", "1,metoprolol,0,mg/d,medication"]
    assert [row.code for row in read(HEADER, *lines)] == ["metoprolol", "bisoprolol", "29463-7"]


def test_dates_are_counted_from_the_day_given_along():
    zero = date.today() - timedelta(days=5)
    moment = f"{zero + timedelta(days=3)}T06:00:00+01:00"
    [row] = read(HEADER, f"{moment},29463-7,80,kg,observation", calendar=Calendar(zero))
    assert row.time == 3.25  # by the clock on the person's wall
    assert "future; must be at most day 5" in refused(
        HEADER, f"{zero + timedelta(days=6)},29463-7,80,kg,observation", calendar=Calendar(zero)
    )


REFUSED = [
    ("1,29463-8,80,kg,observation", "code = '29463-8': did you mean '29463-7'"),
    ("1,aspirin,80,mg/d,medication", "code: allowed: bisoprolol"),
    ("1,tooth_ache,,,event", "code: allowed: admitted"),
    ("1,29463-7,80,kg,opinion", "kind: allowed: observation, medication, event"),
    ("1,29463-7,80,mmol/L,observation", "unit = 'mmol/L': allowed: kg, g, mg, lb, stone"),
    ("1,29463-7,80,stones,observation", "unit: allowed: kg, g, mg, lb, stone"),
    ("1,symptom_score,50,%,observation", "unit = '%': allowed: 1"),
    ("1,29463-7,812,kg,observation", "value = '812': must be between 20 and 275 kg"),
    ("1,29463-7,nan,kg,observation", "value = 'nan': must be a number"),
    ("1,29463-7,,kg,observation", "value: must be a number"),
    ("1,29463-7,heavy,kg,observation", "value: must be a number"),
    ("1,bisoprolol,20,mg/d,medication", "value = '20': must be between 0 and 10 mg/d"),
    ("1,heart_failure,1,,event", "value: must be empty for an event"),
    ("-1,29463-7,80,kg,observation", "time = '-1.0': is before the twin's start"),
    ("1e400,29463-7,80,kg,observation", "time = '1e400': must be a number of days"),
    ("2026-03-01,29463-7,80,kg,observation", "time: must be a number of days since the twin's start (dates need"),
    ("377,29463-7,80,kg,observation", "time = '377.0': lies in the future; must be at most day 376"),
    ("1,29463-7,80,kg", "line: has 4 fields, the header has 5"),
    ('1,"29463-7,80,kg,observation', "line: is not CSV"),
]


@pytest.mark.parametrize(("line", "said"), REFUSED, ids=[said[:30] for _, said in REFUSED])
def test_a_bad_line_is_refused_with_file_line_key_and_what_is_allowed(line, said):
    message = refused(HEADER, "1,29463-7,80,kg,observation", line)
    assert message.startswith(f"data.csv:3: {said}")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("time,code,value,unit,surname", "data.csv:1: key: nothing that names a person is taken"),
        ("time,loinc,value,unit", "data.csv:1: key: unknown, allowed: code, kind"),
        ("time,value,unit,kind", "data.csv:1: code: missing"),
        ("time,code,value,unit,time", "data.csv:1: time: is there twice"),
    ],
)
def test_a_bad_header_is_refused(header, said):
    assert refused(header, "1,29463-7,80,kg,observation").startswith(said)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"time": 1, "code": "29463-7", "value": true, "unit": "kg"}', "value = 'True': must be a number"),
        ('{"time": 1, "code": "29463-7", "value": 80, "unit": "kg"', "line: is not JSON"),
        ('{"time": 1, "time": 2, "code": "29463-7"}', "time: is there twice"),
        ('{"code": "29463-7"}', "time: missing"),
        ('{"time": true, "code": "29463-7"}', "time = 'True': must be a number"),
        ('{"time": 1, "code": ["29463-7"]}', "code: allowed"),
    ],
)
def test_a_bad_line_of_json_is_refused(line, said):
    assert refused(line).startswith(f"data.csv:1: {said}")


def test_a_stream_about_several_twins_says_whose_each_line_is():
    header, line = f"twin,{HEADER}", "1,29463-7,80,kg,observation"
    assert [row.twin for row in read(header, f"{TWIN},{line}", f"{OTHER},{line}", twin=None)] == [TWIN, OTHER]
    assert "twin: is another than the one" in refused(header, f"{OTHER},{line}")
    assert "twin: there is none of this id" in refused(header, f"{'z' * 8},{line}", twin=None)
    assert "twin: must be the id of a twin" in refused(HEADER, line, twin=None)


def test_the_last_line_is_left_until_it_has_its_end():
    whole = b"time,code\r\n1,2\r\n3,4"
    assert whole_lines(whole, "x") == (["time,code", "1,2"], True)
    assert whole_lines(whole + b"\n", "x") == (["time,code", "1,2", "3,4"], False)
    assert whole_lines(b"", "x") == ([], False)
    assert whole_lines("1,é".encode()[:-1], "x") == ([], True)  # cut off within a letter
