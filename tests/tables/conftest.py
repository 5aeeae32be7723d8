"""A made-up run as a decision, made once."""

import pytest
from made_up_decision import six_strategies

from popsim.exchange.tables.decision_tables import DecisionTables


@pytest.fixture(scope="session")
def tables(tmp_path_factory) -> DecisionTables:
    return DecisionTables.of(six_strategies(tmp_path_factory.mktemp("six_strategies")))
