"""Descriptions of the keys of definitions, for JSON Schemas: from the docstring (`Attributes:`) or the lists here."""

from __future__ import annotations

import inspect
import re

from pydantic import BaseModel

# Keys that mean the same everywhere.
COMMON = {
    "name": "Key, used in other files, tables and folders.",
    "label": "Name in tables.",
    "title": "Name in reports.",
    "description": "A description in a few sentences.",
    "source": 'Source of the numbers, or "assumption: the reasoning".',
    "unit": "Unit of the numbers.",
    "distribution": "Kind of distribution.",
    "kind": "Which of the alternatives this is.",
    "column": "Name of a column of the twins.",
    "mean": "Mean of the quantity itself.",
    "sd": "Standard deviation of the quantity itself.",
    "standard_error": "Standard error of the mean.",
    "low": "Lower end of the interval.",
    "high": "Upper end of the interval.",
    "coverage": "Probability that the true value lies between low and high.",
    "bounds": "Lowest and highest value.",
    "values": "The values that can be drawn.",
    "weights": "One for each value; equal if absent.",
    "parameters": "Names of the parameters, set.parameter.",
    "parameter_groups": "Jointly uncertain parameters.",
    "correlation": "Correlation matrix, a row for each parameter.",
    "at_least": "The column has at least this value.",
    "below": "The column is below this value.",
    "when": "Conditions that must all hold.",
    "effects": "Lasting changes of columns.",
}
# The others, by definition.
KEYS = {
    "CohortDefinition": {
        "inherits": "Another cohort file, whose keys apply unless this one has them.",
        "name": "Key of the cohort.",
        "size": "Default number of people to sample.",
        "life_table": 'Name of a life table of popsim, "country" for that of the experiment\'s prices, or a CSV file.',
        "columns": "Distribution of each sampled column; the order numbers the random streams.",
        "correlations": "Correlations of two columns, on the normal scale.",
        "table": "A table of people, each row one person.",
    },
    "FixedMarginal": {"value": "The common value."},
    "FixedDuration": {"value": "The common value."},
    "Bernoulli": {"probability": "Probability of 1; else 0."},
    "Categorical": {"probabilities": "One for each value; they sum to 1."},
    "Quantiles": {"at": "Probabilities below the values, from 0 to 1.", "values": "The quantiles, ascending."},
    "Strata": {"parts": "Adjacent parts of the population, in ascending order."},
    "Stratum": {"share": "Part of the population."},
    "SameAs": {"column": "The column whose value is taken."},
    "Correlation": {"a": "One column.", "b": "The other column.", "value": "Correlation, -1 to 1."},
    "Filter": {
        "column": "Column of the table.",
        "equals": "Keep rows with this value.",
        "at_least": "Keep rows with at least this value.",
        "below": "Keep rows below this value.",
        "above_column": "Keep rows above the value of this other column.",
    },
    "Table": {
        "path": "The file, relative to the cohort's, or inside the package.",
        "package": "Python package that holds the file.",
        "format": "What kind of file it is.",
        "where": "Rows that are kept: all conditions must hold.",
        "columns": "Source of each column of the twins in the table.",
    },
    "TableColumn": {
        "from": "Name of the column in the table.",
        "unit": "Unit in the table; that of the twins' column when absent.",
        "substance": "Substance whose molar mass converts mass to amount.",
        "formula": "How the column is computed from the table's.",
        "codes": "Number for each word of the table.",
        "missing": "Refuse a missing value, or sample it from [columns].",
    },
    "Scenario": {"discount_rate_costs": "Per year, from entry."},
    "ExperimentDefinition": {
        "scenarios": "The same comparison with a structural change.",
        "cheers": "What readers must know about the study (CHEERS 2022).",
    },
    "Cheers": dict.fromkeys(
        (
            *("question", "population", "setting", "comparators", "perspective", "time_horizon", "discount_rate"),
            *("outcomes", "valuation", "currency", "rationale", "assumptions", "limitations"),
        ),
        "Text under this heading of CHEERS 2022.",
    ),
    "Beta": {"alpha": "First shape.", "beta": "Second shape."},
    "Gamma": {"shape": "Shape.", "scale": "Scale; the mean is shape x scale."},
    "Lognormal": {"meanlog": "Mean of the natural logarithm.", "sdlog": "Standard deviation of the natural logarithm."},
    "Dirichlet": {
        "concentrations": "One for each parameter.",
        "sample_size": "People in whom the shares were observed.",
    },
    "MultivariateNormal": {
        "standard_errors": "One for each parameter.",
        "covariance": "Covariance matrix, a row for each parameter.",
    },
    "ParameterChange": {"value": "Value in the unit of the set.", "uncertainty": "Distribution of the true value."},
    "Condition": {"is": "The column has this value; of a cause, its name."},
    "ColumnEffect": {"add": "Added to the column.", "multiply": "Factor on the column."},
    "Capacity": {"setting": "Setting of the network.", "places": "Beds, or slots a day, while in force."},
    "NetworkDefinition": {
        "inherits": "Another network file, whose keys apply unless this one has them.",
        "reference_population": "Population size to which capacities and slots refer.",
        "entry": "Setting in which twins start.",
        "presentation": "Setting to which acutely ill people come.",
        "settings": "Wards and other settings of stay, contacts and routers.",
        "arrivals": "People from outside the population.",
        "complications": "Complications of twins in hospital.",
        "classes": "Classes of patients, which may have stays and routes of their own.",
        "clinicians": "Roles of clinicians beside the usual ones, each with its price and rights to prescribe.",
        "starts_on": "Date of day 0: its weekday and its place in the year.",
        "warm_up_days": "Days for which external patients come before day 0.",
        "census": "External patients on the first morning: rows, or in a file the path of a CSV.",
    },
    "SettingDefinition": {
        "class": "What kind of setting it is.",
        "capacity": "Places.",
        "rota": "Hours of the week with another capacity.",
        "classes": "Stays and routes of classes of patients.",
        "escalation": "Patients who get worse and go to a higher level of care.",
        "waiting_room": "Maximum number of people waiting.",
        "overflow": "Setting for people who find the waiting room full.",
        "boards": "Whether people who wait for it keep their current bed.",
        "discipline": "Queue discipline: first come, first served, or by priority.",
        "priority": "Triage levels; the first rule that matches counts.",
        "care_level": "Level of care for the physiology; by class when absent.",
        "stay": "Length of stay, days.",
        "stay_external": "Length of stay of external patients, days.",
        "stay_factors": "Factors on the length of stay.",
        "transfer_delay": "Delayed transfer of care of twins who are fit to leave hospital for it.",
        "review": "Daily ward round that ends stays, instead of stay.",
        "patience": "Days of waiting before people renege (give up).",
        "gives_up_to": "Setting to which people who give up waiting go.",
        "routes": "Destinations on leaving; the first route that matches counts.",
        "slots_per_day": "Contacts per day.",
        "opens_hour": "Hour of the day at which contacts begin.",
        "closes_hour": "Hour of the day at which contacts end.",
        "weekdays_only": "Whether it is closed on Saturdays and Sundays.",
        "clinician": "Clinician of the contact.",
        "lapses_after_days": "Days after its due day at which a booking without a slot lapses.",
    },
    "TransferDelay": {
        "probability": "Probability of a delay, where every factor is 1.",
        "days": "Length of a delay, days.",
        "factors": "Factors on the odds of a delay.",
    },
    "Escalation": {
        "to": "Setting to which they go, which must board.",
        "per_day": "Hazard in the setting, where every factor is 1.",
        "by_cause": "Ratio of the hazard in admissions of twins for a cause.",
        "factors": "Factors on the hazard, of twins.",
    },
    "PatientClass": {"when": "Conditions on twins of this class; none: it has external patients only."},
    "ClassOfStay": {"stay": "Length of stay, days.", "routes": "Destinations on leaving."},
    "Complication": {
        "per_day": "Hazard in hospital, where every factor is 1.",
        "by_cause": "Ratio of the hazard in admissions for a cause.",
        "factors": "Factors on the hazard.",
        "extra_days": "Days by which it prolongs the stay.",
        "fatality": "Probability of dying of it.",
    },
    "ArrivalSource": {
        "to": "Setting to which they come.",
        "per_day": "Mean number a day.",
        "priority": "Their triage level.",
    },
    "PriorityRule": {"level": "1 is served first."},
    "Review": {
        "hour": "Hour of the day of the round.",
        "discharge_when": "Conditions that must all hold for discharge.",
        "under_pressure": "Conditions that suffice for discharge when somebody waits for the setting.",
        "at_least_days": "Minimum length of stay.",
        "at_most_days": "Maximum length of stay.",
    },
    "Route": {
        "to": "Setting, stay or exit; or a table of settings with probabilities.",
        "if_free": "Only if a bed is free.",
        "for": "People to whom the route applies.",
        "outlier": "Whether people who take it are outliers (on a ward not meant for them).",
    },
    "ColumnFactor": {
        "reference": "Value of the column at which the factor is 1.",
        "log_change_per_unit": "Change of the logarithm of the stay, odds or hazard per unit of the column.",
    },
    "SignalFile": {"signals": "All signals, each of a column of its own."},
    "Signal": {
        "adjusted_every_days": "Days between adjustments of the device.",
        "delay_days": "Days from the sample to its result.",
        "missed_more_in_lapse": "Increase of missed samples with a lapse of adherence.",
        "missed_more_when_frail": "Increase of missed samples with frailty.",
        "unit": "Of the column, UCUM.",
    },
    "OptionFile": {"options": "Ways of treating a person, each with a name of its own."},
}


def described(model: type[BaseModel]) -> dict[str, str]:
    """Descriptions of the keys of a definition: from its docstring or those of its bases, else from above."""
    found = COMMON | KEYS.get(model.__name__, {})
    for one in reversed(model.__mro__[: model.__mro__.index(BaseModel)]):
        _, _, section = (one.__doc__ or "").partition("Attributes:\n")
        for entry in re.split(r"\n(?! )", inspect.cleandoc(section).split("\n\n")[0]):
            names, colon, told = entry.partition(": ")
            if colon:
                found |= {name.strip("` "): " ".join(told.split()) for name in names.split(",")}
    return found
