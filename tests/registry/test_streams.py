"""Streams: what a line means, what refuses it, what is left for later."""

import csv
import json
from datetime import date, timedelta

import pytest

from popsim.errors import DefinitionError, InputError
from popsim.evidence.sets import SHIPPED
from popsim.registry.packing import BeliefKind
from popsim.registry.stream import Calendar, Reader, Standing, whole_lines
from popsim.registry.vocabulary import vocabulary_of

TWIN, OTHER = "abcd1234", "efgh5678"
KIND = BeliefKind(1, 24, SHIPPED)
STANDINGS = {twin: Standing(vocabulary_of(SHIPPED), 10, KIND, "") for twin in (TWIN, OTHER)}
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
        ("2160-0", "0.0884", "mmol/l", 0.0884 * 113.12 / 10),
        ("33762-6", "177.37", "pmol/L", 177.37 * 8.457),  # by the molar mass of NT-proBNP
        ("98979-8", "55", "ml/min/1.73m\N{SUPERSCRIPT TWO}", 55.0),
        ("75994-4", "20", "cm[H2O]", 20 * 0.735559),
    ],
)
def test_units_are_converted(code, value, unit, stored):
    [row] = read(HEADER, f"1,{code},{value},{unit},observation")
    assert row.value == pytest.approx(stored, rel=1e-8)
    assert (row.twin, row.day, row.code) == (TWIN, 1, code)


@pytest.mark.parametrize(
    ("code", "value", "unit", "stored"),
    [
        # The table that the NGSP prints (ngsp.org/convert1.asp): 31 mmol/mol is 5.0%, 53 is 7.0%, 86 is 10.0%.
        ("4548-4", "31", "mmol/mol", 5.0),
        ("59261-8", "53", "mmol/mol", 7.0),
        ("17856-6", "86", "mmol/mol", 10.0),
        ("718-7", "8.7", "mmol/L", 14.0),  # by the factor in clinical use, 0.6206 mmol/L for 1 g/dL
        ("14959-1", "30", "mg/g", 30.0),
        ("14959-1", "30", "ug/mg{creat}", None),
        ("32294-1", "3.4", "mg/mmol", 30.0),  # KDIGO's limit of A2, in both units
        ("9318-7", "3.4", "g/mol", 30.0),
        ("20152-5", "64", "%", 64.0),
        ("32294-1", "30", "mg/g", None),  # this code is mass by amount
        ("59261-8", "5.3", "%", None),  # per cent of the IFCC is another number
        ("20150-9", "2.1", "L", None),  # FEV1 in litres
    ],
)
def test_codes_and_units_of_the_clinical_twin(code, value, unit, stored):
    standing = Standing(vocabulary_of(SHIPPED), 10, BeliefKind(1, 24, SHIPPED), "")
    reader, line = Reader("data.csv", Calendar(), TWIN), f"1,{code},{value},{unit},observation"
    if stored is None:
        with pytest.raises(DefinitionError, match="allowed"):
            reader.rows([HEADER, line], {TWIN: standing})
    else:
        [row] = reader.rows([HEADER, line], {TWIN: standing})
        assert row.value == pytest.approx(stored, rel=0.01)  # as rounded as the printed values


def test_a_second_before_midnight_is_of_that_day():
    zero = date(2024, 2, 29)
    lines = ("2024-03-01T23:59:57,29463-7,80,kg,observation", "1.99999,8480-6,120,mm[Hg],observation")
    assert [(row.time, row.day) for row in read(HEADER, *lines, calendar=Calendar(zero, today=1))] == [(1.9999, 1)] * 2
    assert [row.time for row in read(HEADER, "0.29,29463-7,80,kg,observation", "7.3,29463-7,80,kg,observation")] == [
        0.29,
        7.3,
    ]


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
    ("1,aspirin,80,mg/d,medication", "code: allowed: apixaban"),
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
    ("1_0,29463-7,80,kg,observation", "time = '1_0': must be a number of days"),
    ("1,29463-7,8_1.5,kg,observation", "value = '8_1.5': must be a number"),
    ("1,29463-7,\N{ARABIC-INDIC DIGIT EIGHT}\N{ARABIC-INDIC DIGIT ZERO},kg,observation", "value"),
    ("1,29463-7,inf,kg,observation", "value = 'inf': must be a number"),
    ('1,29463-7,"80,5",kg,observation', "value: must be a number"),
    ("1,88020-3,2.5,1,observation", "value = '2.5': must be a whole number between 1 and 4"),
    ("1,29463-7," + "9" * 200_000 + ",kg,observation", "line: is not CSV"),
]


@pytest.mark.parametrize(("line", "said"), REFUSED, ids=[said[:30] for _, said in REFUSED])
def test_a_bad_line_is_refused_with_file_line_key_and_what_is_allowed(line, said):
    csv.field_size_limit(131_072)  # the default, which other libraries raise for the whole process
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
        (
            "date,code,value,unit",
            "data.csv:1: key = 'date': the column of times is called time; it holds days, or dates",
        ),
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
        ('{"time": 1, "code": "29463-7", "value": 1' + "0" * 400 + ', "unit": "kg"}', "value: must be a number"),
        ('{"time": 1, "code": "29463-7", "value": NaN, "unit": "kg"}', "value = 'nan': must be a number"),
        ('{"time": 1, "code": "' + "x" * 100_000 + '"}', "code: allowed"),
    ],
)
def test_a_bad_line_of_json_is_refused(line, said):
    assert refused(line).startswith(f"data.csv:1: {said}")


def test_times_of_day_count_from_one_clock():
    zero = date(2024, 2, 29)
    lines = ["2024-03-01T06:00:00+01:00,29463-7,80,kg,observation", "2024-03-02T06:00:00,29463-7,80,kg,observation"]
    said = refused(HEADER, *lines, calendar=Calendar(zero, today=9))
    assert said == "data.csv:3: time: give all times with an offset from UTC (+01:00), or none"
    lines[1] = "2024-04-02T06:00:00+02:00,29463-7,80,kg,observation"  # summer has come
    assert [row.time for row in read(HEADER, *lines, calendar=Calendar(zero, today=99))] == [1.25, 33.25]


def test_a_stream_about_several_twins_says_whose_each_line_is():
    header, line = f"twin,{HEADER}", "1,29463-7,80,kg,observation"
    assert [row.twin for row in read(header, f"{TWIN},{line}", f"{OTHER},{line}", twin=None)] == [TWIN, OTHER]
    assert "twin: is not the twin that is updated" in refused(header, f"{OTHER},{line}")
    assert "twin: there is none of this id" in refused(header, f"{'z' * 8},{line}", twin=None)
    assert "twin: must be the id of a twin" in refused(HEADER, line, twin=None)


def test_the_last_line_is_left_until_it_has_its_end():
    whole = b"time,code\r\n1,2\r\n3,4"
    assert whole_lines(whole, "x") == (["time,code", "1,2"], True)
    assert whole_lines(whole + b"\n", "x") == (["time,code", "1,2", "3,4"], False)
    assert whole_lines(b"", "x") == ([], False)
    for raw, said in (
        (b"time,code\r1,2\r3,4", "CR alone"),
        ("time\n1".encode("utf-16"), "not UTF-8"),
        (b"a\n\0\n", "NUL"),
    ):
        with pytest.raises(InputError, match=said):
            whole_lines(raw, "x")
    assert whole_lines(b"\xef\xbb\xbftime\n", "x") == (["time"], False)
    assert whole_lines("1,é".encode()[:-1], "x") == ([], True)  # cut off within a letter
