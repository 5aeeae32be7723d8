"""All parameter sets together: what a study hands to everything that computes with constants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from popsim.definitions.money import PriceCountry
from popsim.definitions.parameter import Parameter, ParameterChange
from popsim.errors import DefinitionError, InputError, did_you_mean
from popsim.evidence.drugs import DRUG_SET, drug_parameters
from popsim.evidence.parameters import ParameterSet, load_parameters

PARAMETER_SETS = (  # of the model itself, with the prices and utilities of England
    "heart_failure",
    "care_practice",
    "home_signals",
    "nhs_prices",
    "griffiths_2014",
    "societal_prices",
    "gbd_disability",
    "clinical_twin",
    "clinical_prices",
    "clinical_utilities",
    "reactions",
    "vessels",
    "kidney_disease",
    "diabetes",
    "klein_2009",
    "environment",
    "lungs",
    "blood",
    "ageing",
    "remodelling",
    "convalescence",
)
FURTHER_SETS = (  # of beliefs, forecasts, learning, scores, tables of people and analyses
    "twinning",
    "forecast",
    "therapy_choice",
    "learning",
    "risk_scores",
    "tangri_2016",
    "inker_2021",
    "body_size",
    "admission_vital_signs",
    "equity",
    DRUG_SET,
)


class ValuationSets(NamedTuple):
    """Names of the sets of prices and utilities of a country.

    Attributes:
        care: prices of care, and the discount rates.
        societal: what patients, families and the economy bear.
        clinical: prices of further drugs and of dialysis.
        utilities: by symptom class, and in hospital.
    """

    care: str
    societal: str
    clinical: str
    utilities: str


VALUATION_SETS: Mapping[PriceCountry, ValuationSets] = MappingProxyType(
    {
        "england": ValuationSets("nhs_prices", "societal_prices", "clinical_prices", "griffiths_2014"),
        "united_states": ValuationSets("us_prices", "us_societal_prices", "us_clinical_prices", "us_utilities"),
        "netherlands": ValuationSets("nl_prices", "nl_societal_prices", "nl_clinical_prices", "nl_utilities"),
    }
)
ENGLAND: PriceCountry = "england"
SHIPPED_SETS = tuple(dict.fromkeys((*PARAMETER_SETS, *FURTHER_SETS, *chain(*VALUATION_SETS.values()))))
INTERVENTION_SET = "interventions"  # made from an experiment's strategies


class Parameters(Mapping[str, ParameterSet]):
    """Every parameter set by its name, as shipped where no other is given; a shipped one is read on its first use.

    Two are equal only if they are the same object.

    Args:
        own: sets in the place of those shipped.
        added: sets of a user's own organ systems, beside those shipped.
        country: whose prices and utilities value the simulation.

    Raises:
        InputError: there is no set of such a name, or one lacks a parameter.
    """

    def __init__(
        self,
        own: Mapping[str, ParameterSet] | None = None,
        added: Mapping[str, ParameterSet] | None = None,
        country: PriceCountry = ENGLAND,
    ) -> None:
        self.valuation = VALUATION_SETS[country]
        self._country: PriceCountry = country
        self._model_sets = model_sets(country)
        self._own, self._added = dict(added or {}) | dict(own or {}), dict(added or {})
        names = (*SHIPPED_SETS, INTERVENTION_SET, *self._added)
        for name, values in self._own.items():
            if name not in names:
                raise InputError(f"parameters: no parameter set '{name}', {did_you_mean(name, names)}")
            if name != INTERVENTION_SET and (lacking := self._base(name).keys() - values.keys()):
                raise InputError(f"parameters: the set '{name}' lacks {', '.join(sorted(lacking))}")
        self._names = tuple(name for name in names if name in self._own or name != INTERVENTION_SET)

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def _base(self, name: str) -> ParameterSet:
        """A set as it is shipped, or as its organ system brings it."""
        return self._added[name] if name in self._added else _shipped(name)

    def __getitem__(self, name: str) -> ParameterSet:
        if name not in self._names:
            raise KeyError(name)
        return self._own[name] if name in self._own else _shipped(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    @property
    def counted(self) -> dict[str, ParameterSet]:
        """The sets of the model itself, and of the further ones those that are given."""
        return {n: self[n] for n in self if n in self._model_sets or n in self._own}

    @property
    def care_prices(self) -> ParameterSet:
        """Prices of care, and the discount rates."""
        return self[self.valuation.care]

    @property
    def societal_prices(self) -> ParameterSet:
        """What patients, families and the economy bear."""
        return self[self.valuation.societal]

    @property
    def clinical_prices(self) -> ParameterSet:
        """Prices of further drugs and of dialysis."""
        return self[self.valuation.clinical]

    @property
    def utilities(self) -> ParameterSet:
        """Utilities by symptom class, and what a stay in hospital takes off."""
        return self[self.valuation.utilities]

    def given(self, own: Mapping[str, ParameterSet]) -> Parameters:
        """A copy with other sets in the place of some."""
        return Parameters(self._own | dict(own), self._added, self._country)

    def beside(self, added: Mapping[str, ParameterSet]) -> Parameters:
        """A copy with the sets of a user's own organ systems as well; those that it has already stay."""
        return Parameters(self._own, dict(added) | self._added, self._country) if added else self

    def with_values(
        self, changes: Mapping[str, float | ParameterChange], file: object = "parameters", where: str = "{}"
    ) -> Parameters:
        """A copy in which some parameters differ.

        Args:
            changes: by "set.parameter", as for `ParameterSet.with_values`.
            file: named in errors.
            where: the key of the file that has a change, "{}" for its name.

        Raises:
            DefinitionError: there is no such parameter, or a value is outside its bounds.
        """
        found: dict[str, dict[str, float | ParameterChange]] = {}
        for dotted, change in changes.items():
            value = None if isinstance(change, ParameterChange) else change
            name, key = find_parameter(dotted, self, file, where.format(dotted), value)
            found.setdefault(name, {})[key] = change
        return self.given({name: self[name].with_values(changed, file) for name, changed in found.items()})


def model_sets(country: PriceCountry) -> tuple[str, ...]:
    """The sets of the model itself, with the prices and utilities of a country."""
    of_country = dict(zip(VALUATION_SETS[ENGLAND], VALUATION_SETS[country], strict=True))
    return tuple(of_country.get(name, name) for name in PARAMETER_SETS)


@cache
def _shipped(name: str) -> ParameterSet:
    """A set as it is shipped."""
    return drug_parameters() if name == DRUG_SET else load_parameters(name)


SHIPPED = Parameters()  # for what a user calls without parameters of their own


def read_sets(files: Mapping[str, Path]) -> dict[str, ParameterSet]:
    """The parameter sets of a user's own files, by their names.

    Raises:
        DefinitionError: a file is missing or refused.
    """
    return {name: load_parameters(name, path.parent) for name, path in files.items()}


def records_of(sets: Mapping[str, ParameterSet]) -> dict[str, Parameter]:
    """Every parameter by "set.parameter"."""
    return {f"{name}.{key}": values.of(key) for name, values in sets.items() for key in values}


def find_parameter(
    dotted: str, sets: Mapping[str, ParameterSet], file: object, where: str, value: object = None
) -> tuple[str, str]:
    """Set and parameter that a dotted name means; `where` is the key of the file that has it, `value` what it says.

    Raises:
        DefinitionError: there is none; names near matches.
    """
    name, _, parameter = dotted.partition(".")
    if name not in sets:
        raise DefinitionError(file, where, value, f"no parameter set '{name}', {did_you_mean(name, sets)}")
    if parameter not in sets[name]:
        raise DefinitionError(file, where, value, f"no such parameter, {did_you_mean(parameter, sets[name])}")
    return name, parameter
