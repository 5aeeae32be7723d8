"""Environment and lifestyle: seasons of infection, heat, habits, and the series that a user gives."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
from organ_people import alike
from people import NO_SHOCKS, Body, sets

from popsim.errors import DefinitionError
from popsim.kernels.codes import SHOCK_INFECTION
from popsim.kernels.numerics.random import RandomKey
from popsim.physiology import HeartFailurePhysiology
from popsim.physiology.organs.environment import Environment
from popsim.population.environment_series import BOUNDS, USUAL, EnvironmentSeries
from popsim.studies.design import read_study

HEADER = "temperature_celsius,pm25_ug_m3,virus_activity"


def series(days=365, temperature=10.0, particles=8.5, viruses=1.0):
    """The same weather every day but for what is given by the day."""
    return EnvironmentSeries(*(np.broadcast_to(one, days).astype(float) for one in (temperature, particles, viruses)),
                        day_of_year=np.arange(1, days + 1))  # fmt: skip


def influences_of(people, environment_series, **parameters):
    return Body(people, Environment(sets(environment=parameters), environment_series=environment_series))


def lived(people, environment_series, **parameters):
    """Influences after the first day."""
    organ = influences_of(people, environment_series, **parameters)
    organ.live(1)
    return organ.influences


def test_the_usual_year_is_sound_and_its_viruses_average_to_one():
    usual = EnvironmentSeries.read()
    assert len(usual.temperature_celsius) == 365
    assert usual.virus_activity.mean() == pytest.approx(1, abs=1e-3)
    assert usual.temperature_celsius.mean() == pytest.approx(10.3, abs=0.01)
    assert usual.virus_activity[:31].min() > 5 * usual.virus_activity[181:212].max()
    assert "assumption" in usual.source


def test_usual_people_on_a_usual_day_feel_nothing():
    assert (lived(alike(3), series(), heart_failure_log_season=0.0).values == 0).all()


def test_heart_failure_has_a_season_beside_infections():
    """A cosine of the year: 1 at its peak, 0 three months later, -1 half a year later; the mean of a year is none.

    At the shipped amplitude the three winter months have 1.2 times the hazard of the three summer months.
    """
    organ = influences_of(alike(1), series(), heart_failure_log_season=0.5, season_peak_day_of_year=20.0)
    course = []
    for _ in range(365):
        organ.live(1)
        course.append(float(organ.influences["heart_failure_log_hazard"][0]))
    assert [course[day - 1] for day in (20, 111, 203)] == pytest.approx([0.5, 0.0, -0.5], abs=0.005)
    assert np.mean(course) == pytest.approx(0.0, abs=1e-3)
    hazard = np.exp(np.array(course) * 0.11 / 0.5)
    assert hazard[np.r_[0:59, 334:365]].mean() / hazard[151:243].mean() == pytest.approx(1.2, abs=0.03)
    assert organ.influences["other_presentation_log_hazard"][0] == 0


def test_infections_follow_the_series_of_viruses():
    """Closed form: onsets are in proportion to the sum of 1 - s + s a over days; within 4 standard errors.

    Counts of onsets are Poisson but for the days on which one begins twice; particles are held at their reference.
    """
    usual = EnvironmentSeries.read()
    parameters = sets(heart_failure=NO_SHOCKS | {"infection_rate_per_day": 0.003, "infection_weakest": 0.0})
    around = series(viruses=usual.virus_activity)
    people = alike(
        4000, baseline_ejection_fraction_percent=60.0, baseline_systolic_mmhg=130.0, baseline_heart_rate_bpm=70.0,
        baseline_potassium_mmol_l=4.5, baseline_filling_pressure_mmhg=10.0, usual_salt_g_day=8.0, copd=0, frailty=0.0,
    )  # fmt: skip
    weather = Environment(parameters, environment_series=around)
    body = Body(people, weather, HeartFailurePhysiology(parameters, key=RandomKey(3)))
    begun = np.array([((body.live()["shock_onset"] & SHOCK_INFECTION) > 0).sum() for _ in range(365)])
    winter, summer = np.r_[0:59, 334:365], np.r_[151:243]
    rate = 0.5 + 0.5 * usual.virus_activity
    expected = rate[winter].sum() / rate[summer].sum()
    counts = begun[winter].sum(), begun[summer].sum()
    error = np.sqrt(1 / counts[0] + 1 / counts[1])
    assert expected > 1.8
    assert np.log(counts[0] / counts[1]) == pytest.approx(np.log(expected), abs=4 * error)
    assert error < 0.08


def test_heat_takes_fluid_and_pressure_and_lives():
    """Gasparrini 2012: mortality 2.1% higher for every degree above the threshold; nothing below it."""
    for temperature, above in ((-10.0, 0.0), (20.0, 0.0), (21.0, 1.0), (30.0, 10.0)):
        influence_on = lived(alike(1), series(temperature=temperature))
        assert np.exp(influence_on["pump_log_hazard"][0]) == pytest.approx(1.021**above, rel=1e-3)
        assert influence_on["natriuresis_shift_l_day"][0] == pytest.approx(0.02 * above)
        assert influence_on["systolic_shift_mmhg"][0] == pytest.approx(-0.5 * above)


def test_baseline_holds_in_the_weather_of_the_day_of_entry():
    """What settles is what the first day will bring, to each at its own entry."""
    summer = np.where(np.arange(365) == 200, 28.0, 10.0)
    people = alike(2, entry_day=np.array([10, 200]))
    organ = influences_of(people, series(temperature=summer))
    settled = organ.influences["systolic_shift_mmhg"].copy()
    organ.clock.day = 200
    organ.live(1)
    assert settled[0] == 0
    assert settled[1] == organ.influences["systolic_shift_mmhg"][1] == pytest.approx(-4.0)


def test_weather_is_that_of_each_persons_own_calendar():
    """Somebody whose calendar is half a year ahead has in January the infections of July, year after year."""
    usual = EnvironmentSeries.read()
    people = alike(3)
    people["calendar_shift_days"] = [0, 182, 182 - 365]
    now = lived(people, usual)["infection_log_rate"].copy()
    around = EnvironmentSeries(
        *(np.roll(one, -182) for one in (usual.temperature_celsius, usual.pm25_ug_m3, usual.virus_activity)),
        day_of_year=usual.day_of_year,
    )
    later = lived(alike(1), around)["infection_log_rate"][0]
    assert now[1] == now[2] == later
    assert now[0] == lived(alike(1), usual)["infection_log_rate"][0] > later + 0.9


def test_habits_act_in_their_direction():
    """Current smokers and the deprived: more infections; drinkers: arrhythmia; who moves: longer life."""
    smoking = lived(alike(3, smoking=np.array([0, 1, 2])), series())
    assert (smoking["infection_log_rate"] > 0).tolist() == [False, False, True]
    assert (smoking["pump_log_hazard"] > 0).tolist() == [False, False, True]
    deprived = lived(alike(5, deprivation_quintile=np.arange(1, 6)), series())["infection_log_rate"]
    assert (np.diff(deprived) < 0).all()
    assert deprived[2] == 0
    alcohol = lived(alike(3, alcohol_g_day=np.array([0.0, 12.0, 40.0])), series())["arrhythmia_log_rate"]
    assert np.exp(alcohol[1]) == pytest.approx(1.08, abs=0.001)
    assert (np.diff(alcohol) > 0).all()
    active = lived(alike(4, activity_met_h_week=np.array([0.0, 8.0, 20.0, 60.0])), series())["pump_log_hazard"]
    assert active[0] > active[1] == 0 > active[2] == active[3]


def test_particles_act_as_in_the_meta_analysis():
    """2.5% more for 10 micrograms a cubic metre."""
    dirty = lived(alike(1), series(particles=18.5))["infection_log_rate"][0]
    assert np.exp(dirty) == pytest.approx(1.025, abs=1e-4)


@pytest.mark.parametrize("end", [0, 1])
def test_extreme_weather_gives_finite_influences(end):
    extreme = {name: limits[end] for name, limits in BOUNDS.items()}
    people = alike(1, smoking=2, alcohol_g_day=200.0, activity_met_h_week=200.0, deprivation_quintile=1)
    influence_on = lived(people, series(365, *extreme.values()), viral_share=1.0)
    assert np.isfinite(influence_on.values).all()
    assert np.abs(influence_on.values).max() < 20


def test_the_first_day_is_the_one_that_is_asked_for_and_the_year_comes_again():
    around = series(viruses=np.arange(365) / 100)
    times = np.array([0.0, 0.5, 1.0, 364.0, 365.0])
    np.testing.assert_array_equal(around.row(times, 1.0), [0, 0, 1, 364, 0])
    np.testing.assert_array_equal(around.row(times, 182.0), [181, 181, 182, 180, 181])


def written(path, days, column="day_of_year", rows=None):
    rows = rows or [f"{day},10,8,1" for day in days]
    path.write_text("# made up\n" + "\n".join([f"{column},{HEADER}", *rows]) + "\n")
    return path


def dates(first, number):
    start = datetime.date.fromisoformat(first)
    return [str(start + datetime.timedelta(days=day)) for day in range(number)]


def test_a_series_may_have_dates(tmp_path):
    around = EnvironmentSeries.read(written(tmp_path / "two.csv", dates("2019-07-01", 731), "date"))
    assert len(around.temperature_celsius) == 731  # 2020 was a leap year
    assert around.day_of_year[0] == 182
    assert around.row(np.array([0.0]), 1.0)[0] == 184  # the first of January 2020
    assert around.source == "made up"


ROWS = [f"{day},10,8,1" for day in range(1, 366)]


@pytest.mark.parametrize(
    ("column", "rows", "allowed"),
    [
        ("day_of_year", ROWS[:-1], "without gaps"),
        ("day_of_year", [*ROWS[:99], *ROWS[100:], "366,10,8,1"], "without gaps"),
        ("day_of_year", ["1,300,8,1", *ROWS[1:]], "-40 to 45"),
        ("day_of_year", ["1,10,-1,1", *ROWS[1:]], "0 to 1000"),
        ("day_of_year", ["1,10,8,", *ROWS[1:]], "0 to 20"),
        ("day_of_year", ["1,10,8,many", *ROWS[1:]], "0 to 20"),
        ("day", ROWS, "day_of_year and date"),
        ("date", ["2019-02-30,10,8,1"], "must be a date"),
        ("date", ["2019-01-01,10,8,1", "2019-01-03,10,8,1"], "the day after 2019-01-01"),
        ("date", [f"{day},10,8,1" for day in dates("2019-01-01", 300)], "whole years"),
    ],
)
def test_bad_files_are_refused_in_one_line(tmp_path, column, rows, allowed):
    with pytest.raises(DefinitionError, match=allowed) as refused:
        EnvironmentSeries.read(written(tmp_path / "bad.csv", [], column, rows))
    assert "\n" not in str(refused.value)


def test_missing_columns_and_files_are_refused(tmp_path):
    path = tmp_path / "bad.csv"
    with pytest.raises(DefinitionError, match="no such file"):
        EnvironmentSeries.read(path)
    path.write_text("day_of_year,temperature_celsius,pm25_ug_m3\n1,2,3\n")
    with pytest.raises(DefinitionError, match="virus_activity"):
        EnvironmentSeries.read(path)
    path.write_text(f"day_of_year,{HEADER},ozone\n1,2,3,4,5\n")
    with pytest.raises(DefinitionError, match="ozone"):
        EnvironmentSeries.read(path)


EXPERIMENT = USUAL.parents[3] / "experiments" / "heart_failure_discharge.toml"


def experiment_with(tmp_path, line):
    text = EXPERIMENT.read_text().replace('"../cohorts', f'"{EXPERIMENT.parents[1]}/cohorts')
    text = text.replace('"networks/', f'"{EXPERIMENT.parent}/networks/')
    text = text.replace('"calibrated/', f'"{EXPERIMENT.parent}/calibrated/')
    path = tmp_path / "own.toml"
    path.write_text(text.replace("\nnetwork =", f"\n{line}\nnetwork =", 1))
    return path


@pytest.mark.slow
def test_an_experiment_names_its_environment(tmp_path):
    plain = read_study(experiment_with(tmp_path, ""))
    assert plain.environment_series is None
    hot = EXPERIMENT.parent / "environments" / "heat_wave.csv"
    study = read_study(experiment_with(tmp_path, f'environment = "{hot}"'))
    assert study.environment_series.temperature_celsius.max() == 28.0
    assert not {unit.key for unit in plain.units} & {unit.key for unit in study.units}
    assert str(hot) in study.describe()["files"]


@pytest.mark.parametrize(
    ("line", "allowed"),
    [
        ('environment = "hot.toml"', "path of a .csv file"),
        ('environment = "no_such.csv"', "no such file"),
    ],
)
def test_an_environment_that_does_not_fit_is_refused(tmp_path, line, allowed):
    with pytest.raises(DefinitionError, match=allowed):
        read_study(experiment_with(tmp_path, line))
