"""Files of scales, cuffs and watches as streams of a twin: formats, thinning, faults of clocks, and what is refused.

The shapes are those of the makers' exports as public converters read them (Withings' weight.csv, bp.csv and
raw_hr_hr.csv, Omron's report, Fitbit's Body table and account files, Apple Health's export.xml) and of
openmhealth/schemas; all numbers are made up.
"""

from __future__ import annotations

import io
import json
import zipfile
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from popsim.errors import DefinitionError
from popsim.evidence.sets import SHIPPED
from popsim.exchange.recognise import wearable_data
from popsim.registry.stream import Calendar
from popsim.registry.vocabulary import vocabulary_of

ZERO = date(2026, 3, 1)
TWIN = "7h3k9q2m"
TODAY = 40
VOCABULARY = vocabulary_of(SHIPPED)


def read(
    folder: Path, content: str | bytes, name: str = "export.csv", twin: str | None = TWIN, today: int | None = TODAY
):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return wearable_data(path, twin, Calendar(ZERO, today), VOCABULARY)


def lines(found) -> list[tuple[float, str, float, str]]:
    """Time, code, value and unit of each line of the stream."""
    head, *rest = found.stream.decode().splitlines()
    assert head == "time,code,value,unit,kind"
    words = [line.split(",") for line in rest]
    assert all(one[4] == "observation" for one in words)
    return [(float(one[0]), one[1], float(one[2]), one[3]) for one in words]


WITHINGS = """Date,"Weight (kg)","Fat mass (kg)",Comments
"2026-03-05 18:00:00",82.60,25.1,
"2026-03-05 07:12:33",81.90,25.1,
"2026-03-05 07:10:00",81.70,25.1,
"2026-03-02 07:12:00",81.0,25.1,
"""


def test_a_scale_gives_the_first_sitting_of_each_day(tmp_path):
    found = read(tmp_path, WITHINGS, "weight.csv")
    days = [(time // 1, value) for time, code, value, _ in lines(found)]
    assert days == [(1.0, 81.0), (4.0, 81.7)]  # of two in the sitting the lower middle, and not the evening's
    assert lines(found)[1][0] == pytest.approx(4 + (7 * 60 + 10) / 1440, abs=2e-6)
    assert found.taken == (("weight", 4, 2, 2, 2),)
    assert "weight: 4 readings, 2 used, one a day, 2 days without, at most 2 in a row" in "\n".join(found.lines())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('Date,"Weight (lb)"\n2026-03-02,180\n', [(1.0, "29463-7", 81.6466266, "kg")]),
        ("Datum;Gewicht (kg)\n02.03.2026 07:12;81,9\n", [(1.3, "29463-7", 81.9, "kg")]),
        ("date\tweight_kg\n2026-03-02T12:00:00\t81.9\n", [(1.5, "29463-7", 81.9, "kg")]),
        ("Date,Weight\n2026-03-02,81.9 kg\n", [(1.0, "29463-7", 81.9, "kg")]),
        # A Fitbit's table has no unit; weight / height squared settles it: 176.4 lb and 80.0 kg at 1.78 m are 25.3.
        ('Body\nDate,Weight,BMI,Fat\n"2026-03-02","176.4","25.3","20"\n', [(1.0, "29463-7", 80.0136941, "kg")]),
        ('Body\nDate,Weight,BMI,Fat\n"2026-03-02","80.0","25.3","20"\n', [(1.0, "29463-7", 80.0, "kg")]),
        (
            'Date,"Heart rate",Systolic,Diastolic,Comments\n"2026-03-02 06:00:00",64,130,85,\n',
            [(1.25, "8867-4", 64.0, "/min"), (1.25, "8480-6", 130.0, "mm[Hg]")],
        ),
        (
            "Date,Time,Systolic (mmHg),Diastolic (mmHg),Pulse (bpm),Symptoms,Consumed,TruRead,Notes\n"
            "Mar 2 2026,06:00 pm,130,85,64,-,-,-,-\n",
            [(1.75, "8867-4", 64.0, "/min"), (1.75, "8480-6", 130.0, "mm[Hg]")],
        ),
        (
            "Measurement Date,Time Zone,SYS(mmHg),DIA(mmHg),Pulse(bpm),Device\n"
            "2026/03/02 06:00,Europe/Berlin,130,85,64,x\n",
            [(1.25, "8867-4", 64.0, "/min"), (1.25, "8480-6", 130.0, "mm[Hg]")],
        ),
        (
            "type,sourceName,unit,startDate,value\n"
            "HKQuantityTypeIdentifierBodyMass,Anna's scale,lb,2026-03-02 12:00:00 +0100,180\n",
            [(1.5, "29463-7", 81.6466266, "kg")],
        ),
        ("Date,Systolic (kPa)\n2026-03-02,17.3\n", [(1.0, "8480-6", 17.3 * 7.500615613, "mm[Hg]")]),
    ],
)  # fmt: skip
def test_columns_units_and_marks_are_found(tmp_path, text, expected):
    found = lines(read(tmp_path, text))
    assert [(code, unit) for _, code, _, unit in found] == [(code, unit) for _, code, _, unit in expected]
    for (time, _, value, _), (day, _, number, _) in zip(found, expected, strict=True):
        assert time == pytest.approx(day, abs=2e-6) and value == pytest.approx(number, rel=1e-8)


def test_day_and_month_are_told_apart_by_the_order_of_the_rows(tmp_path):
    american = [f"03/{day:02}/2026,130" for day in range(2, 12)]
    found = lines(read(tmp_path, "Date,Systolic\n" + "\n".join(american)))
    assert [time for time, *_ in found] == list(range(1, 11))
    european = [f"{day:02}/03/2026,130" for day in range(2, 12)]
    assert lines(read(tmp_path, "Date,Systolic\n" + "\n".join(european))) == found
    with pytest.raises(DefinitionError, match=r"export\.csv: date: day and month could change places"):
        read(tmp_path, "Date,Systolic\n03/04/2026,130\n")


POINTS = [
    {
        "header": {"schema_id": {"namespace": "omh", "name": "body-weight", "version": "1.0"}, "id": "anna"},
        "body": {
            "body_weight": {"value": 180, "unit": "lb"},
            "effective_time_frame": {"date_time": "2026-03-02T12:00:00+01:00"},
        },
    },
    {
        "systolic_blood_pressure": {"value": 125, "unit": "mmHg"},
        "diastolic_blood_pressure": {"value": 60, "unit": "mmHg"},
        "effective_time_frame": {
            "time_interval": {"start_date_time": "2026-03-03T06:00:00Z", "end_date_time": "2026-03-03T06:01:00Z"}
        },
    },
    {
        "heart_rate": {"value": 61, "unit": "beats/min"},
        "temporal_relationship_to_physical_activity": "at rest",
        "effective_time_frame": {"date_time": "2026-03-04T06:00:00+01:00"},
    },
    {
        "body_weight": {"value": 95.5, "unit": "kg"},
        "effective_time_frame": {"date_time": "2026-03-06T06:00:00+01:00"},
        "descriptive_statistic": "maximum",
    },
    {"step_count": 7939, "effective_time_frame": {"date_time": "2026-03-04T06:00:00+01:00"}},
    {"oxygen_saturation": {"value": 96, "unit": "%"}, "effective_time_frame": {"date_time": "2026-03-04T06:00:00Z"}},
]


@pytest.mark.parametrize("form", ["list", "lines", "wrapped"])
def test_open_mhealth(tmp_path, form):
    texts = {
        "list": json.dumps(POINTS),
        "lines": "\n".join(json.dumps(point) for point in POINTS),
        "wrapped": json.dumps({"shim": "x", "body": POINTS}),
    }
    found = read(tmp_path, texts[form], "points.json")
    assert lines(found) == [
        (1.5, "29463-7", 81.6466266, "kg"), (2.25, "8480-6", 125.0, "mm[Hg]"), (3.25, "8867-4", 61.0, "/min"),
    ]  # fmt: skip
    assert found.form == "Open mHealth"
    assert found.passed == {
        "diastolic pressure, of which a twin has nothing": 1,
        "oxygen saturation, of which a twin has nothing": 1,
        "steps, of which a twin has nothing": 1,
        "that are the extreme of a period": 1,
    }
    assert "anna" not in str(found).lower()


def minutes(day: date, lowest: int = 55) -> list[dict[str, object]]:
    """A Fitbit's heart rates of a whole day: 100 readings of 55, 56 ... 154."""
    start = datetime.combine(day, datetime.min.time())
    return [
        {
            "dateTime": f"{start + timedelta(minutes=14 * number):%m/%d/%y %H:%M:%S}",
            "value": {"bpm": lowest + number, "confidence": 2},
        }
        for number in range(100)
    ]


def test_minutes_of_a_watch_are_one_resting_pulse_a_day(tmp_path):
    beats = [*minutes(date(2026, 3, 2)), *minutes(date(2026, 3, 3), 60), *minutes(date(2026, 3, 4))[:70]]
    beats[5]["value"] = {"bpm": 20, "confidence": 0}
    found = read(tmp_path, json.dumps(beats), "heart_rate-2026-03-02.json")
    # The tenth percentile by nearest rank: the 10th of 100, of 99 without that of no confidence (55 .. 59, 61 ..).
    assert [(int(time), value) for time, _, value, _ in lines(found)] == [(1, 65.0), (2, 69.0), (3, 61.0)]
    assert found.passed == {"which the device itself did not trust": 1}
    partial = read(tmp_path, json.dumps(beats), "heart_rate-2026-03-02.json", today=3)
    assert [int(time) for time, *_ in lines(partial)] == [1, 2]  # the last day may not be whole
    resting = [{"dateTime": "03/02/26 00:00:00", "value": {"date": "03/02/26", "value": 58.4, "error": 3.2}}]
    both = read(tmp_path, json.dumps([*beats, *resting]), "heart.json")
    assert (int(lines(both)[0][0]), lines(both)[0][2]) == (1, 58.4)


def test_minutes_of_a_withings_watch(tmp_path):
    text = 'start,duration,value\n2026-03-02T06:00:00+01:00,"[60,60,60]","[62,60,64]"\n'
    text += "2026-03-02T08:00:00+01:00,[60],[90]\n"
    found = read(tmp_path, text, "raw_hr_hr.csv")
    assert lines(found) == [(1.25, "8867-4", 62.0, "/min")]  # few readings: the middle of the first half hour
    with pytest.raises(DefinitionError, match=r"x\.csv: file: does not say what it measures"):
        read(tmp_path, text, "x.csv")
    with pytest.raises(DefinitionError, match=r"raw_hr_hr\.csv:2: line: must be a start, durations and values"):
        read(tmp_path, "start,duration,value\n2026-03-02T06:00:00,[60],[62,63]\n", "raw_hr_hr.csv")


APPLE = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE HealthData [
<!ELEMENT HealthData (ExportDate,Me,(Record)*)>
]>
<HealthData locale="en_US">
 <Me HKCharacteristicTypeIdentifierDateOfBirth="1950-05-05"/>
 <Record type="HKQuantityTypeIdentifierBodyMass" sourceName="Scale of Anna" unit="lb"
   startDate="2026-03-02 12:00:00 -0500" endDate="2026-03-02 12:00:00 -0500" value="180"/>
 <Record type="HKQuantityTypeIdentifierRestingHeartRate" sourceName="Watch" unit="count/min"
   startDate="2026-03-02 06:00:00 -0500" value="61"/>
 <Record type="HKQuantityTypeIdentifierRestingHeartRate" sourceName="Watch" unit="count/min"
   startDate="2026-03-09 06:00:00 -0400" value="62"/>
 <Correlation type="HKCorrelationTypeIdentifierBloodPressure" startDate="2026-03-02 06:00:00 -0500">
  <Record type="HKQuantityTypeIdentifierBloodPressureSystolic" sourceName="Cuff" unit="mmHg"
    startDate="2026-03-02 06:00:00 -0500" value="131"/>
 </Correlation>
 <Record type="HKQuantityTypeIdentifierBloodPressureSystolic" sourceName="Cuff" unit="mmHg"
   startDate="2026-03-02 06:00:00 -0500" value="131"/>
 <Record type="HKCategoryTypeIdentifierSleepAnalysis" sourceName="Watch" startDate="2026-03-02 06:00:00 -0500"/>
</HealthData>
"""


def test_apple_health_as_xml_and_in_its_zip(tmp_path):
    found = read(tmp_path, APPLE, "export.xml")
    assert lines(found) == [
        (1.25, "8867-4", 61.0, "/min"), (1.25, "8480-6", 131.0, "mm[Hg]"), (1.5, "29463-7", 81.6466266, "kg"),
        (8.25, "8867-4", 62.0, "/min"),
    ]  # fmt: skip
    assert found.passed == {"of a kind that is not read": 1, "there twice": 1}
    assert "the offset from UTC changed once (summer time, journeys); days are those of the local clock" in found.notes
    assert "anna" not in str(found).lower() and "1950" not in str(found)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("apple_health_export/export.xml", APPLE)
        archive.writestr("../../elsewhere.xml", "never unpacked")
    assert read(tmp_path, packed.getvalue(), "export.zip").stream == found.stream
    assert sorted(path.name for path in tmp_path.iterdir()) == ["export.xml", "export.zip"]


def test_faults_of_the_clock_are_passed_over_and_counted(tmp_path):
    rows = [(f"2026-03-{day:02} 07:00:00", 80 + day / 10) for day in range(2, 30)]
    rows[10] = ("2026-03-03 07:00:00", 95.0)  # the battery was out: nine days back
    rows[15] = ("2000-01-01 00:00:10", 95.0)
    rows += [("2026-03-29 07:00:00", 82.9), ("2026-03-30 07:00:00", 0.0), ("2027-03-29 07:00:00", 95.0)]
    text = "Date,Weight (kg)\n" + "".join(f"{stamp},{value}\n" for stamp, value in rows)
    found = read(tmp_path, text)
    used = lines(found)
    assert [value for *_, value, _ in used] == [80 + day / 10 for day in range(2, 30) if day not in (12, 17)]
    assert found.passed == {
        "in the future": 1, "impossible as a value": 1, "out of order by more than a day, so of a wrong clock": 2,
        "there twice": 1,
    }  # fmt: skip
    newest_first = "Date,Weight (kg)\n" + "".join(f"{stamp},{value}\n" for stamp, value in reversed(rows))
    assert lines(read(tmp_path, newest_first)) == used


def test_a_file_that_is_not_sorted_tells_nothing_of_the_clock(tmp_path):
    days = [5, 2, 9, 3, 8, 4, 7, 6]
    text = "Date,Weight (kg)\n" + "".join(f"2026-03-{day:02},81\n" for day in days)
    found = read(tmp_path, text)
    assert [int(time) for time, *_ in lines(found)] == [1, 2, 3, 4, 5, 6, 7, 8] and not found.passed


def test_the_hour_that_the_clock_shows_twice(tmp_path):
    """Summer time ends on 25 October 2026 in Berlin: 02:30 comes twice, and both count as they stand."""
    stamps = ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00", "2026-10-26T02:30:00+01:00"]
    text = "Date,Systolic\n" + "".join(f"{stamp},{130 + number}\n" for number, stamp in enumerate(stamps))
    path = tmp_path / "bp.csv"
    path.write_text(text)
    found = wearable_data(path, TWIN, Calendar(date(2026, 10, 1), 60), VOCABULARY)
    assert [(int(time), value) for time, _, value, _ in lines(found)] == [(24, 130.0), (25, 132.0)]
    assert not found.passed and "changed once" in found.notes[0]


def test_two_values_at_one_time(tmp_path):
    found = read(tmp_path, "Date,Systolic\n2026-03-02 07:00,130\n2026-03-02 07:00,170\n2026-03-03 07:00,131\n")
    assert [value for *_, value, _ in lines(found)] == [130.0, 131.0]
    assert found.passed == {"of the same device and time as another, with another value": 1}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("w.csv", "Date,Weight\n2026-03-02,81\n", "w.csv:2: weight: has no unit; name the column Weight (kg)"),
        ("w.csv", "Date,Weight (kg)\n2025-03-02,81\n", "w.csv: file: has no reading that can be used (1 before"),
        ("w.csv", "Date,Weight (kg)\nyesterday,81\n", "no reading that can be used (1 without a time)"),
        ("e.xml", APPLE[:900], "e.xml:14: file: is not valid XML (cut off?)"),
        ("e.xml", APPLE.replace("<!ELEMENT", '<!ENTITY a "aaaa">\n<!ELEMENT'), "e.xml: file: declares XML entities"),
        ("e.zip", b"PK\x03\x04" + b"\x00" * 40, "e.zip: file: cannot be read, or is damaged"),
        ("p.json", json.dumps(POINTS)[:-20], "p.json:1: "),
        ("p.json", '[{"schema_id":' + "[" * 100_000, "p.json: file: nested too deeply"),
        ("p.json", json.dumps([{"effective_time_frame": {}, "mood": 3}]), "has no reading that can be used (1 of a"),
    ],
)  # fmt: skip
def test_what_is_refused(tmp_path, name, content, message):
    with pytest.raises(DefinitionError) as refused:
        read(tmp_path, content, name)
    assert message in str(refused.value) and str(tmp_path) not in str(refused.value) and "\n" not in str(refused.value)


def test_whose_it_is_and_when_it_began_must_be_said(tmp_path):
    with pytest.raises(DefinitionError, match=r"weight\.csv: file: does not name the twin; give its id: --twin"):
        read(tmp_path, WITHINGS, "weight.csv", twin=None)
    with pytest.raises(DefinitionError, match=r"weight\.csv: file: holds dates; give the date of the twin's day 0"):
        wearable_data(tmp_path / "weight.csv", TWIN, Calendar(), VOCABULARY)


def test_popsims_own_streams_are_left_alone(tmp_path):
    for text in ("time,code,value,unit,kind\n1,29463-7,81,kg,observation\n", '{"time": 1, "code": "well"}\n', ""):
        assert read(tmp_path, text, "week.csv") is None
