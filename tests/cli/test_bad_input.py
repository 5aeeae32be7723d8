"""Bad input is refused before anything is simulated: one line with file, key, value, what is allowed; exit code 2."""

import subprocess
import sys
from pathlib import Path

import pytest

from popsim.cli import main

COHORT = """
name = "people"
description = "A few columns that differ between people, for tests."
source = "assumption: made up for a test"
size = 100
life_table = "us_2019"
[columns.age_years]
distribution = "normal"
mean = 75.0
sd = 8.0
bounds = [60.0, 95.0]
unit = "years"
source = "assumption: made up for a test"
[columns.female]
distribution = "bernoulli"
probability = 0.5
source = "assumption: made up for a test"
[columns.frailty]
distribution = "uniform"
low = 0.1
high = 0.6
source = "assumption: made up for a test"
[[correlations]]
a = "age_years"
b = "frailty"
value = 0.4
source = "assumption: made up for a test"
"""
# Everybody else's columns that physiology, care and outcomes read.
FIXED = {
    "deprivation_quintile": (3.0, "1"), "dry_weight_kg": (78.0, "kg"),
    "baseline_ejection_fraction_percent": (35.0, "%"),
    "baseline_systolic_mmhg": (125.0, "mmHg"), "baseline_heart_rate_bpm": (74.0, "bpm"),
    "baseline_gfr_ml_min": (55.0, "mL/min/1.73m2"), "baseline_potassium_mmol_l": (4.4, "mmol/L"),
    "baseline_filling_pressure_mmhg": (15.0, "mmHg"), "usual_salt_g_day": (8.0, "g/day"),
    "adherence_trait": (0.85, "1"),
    "diabetes": (0.0, "1"), "ckd": (0.0, "1"), "atrial_fibrillation": (0.0, "1"), "copd": (0.0, "1"),
    "height_cm": (168.0, "cm"), "smoking": (0.0, "1"), "alcohol_g_day": (5.0, "g/day"),
    "activity_met_h_week": (8.0, "MET.h/wk"), "hypertension": (1.0, "1"), "coronary_disease": (1.0, "1"),
    "prior_infarction": (0.0, "1"), "prior_stroke": (0.0, "1"), "baseline_ldl_mmol_l": (3.0, "mmol/L"),
    "baseline_albuminuria_mg_g": (30.0, "mg/g"), "baseline_hba1c_percent": (5.7, "%"),
    "baseline_haemoglobin_g_dl": (12.5, "g/dL"), "iron_deficiency": (0.0, "1"), "baseline_fev1_percent": (85.0, "%"),
}  # fmt: skip
COHORT += "".join(
    f'[columns.{name}]\ndistribution = "fixed"\nvalue = {value}\nunit = "{unit}"\nsource = "assumption: for a test"\n'
    for name, (value, unit) in FIXED.items()
)
NETWORK = """
name = "places"
reference_population = 100
entry = "home"
presentation = "ward"
[[settings]]
name = "home"
class = "community"
stay = { distribution = "forever" }
[[settings]]
name = "clinic"
class = "outpatient"
slots_per_day = 5
clinician = "specialist"
[[settings.routes]]
to = "stay"
[[settings]]
name = "ward"
class = "inpatient"
capacity = 3
stay = { distribution = "exponential", mean = 5.0 }
[[settings.routes]]
to = "exit"
for = "external"
[[settings.routes]]
to = { home = 0.75, hostel = 0.25 }
[[settings]]
name = "hostel"
class = "facility"
stay = { distribution = "forever" }
[[arrivals]]
name = "others"
to = "ward"
per_day = 0.1
"""
EXPERIMENT = """
name = "study"
cohort = "cohort.toml"
network = "network.toml"
population = 50
replications = 2
seed = 1
follow_up_days = 10
[[strategies]]
name = "usual"
[[strategies]]
name = "early"
[[strategies.follow_up]]
setting = "clinic"
within_days = 7
uptake = 0.9
[strategies.capacity]
clinic = 9
[strategies.telemonitoring]
desk = "clinic"
uptake = 0.8
duration_days = 90
weight_gain_kg = 2.0
systolic_low_mmhg = 90.0
systolic_high_mmhg = 180.0
heart_rate_low_bpm = 45.0
heart_rate_high_bpm = 120.0
days_between_alerts = 3
cost_per_day = 5.0
[parameters]
"heart_failure.SOME" = 1.0
"""
FILES = {"cohort.toml": COHORT, "network.toml": NETWORK, "experiment.toml": EXPERIMENT}

# File, what is replaced, by what, and what the message must say besides the file's name.
MALFORMED = [
    # Experiments: keys.
    ("experiment.toml", "population = 50", "popluation = 50", ["popluation", "did you mean 'population'?"]),
    ("experiment.toml", "population = 50", "colour = 1", ["colour", "unknown key", "allowed"]),
    ("experiment.toml", 'name = "study"\n', "", ["name", "missing"]),
    ("experiment.toml", 'cohort = "cohort.toml"\n', "", ["cohort", "missing"]),
    ("experiment.toml", "within_days = 7", "within_day = 7", ["within_day", "did you mean 'within_days'?"]),
    ("experiment.toml", "desk =", "desks =", ["desks", "did you mean 'desk'?"]),
    # Experiments: types.
    ("experiment.toml", "population = 50", 'population = "50"', ["population", "'50'", "whole number"]),
    ("experiment.toml", "population = 50", "population = 50.5", ["population", "50.5", "whole number"]),
    ("experiment.toml", "population = 50", "population = true", ["population", "True", "whole number"]),
    ("experiment.toml", "uptake = 0.9", "uptake = true", ["uptake", "True", "number between 0 and 1"]),
    ("experiment.toml", "uptake = 0.9", "uptake = [0.9]", ["uptake", "number between 0 and 1"]),
    ("experiment.toml", "[[strategies.follow_up]]", "[strategies.follow_up]", ["follow_up", "must be a list"]),
    ("experiment.toml", 'name = "study"', "name = 5", ["name", "5", "must be a name"]),
    ("experiment.toml", "seed = 1", "seed = 2020-01-01", ["seed", "whole number"]),
    # Experiments: values.
    ("experiment.toml", "population = 50", "population = 0", ["population", "0", "between 1 and"]),
    ("experiment.toml", "population = 50", "population = -5", ["population", "-5", "between 1 and"]),
    ("experiment.toml", "population = 50", "population = 10000000000000", ["population", "between 1 and 20000000"]),
    ("experiment.toml", "replications = 2", "replications = 1000000", ["replications", "between 1 and 10000"]),
    ("experiment.toml", "seed = 1", "seed = -1", ["seed", "-1", "between 0 and"]),
    ("experiment.toml", "seed = 1", "seed = 99999999999999999999", ["seed", "between 0 and 4294967295"]),
    ("experiment.toml", "follow_up_days = 10", "follow_up_days = 100000", ["follow_up_days", "between 1 and 32872"]),
    ("experiment.toml", "uptake = 0.9", "uptake = 1.5", ["follow_up.0.uptake", "1.5", "between 0 and 1"]),
    ("experiment.toml", "uptake = 0.9", "uptake = nan", ["follow_up.0.uptake", "nan", "between 0 and 1"]),
    ("experiment.toml", "uptake = 0.9", "uptake = inf", ["follow_up.0.uptake", "inf", "between 0 and 1"]),
    ("experiment.toml", "uptake = 0.9", "uptake = -0.1", ["follow_up.0.uptake", "-0.1", "between 0 and 1"]),
    ("experiment.toml", "cost_per_day = 5.0", "cost_per_day = -5.0", ["cost_per_day", "-5.0", "between 0 and"]),
    ("experiment.toml", "weight_gain_kg = 2.0", "weight_gain_kg = 0.0", ["weight_gain_kg", "between 0.1 and 20"]),
    ("experiment.toml", "systolic_low_mmhg = 90.0", "systolic_low_mmhg = 190.0", ["systolic_low_mmhg", "below"]),
    ("experiment.toml", "clinic = 9", "clinic = 0", ["capacity.clinic", "0", "between 1 and"]),
    ("experiment.toml", 'name = "early"', 'name = "usual"', ["usual", "used twice"]),
    ("experiment.toml", "seed = 1", 'comparator = "erly"', ["comparator", "did you mean 'early'?"]),
    ("experiment.toml", "seed = 1", 'currency = "pounds"', ["currency", "pounds", "three capital letters"]),
    ("experiment.toml", "seed = 1", "discount_rate_costs = 3.5", ["discount_rate_costs", "3.5", "between 0 and 1"]),
    # Experiments: names that are paths in disguise.
    ("experiment.toml", 'name = "study"', 'name = "../study"', ["name", "../study", "letters, digits and _"]),
    ("experiment.toml", 'name = "study"', 'name = "/etc/study"', ["name", "/etc/study", "letters, digits and _"]),
    ("experiment.toml", 'name = "study"', 'name = ""', ["name", "letters, digits and _"]),
    ("experiment.toml", 'name = "study"', r'name = "a\u0000b"', ["name", "letters, digits and _"]),
    ("experiment.toml", 'name = "study"', r'name = "study\n"', ["name", "letters, digits and _"]),
    ("experiment.toml", 'name = "early"', 'name = "a b"', ["strategies.1.name", "a b", "letters, digits and _"]),
    ("experiment.toml", 'name = "study"', f'name = "{"x" * 300}"', ["name", "at most"]),
    # Experiments: what they refer to.
    ("experiment.toml", '"cohort.toml"', '"nowhere.toml"', ["nowhere.toml", "no such file"]),
    ("experiment.toml", '"cohort.toml"', '"cohort.csv"', ["cohort", "cohort.csv", ".toml"]),
    ("experiment.toml", '"cohort.toml"', r'"co\u0000hort.toml"', ["cohort", ".toml"]),
    ("experiment.toml", 'setting = "clinic"', 'setting = "clinc"', ["setting", "clinc", "did you mean 'clinic'?"]),
    ("experiment.toml", 'setting = "clinic"', 'setting = "ward"', ["setting", "ward", "not a contact setting"]),
    ("experiment.toml", 'desk = "clinic"', 'desk = "home"', ["desk", "home", "not a contact setting"]),
    ("experiment.toml", "clinic = 9", "clnic = 9", ["capacity.clnic", "did you mean 'clinic'?"]),
    ("experiment.toml", '"heart_failure.SOME" = 1.0', '"hart_failure.x" = 1.0', ["hart_failure", "did you mean"]),
    ("experiment.toml", '"heart_failure.SOME" = 1.0', '"nhs_prices.wrd" = 1.0', ["wrd", "no such parameter"]),
    (
        "experiment.toml",
        '"heart_failure.SOME" = 1.0',
        '"nhs_prices.inpatient_dy" = 1.0',
        ["inpatient_dy", "did you mean 'inpatient_day'?"],
    ),
    (
        "experiment.toml",
        '"heart_failure.SOME" = 1.0',
        '"nhs_prices.inpatient_day" = -1.0',
        ["nhs_prices.inpatient_day", "-1.0", "between"],
    ),
    ("experiment.toml", '"heart_failure.SOME" = 1.0', '"nhs_prices.inpatient_day" = "1"', ["inpatient_day", "number"]),
    ("experiment.toml", '"heart_failure.SOME" = 1.0', "nhs_prices = 1.0", ["parameters.nhs_prices", "1.0"]),
    # TOML itself.
    ("experiment.toml", "seed = 1", "seed = 1\nseed = 2", ["not valid TOML"]),
    ("experiment.toml", "seed = 1", "seed = ", ["not valid TOML", "line"]),
    ("experiment.toml", "seed = 1", "seed: 1", ["not valid TOML"]),
    ("experiment.toml", "[[strategies]]", "[[strategies", ["not valid TOML"]),
    # Cohorts.
    ("cohort.toml", "[columns.female]", "[columns.femal]", ["femal", "did you mean 'female'?"]),
    ("cohort.toml", 'distribution = "normal"', 'distribution = "norml"', ["age_years", "norml", "normal"]),
    ("cohort.toml", "probability = 0.5", "probability = 1.5", ["female", "1.5", "1"]),
    ("cohort.toml", "probability = 0.5", "probability = nan", ["female", "nan"]),
    ("cohort.toml", "sd = 8.0", "sd = -8.0", ["age_years", "-8.0", "between"]),
    ("cohort.toml", "sd = 8.0", "sd = 80.0", ["age_years", "80.0", "impossible"]),
    ("cohort.toml", "mean = 75.0", "mean = inf", ["age_years", "inf"]),
    ("cohort.toml", "[60.0, 95.0]", "[95.0, 60.0]", ["age_years", "bounds"]),
    ("cohort.toml", "bounds = [60.0, 95.0]\n", "", ["age_years", "outside"]),
    ("cohort.toml", 'unit = "years"', 'unit = "kg"', ["age_years", "kg", "must be"]),
    ("cohort.toml", "size = 100", "size = 0", ["size", "0"]),
    ("cohort.toml", '"us_2019"', '"us_1066"', ["us_1066"]),
    ("cohort.toml", '"us_2019"', '"../us_2019"', ["life_table", "../us_2019"]),
    ("cohort.toml", "value = 0.4", "value = 1.4", ["correlations", "1.4", "between"]),
    ("cohort.toml", 'b = "frailty"', 'b = "frailtee"', ["correlations", "frailtee"]),
    ("cohort.toml", 'source = "assumption: made up for a test"\nsize', "size", ["source", "missing"]),
    # Care networks.
    ("network.toml", "capacity = 3", "capacty = 3", ["capacty", "did you mean 'capacity'?"]),
    ("network.toml", "capacity = 3", "capacity = -3", ["capacity", "-3"]),
    ("network.toml", "capacity = 3", "capacity = 2.5", ["capacity", "2.5", "whole number"]),
    ("network.toml", "{ home = 0.75, hostel = 0.25 }", "{ home = 0.75, hostel = 0.3 }", ["ward", "1.05"]),
    ("network.toml", "{ home = 0.75, hostel = 0.25 }", "{ home = 1.75, hostel = -0.75 }", ["home", "1.75", "0 and 1"]),
    ("network.toml", "{ home = 0.75, hostel = 0.25 }", '"hoem"', ["hoem", "did you mean 'home'?"]),
    ("network.toml", '"exponential", mean = 5.0', '"exponental", mean = 5.0', ["exponental", "did you mean"]),
    ("network.toml", "mean = 5.0", "mean = nan", ["mean", "nan", "between"]),
    ("network.toml", "mean = 5.0", "mean = 0.0", ["mean", "0.0", "between"]),
    ("network.toml", "per_day = 0.1", "per_day = inf", ["per_day", "inf", "between"]),
    ("network.toml", 'name = "ward"', 'name = "home"', ["home"]),
    ("network.toml", 'presentation = "ward"', 'presentation = "wrad"', ["presentation", "wrad"]),
    ("network.toml", 'class = "inpatient"', 'class = "in_patient"', ["class", "in_patient", "inpatient"]),
    ("network.toml", 'name = "ward"', 'name = "../ward"', ["name", "../ward", "letters, digits and _"]),
]  # fmt: skip

FLAGS = [
    (["--population", "0"], ["--population", "0", "between 1 and 20000000"]),
    (["--population", "-1"], ["--population", "-1"]),
    (["--population", "1e6"], ["--population", "1e6", "whole number"]),
    (["--population", "nan"], ["--population", "nan", "whole number"]),
    (["--population", "20000001"], ["--population", "20000001", "between 1 and 20000000"]),
    (["--replications", "0"], ["--replications", "0", "between 1 and"]),
    (["--seed", "-1"], ["--seed", "-1", "between 0 and"]),
    (["--seed", "99999999999999999999999"], ["--seed"]),
    (["--days", "0"], ["--days", "0", "between 1 and 32872"]),
    (["--enrolment-days", "-1"], ["--enrolment-days", "-1", "between 0 and 3653"]),
    (["--workers", "0"], ["--workers", "0"]),
    (["--workers", "many"], ["--workers", "many"]),
    (["--threads", "0"], ["--threads", "0"]),
    (["--populaton", "5"], ["--populaton", "--population"]),
    (["--out"], ["--out", "requires an argument"]),
    (["--out", "experiment.toml"], ["--out", "cannot be written"]),
    (["again.toml"], ["again.toml", "unexpected extra argument"]),
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a sound experiment, cohort and network, and nothing else."""
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        write(name, text)
    return tmp_path


def write(name, text):
    text = text.replace('"heart_failure.SOME" = 1.0\n', "")
    Path(name).write_bytes(text.encode() if isinstance(text, str) else text)


def refused(capsys, arguments):
    """Run the command: the one line that it leaves on standard error, having simulated and written nothing."""
    before = sorted(path.name for path in Path().iterdir())
    code = main(arguments)
    out, err = capsys.readouterr()
    assert code == 2, (out, err)
    assert out == ""
    assert len(err.splitlines()) == 1, err
    assert err.startswith("popsim: ")
    assert "Traceback" not in err
    assert sorted(path.name for path in Path().iterdir()) == before
    return err


def test_the_files_are_sound_before_they_are_spoilt(folder, capsys):
    for name in FILES:
        assert main(["check", name]) == 0
    assert capsys.readouterr().out.count("is sound") == 3


@pytest.mark.parametrize(
    ("name", "old", "new", "said"), MALFORMED, ids=[f"{f[:-5]}: {n}"[:60] for f, _, n, _ in MALFORMED]
)
def test_malformed_file(folder, capsys, name, old, new, said):
    assert old in FILES[name]
    write(name, FILES[name].replace(old, new, 1))
    err = refused(capsys, ["run", "experiment.toml"])
    for part in [*said, ".toml"]:
        assert part in err
    refused(capsys, ["check", name])


@pytest.mark.parametrize(("flags", "said"), FLAGS, ids=[" ".join(flags) for flags, _ in FLAGS])
def test_bad_flag(folder, capsys, flags, said):
    err = refused(capsys, ["run", "experiment.toml", *flags])
    for part in said:
        assert part.lower() in err.lower()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "must be an experiment"),
        (b"\n# nothing\n", "must be an experiment"),
        (b"\xff\xfe\x00bad", "not UTF-8"),
        ("name = \"caf\u00e9\"".encode("latin-1"), "not UTF-8"),
        (b"\x00\x00\x00", "not valid TOML"),
        (b"a = 1\n", "must be an experiment"),
        (b"a: 1\n", "not valid TOML"),
        (b"[x]\nvalue = nan\nunit = '1'\nsource = 'assumption: test'\n", "x.value"),
        (b"[x]\nvalue = '1'\nunit = '1'\nsource = 'assumption: test'\n", "x.value"),
        (b"[x]\nvalue = true\nunit = '1'\nsource = 'assumption: test'\n", "x.value"),
        (b"[x]\nvalue = 1.0\nunit = '1'\n", "x.source"),
        (b"[x]\nvalue = 1.0\nunit = '1'\nsource = '?'\n", "x.source"),
        (b"[x]\nvalue = 1.0\nunt = '1'\nunit = '1'\nsource = 'assumption: test'\n", "did you mean 'unit'?"),
        (b"[x]\nvalue = 5.0\nhigh = 4.0\nunit = '1'\nsource = 'assumption: test'\n", "between"),
        (b"[x]\nvalue = 5.0\nhigh = inf\nunit = '1'\nsource = 'assumption: test'\n", "x.high"),
        (b"#" * (17 * 1024 * 1024), "larger than 16 MiB"),
    ],
)  # fmt: skip
def test_malformed_parameters_and_files_of_no_kind(folder, capsys, content, said):
    Path("bad.toml").write_bytes(content)
    err = refused(capsys, ["check", "bad.toml"])
    assert said in err
    assert "bad.toml" in err


@pytest.mark.parametrize("command", [["run"], ["check"], ["pathway", "show"], ["cohort", "summary"]])
@pytest.mark.parametrize(("file", "said"), [("nowhere.toml", "no such file"), (".", "not a file"), ("", "not a file")])
def test_no_file(folder, capsys, command, file, said):
    assert said in refused(capsys, [*command, file])


@pytest.mark.parametrize("name", FILES)
def test_empty_and_binary_files(folder, capsys, name):
    Path(name).write_bytes(b"")
    assert "missing" in refused(capsys, ["run", "experiment.toml"])
    Path(name).write_bytes(b"\x80abc")
    assert "not UTF-8" in refused(capsys, ["run", "experiment.toml"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["pathway", "show", "network.toml", "--out", "here.jpg"], ".png"),
        (["pathway", "show", "network.toml", "--out", "nowhere/here.png"], "folder that exists"),
        (["cohort", "summary", "cohort.toml", "--size", "0"], "size = 0"),
        (["cohort", "summary", "cohort.toml", "--size", "x"], "--size"),
        (["cohort", "summary", "network.toml"], "network.toml"),
        (["pathway", "show", "cohort.toml"], "cohort.toml"),
        (["rn"], "run"),
        (["--vresion"], "--version"),
        (["run"], "FILE"),
    ],
)
def test_other_commands(folder, capsys, arguments, said):
    assert said in refused(capsys, arguments)


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [["run", "experiment.toml"], ["check", "network.toml"], ["run", "experiment.toml", "--population", "0"]],
)
def test_as_a_process(folder, arguments):
    write("network.toml", NETWORK.replace("capacity = 3", "capacity = 0.5"))
    command = [Path(sys.executable).parent / "popsim", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr
