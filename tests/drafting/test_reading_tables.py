"""Tables as programs write them: encoding, separator, decimal mark, names of columns, dates."""

from __future__ import annotations

from datetime import date

import pytest

from popsim.drafting.dates import ages, read_dates
from popsim.drafting.headers import match_header
from popsim.drafting.reading import number_parser, read_any_table
from popsim.errors import DefinitionError


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8", "UTF-8,"),
        ("utf-8-sig", "UTF-8 with a byte order mark"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("cp1252", "Windows-1252"),
        ("latin-1", "Windows-1252"),  # which has the same letters
    ],
)
@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_every_encoding_and_separator_gives_the_same_table(tmp_path, encoding, said, separator):
    rows = [["Name", "Gewicht, kg", "EF"], ["Müller", "72,5", "35"], ["Ødegård", "80,1", "41"]]
    path = tmp_path / "mine.csv"
    path.write_bytes("\r\n".join(separator.join(row) for row in rows).encode(encoding))
    table, notes = read_any_table(path)
    assert table.frame.columns == rows[0]
    assert table.frame["Name"].to_list() == ["Müller", "Ødegård"]
    assert table.numbers("Gewicht, kg").tolist() == [72.5, 80.1]
    assert said.rstrip(",") in notes[0]
    assert "decimal comma" in notes[0]


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ('id,"weight"\n1,"72,5"\n2,"80,25"\n', [72.5, 80.25]),
        ("id,weight\n1,72.5\n2,80.25\n", [72.5, 80.25]),
        ("sep=;\nid;weight\n1;72,5\n2;80,25\n", [72.5, 80.25]),
        ('"","weight"\n"1",72.5\n"2",80.25\n', [72.5, 80.25]),
        ('"Age, years";"weight";"SBP, mmHg"\n80;72,5;120\n81;80,25;130\n', [72.5, 80.25]),
        ("Register 2022;;\n\nid;weight;\n1;72,5;\n2;80,25;\n", [72.5, 80.25]),
        (",weight\n1,72.5\n2,80.25\n", [72.5, 80.25]),
    ],
    ids=[
        "quoted decimal comma",
        "points",
        "line of a spreadsheet",
        "row names without a header",
        "commas in names",
        "lines of a title",
        "one named column",
    ],
)
def test_ways_of_writing_numbers(tmp_path, text, weights):
    path = tmp_path / "mine.csv"
    path.write_text(text, encoding="utf-8")
    assert read_any_table(path)[0].numbers("weight").tolist() == weights


def test_a_comma_for_thousands_is_no_decimal_comma(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text('id,uacr\n1,"1,200"\n2,"2,150"\n', encoding="utf-8")
    assert not read_any_table(path)[0].decimal_comma


def test_a_file_that_is_no_table_is_refused(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_bytes(b"")
    with pytest.raises(DefinitionError, match="empty"):
        read_any_table(path)


@pytest.mark.parametrize(
    ("header", "subject", "unit"),
    [
        ("LVEF %", "baseline_ejection_fraction_percent", "%"),
        ("Ejection Fraction", "baseline_ejection_fraction_percent", None),
        ("K+ [mmol/L]", "baseline_potassium_mmol_l", "mmol/L"),
        ("Serum potassium (mEq/L)", "baseline_potassium_mmol_l", "mEq/L"),
        ("eGFR (ml/min/1.73 m²)", "baseline_gfr_ml_min", "mL/min/1.73m2"),
        ("creatinine_umol_l", "creatinine", "umol/L"),
        ("Creatinine (µmol/L)", "creatinine", "umol/L"),
        ("SCr mg/dL", "creatinine", "mg/dL"),
        ("Weight_lb", "dry_weight_kg", "lb"),
        ("Height (inches)", "height_cm", "in"),
        ("HbA1c (mmol/mol)", "baseline_hba1c_percent", "mmol/mol"),
        ("SBP, mmHg", "baseline_systolic_mmhg", "mmHg"),
        ("History of diabetes", "diabetes", None),
        ("AFib", "atrial_fibrillation", None),
        ("HTN", "hypertension", None),
        ("Atrial fibrillation (0/1)", "atrial_fibrillation", None),
        ("Diabetes (yes/no)", "diabetes", None),
        ("Potasium", "baseline_potassium_mmol_l", None),
        ("DOB", "date_of_birth", None),
        ("Date of admission", "index_date", None),
        ("NT-proBNP (pg/mL)", "natriuretic", "pg/mL"),
        ("MRN", "identifier", None),
        ("Patient name", "identifier", None),
        ("dry_weight_kg", "dry_weight_kg", None),
    ],
)
def test_names_of_columns(header, subject, unit):
    found = match_header(header)
    assert found is not None
    assert (found.subject, found.unit) == (subject, unit)


@pytest.mark.parametrize("header", ["sodium", "Note", "x", "height_mmhg", "column 1", "", "sex_m"])
def test_names_that_say_nothing(header):
    assert match_header(header) is None


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["1940-04-03", "1950-12-31 00:00:00"], [date(1940, 4, 3), date(1950, 12, 31)]),
        (["03.04.1940", "31.12.1950"], [date(1940, 4, 3), date(1950, 12, 31)]),
        (["04/03/1940", "12/31/1950"], [date(1940, 4, 3), date(1950, 12, 31)]),
        (["3-Apr-1940", "31 December 1950"], [date(1940, 4, 3), None]),
        (["19400403", "19501231"], [date(1940, 4, 3), date(1950, 12, 31)]),
        (["14704", "18628"], [date(1940, 4, 3), date(1950, 12, 31)]),  # LibreOffice: days since 30 December 1899
        (["1940", "1950"], [date(1940, 7, 1), date(1950, 7, 1)]),
        (["1940-04-03", "soon", None], [date(1940, 4, 3), None, None]),
    ],
)
def test_dates_as_people_write_them(words, expected):
    ((found, _),) = read_dates([words])
    assert found == expected


def test_another_column_tells_whether_the_month_stands_first():
    births, days = read_dates([["03/04/1940", "05/06/1950"], ["01/13/2020", "01/14/2020"]])
    assert births[0] == [date(1940, 3, 4), date(1950, 5, 6)]
    assert "assumed" not in births[1]
    assert days[0][0] == date(2020, 1, 13)
    ((alone, form),) = read_dates([["03/04/1940", "05/06/1950"]])
    assert alone == [date(1940, 4, 3), date(1950, 6, 5)]
    assert "assumed" in form


def test_years_of_two_digits_lie_before_the_entry():
    (births, form), (days, _) = read_dates([["13.04.40", "14.04.65"], ["13.04.2020", "14.04.2020"]])
    assert "two digits" in form
    assert ages(births, days, True).round(1).tolist() == [80.0, 55.0]


@pytest.mark.parametrize(
    ("word", "mark", "number"),
    [
        ("1.250,5", ",", 1250.5),
        ("1,250.5", ".", 1250.5),
        ("1.234.567,5", ",", 1234567.5),
        ("1'250", ".", 1250.0),
        ("1 250,5", ",", 1250.5),
        ("1.250", ",", None),  # may be 1250 or 1.25
        ("12 50", ".", None),
    ],
)
def test_marks_of_thousands(tmp_path, word, mark, number):
    path = tmp_path / "mine.csv"
    path.write_text(f"id;ldl;acr\n1;3{mark}5;{word}\n", encoding="utf-8")
    table, _ = read_any_table(path)
    assert number_parser(table)(word) == number


def test_a_workbook_is_named(tmp_path):
    path = tmp_path / "mine.xlsx"
    path.write_bytes(b"PK\x03\x04\x14\x00")
    with pytest.raises(DefinitionError, match="save its sheet as CSV"):
        read_any_table(path)


@pytest.mark.parametrize(
    ("header", "subject", "unit"),
    [
        ("Größe (cm)", "height_cm", "cm"),
        ("Kreatinin (µmol/l)", "creatinine", "umol/L"),
        ("RR syst. [mmHg]", "baseline_systolic_mmhg", "mmHg"),
        ("HF (/min)", "baseline_heart_rate_bpm", None),
        ("HF", "heart_failure", None),
        ("Alter bei Aufnahme (Jahre)", "age_years", "years"),
        ("Körpergewicht [kg]", "dry_weight_kg", "kg"),
        ("VHF (ja/nein)", "atrial_fibrillation", None),
        ("Pat.-Nr.", "identifier", None),
        ("Diabetes (Y/N)", "diabetes", None),
    ],
)
def test_names_in_german(header, subject, unit):
    match = match_header(header)
    assert (match.subject, match.unit, match.misspelt) == (subject, unit, False)
