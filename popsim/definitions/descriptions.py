"""What each key of a definition means, for JSON Schemas: from the docstring (`Attributes:`), or from the lists here."""

from __future__ import annotations

import inspect
import re

from pydantic import BaseModel

# Keys that mean the same wherever they stand.
COMMON = {
    "name": "Key, used in other files, tables and folders.",
    "label": "How tables call it.",
    "title": "How reports call it.",
    "description": "What it is, in some sentences.",
    "source": 'Where the numbers come from, or "assumption: the reasoning".',
    "unit": "Unit of the numbers.",
    "distribution": "Kind of distribution.",
    "kind": "Which of the alternatives this is.",
    "column": "Name of a column of the twins.",
    "mean": "Mean of the quantity itself.",
    "sd": "Standard deviation of the quantity itself.",
    "standard_error": "Standard error of the mean.",
    "low": "Lower end of the interval.",
    "high": "Upper end of the interval.",
    "coverage": "Probability that the interval from low to high holds.",
    "bounds": "Lowest and highest value.",
    "values": "The values that can be drawn.",
    "weights": "One for each value; all alike without them.",
    "parameters": "Names of the parameters, set.parameter.",
    "parameter_groups": "Parameters that are uncertain together.",
    "correlation": "Correlation matrix, a row for each parameter.",
    "at_least": "The column has at least this value.",
    "below": "The column is below this value.",
    "when": "Conditions that must all hold.",
    "effects": "Columns that are changed for good.",
}
# The others, by definition.
KEYS = {
    "CohortDefinition": {
        "inherits": "Another cohort file, whose keys stand unless this one has them.",
        "name": "Key of the cohort.",
        "size": "People that are sampled when nothing else is asked for.",
        "life_table": "Name of a life table in popsim/evidence, for deaths that no organ system explains.",
        "columns": "Distribution of each sampled column; the order numbers the random streams.",
        "correlations": "Correlations of two columns, on the normal scale.",
        "table": "A table of people, each row one person.",
    },
    "FixedMarginal": {"value": "The value of everybody."},
    "FixedDuration": {"value": "The value of everybody."},
    "Bernoulli": {"probability": "Probability of 1; else 0."},
    "Categorical": {"probabilities": "One for each value; they sum to 1."},
    "Quantiles": {"at": "Probabilities below the values, from 0 to 1.", "values": "The quantiles, rising."},
    "Strata": {"parts": "Parts of the population that lie side by side."},
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
        "columns": "Where each column of the twins stands in the table.",
    },
    "TableColumn": {
        "from": "Name of the column in the table.",
        "unit": "Unit in the table; that of the twins' column when absent.",
        "substance": "Whose molar mass turns mass into amount.",
        "formula": "How the column follows from that of the table.",
        "codes": "Number that stands for each word of the table.",
        "missing": "Refuse a missing value, or sample it from [columns].",
    },
    "Scenario": {"discount_rate_costs": "A year, from entry."},
    "ExperimentDefinition": {
        "scenarios": "The same comparison with something about its structure changed.",
        "cheers": "What a reader must know about the study (CHEERS 2022).",
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
        "sample_size": "People in whom the shares were seen.",
    },
    "MultivariateNormal": {
        "standard_errors": "One for each parameter.",
        "covariance": "Covariance matrix, a row for each parameter.",
    },
    "ParameterChange": {"value": "Value in the unit of the set.", "uncertainty": "What the true value may be."},
    "Condition": {"is": "The column has this value; of a cause, its name."},
    "ColumnEffect": {"add": "Added to the column.", "multiply": "Times the column."},
    "Capacity": {"setting": "Setting of the network.", "places": "Places, or slots a day, while in force."},
    "NetworkDefinition": {
        "reference_population": "People for whom the numbers of places and slots are meant.",
        "entry": "Setting in which twins begin.",
        "presentation": "Setting to which the acutely ill come.",
        "settings": "Places, contacts and decisions.",
        "arrivals": "People from outside the population.",
    },
    "SettingDefinition": {
        "class": "What kind of setting it is.",
        "capacity": "Places.",
        "waiting_room": "How many may wait.",
        "overflow": "Setting for those who find the waiting room full.",
        "boards": "Whether those who wait for it keep the place that they have.",
        "discipline": "Who is next: the first to come, or by priority.",
        "priority": "Levels of triage; the first rule that fits counts.",
        "care_level": "What physiology is told of the care here; by class when absent.",
        "stay": "Days of a stay.",
        "stay_external": "Days of a stay of people from outside.",
        "stay_factors": "What lengthens a stay.",
        "review": "Daily ward round that ends stays, in the place of stay.",
        "patience": "Days of waiting after which people give up.",
        "gives_up_to": "Setting to which those who give up go.",
        "routes": "Where to go on leaving; the first that fits counts.",
        "slots_per_day": "Contacts that can be given in a day.",
        "opens_hour": "Hour of the day at which contacts begin.",
        "closes_hour": "Hour of the day at which contacts end.",
        "weekdays_only": "Whether it is shut on Saturdays and Sundays.",
        "clinician": "Who is seen.",
        "lapses_after_days": "Days after which a booking that found no slot is given up.",
    },
    "ArrivalSource": {
        "to": "Setting to which they come.",
        "per_day": "Mean number a day.",
        "priority": "Level of triage of all of them.",
    },
    "PriorityRule": {"level": "1 is served first."},
    "Review": {
        "hour": "Hour of the day of the round.",
        "discharge_when": "Conditions that must all hold to go.",
        "under_pressure": "Conditions that are enough when somebody waits for the setting.",
        "at_least_days": "Nobody goes before.",
        "at_most_days": "Everybody goes by then.",
    },
    "Route": {
        "to": "Setting, stay or exit; or a table of settings with probabilities.",
        "if_free": "Only where a place is free.",
        "for": "Whom the route is for.",
        "outlier": "Whether those who take it lie where they are not meant to (outliers).",
    },
    "StayFactor": {
        "reference": "Value of the column at which the stay is as it is.",
        "log_change_per_unit": "Change of the stay's logarithm with each unit of the column.",
    },
    "SignalFile": {"signals": "All signals, each of a column of its own."},
    "Signal": {
        "adjusted_every_days": "Days between adjustments of the device.",
        "delay_days": "Days from the sample to its result.",
        "missed_more_in_lapse": "More samples missed with a lapse of adherence.",
        "missed_more_when_frail": "More samples missed with frailty.",
        "unit": "Of the column, UCUM.",
    },
    "OptionFile": {"options": "Ways of treating a person, each with a name of its own."},
}


def described(model: type[BaseModel]) -> dict[str, str]:
    """What is said of the keys of a definition: in its docstring or that of one that it extends, else above."""
    found = COMMON | KEYS.get(model.__name__, {})
    for one in reversed(model.__mro__[: model.__mro__.index(BaseModel)]):
        _, _, section = (one.__doc__ or "").partition("Attributes:\n")
        for entry in re.split(r"\n(?! )", inspect.cleandoc(section).split("\n\n")[0]):
            names, colon, told = entry.partition(": ")
            if colon:
                found |= {name.strip("` "): " ".join(told.split()) for name in names.split(",")}
    return found
