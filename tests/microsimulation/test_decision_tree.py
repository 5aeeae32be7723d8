"""Decision trees against arithmetic, and in front of a state-transition model."""

from __future__ import annotations

import pytest
from small_models import leaving

from popsim.errors import InputError
from popsim.microsimulation import Chance, DecisionTree, Leaf

TEST = {"prevalence": 0.1, "sensitivity": 0.9, "specificity": 0.8, "test": 1.0, "treat": 0.0}


def screening(p):
    """Test all and treat the positive, or treat nobody; the untreated ill lose 2 QALYs, treatment costs 500."""
    if not p.treat:
        return Chance({"ill": (p.prevalence, Leaf(qalys=8.0)), "well": (None, Leaf(qalys=10.0))})
    return Chance(
        {
            "ill": (
                p.prevalence,
                Chance({"positive": (p.sensitivity, Leaf(cost=500.0, qalys=9.5)), "negative": (None, Leaf(qalys=8.0))}),
            ),
            "well": (
                None,
                Chance({"negative": (p.specificity, Leaf(qalys=10.0)), "positive": (None, Leaf(500.0, 9.9))}),
            ),
        },
        cost=20.0,
    )


def test_a_tree_alone():
    """By hand: cost 20 + 500 (0.1 x 0.9 + 0.9 x 0.2), QALYs 0.09 x 9.5 + 0.01 x 8 + 0.72 x 10 + 0.18 x 9.9."""
    tree = DecisionTree(tree=screening, parameters=TEST, strategies={"none": {}, "screen": {"treat": 1.0}})
    result = tree.run(1, seed=1)
    assert result.means[0, 0] == pytest.approx([0.0, 9.8, 0.0])
    assert result.means[1, 0] == pytest.approx([155.0, 9.917, 0.0])
    assert result.icer_table()["icer"].to_list()[-1] == pytest.approx(155 / 0.117)
    paths = tree.paths(tree.parameters_of("screen"))
    assert paths[0].name == "ill > positive"
    assert sum(path.probability for path in paths) == pytest.approx(1.0)


def test_in_front_of_a_model():
    """A fifth die in surgery, which costs 1,000; the others go on, and lose 0.1 QALYs."""
    behind = leaving()
    tree = DecisionTree(
        tree=lambda p: Chance(
            {"death": (0.2, Leaf(state="dead")), "survival": (None, Leaf(qalys=-0.1, state="healthy"))}, cost=1000.0
        ),
        then=behind,
    )
    alone, both = behind.run(1, seed=1, exact=True), tree.run(1, seed=1)
    cost, qalys, years = alone.means[0, 0]
    assert both.means[0, 0] == pytest.approx([1000 + 0.8 * cost, 0.8 * qalys - 0.08, 0.8 * years])
    assert both.counts[0, 0, 0] == pytest.approx([0.8, 0.2])
    assert list(both.strategies) == ["only"]


def test_traits_reach_both():
    """Risk by age in the tree, cost by age in the model."""
    behind = leaving(costs=lambda p, age: {"healthy": age})
    tree = DecisionTree(
        tree=lambda p, age: Chance({"dies": (age / 100, Leaf(state="dead")), "lives": (None, Leaf(state="healthy"))}),
        then=behind,
    )
    years = behind.run({"age": [1.0]}, seed=1, exact=True).means[0, 0, 2]
    expected = (0.5 * 50 + 0.3 * 70) / 2 * years
    assert tree.run({"age": [50.0, 70.0]}, seed=1).means[0, 0, 0] == pytest.approx(expected)


def endless():
    node = Chance({})
    object.__setattr__(node, "branches", {"again": (1.0, node)})
    return node


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        (lambda p: 5, "tree: must be a Chance or a Leaf, not 5"),
        (lambda p: Chance({"a": (0.5, Leaf()), "b": (0.4, Leaf())}), "tree: probabilities add up to 0.9: must be 1"),
        (lambda p: Chance({"a": (1.5, Leaf()), "b": (None, Leaf())}), "tree: probabilities must be 0 or above"),
        (lambda p: Chance({"a": (None, Leaf()), "b": (None, Leaf())}), "one may be None"),
        (lambda p: Chance({"a": Leaf()}), "branches of 'a': must be (probability, what follows)"),
        (lambda p: Chance({"a": (1.0, Leaf(cost=float("nan")))}), "tree: 'a': cost = nan: not a finite number"),
        (lambda p: endless(), "deeper than 100 chance nodes"),
        (lambda p: Leaf(cost=p.prise), "tree: p.prise"),
    ],
)
def test_refused(tree, message):
    with pytest.raises(InputError) as refused:
        DecisionTree(tree=tree, parameters={"price": 1.0}, strategies={"only": {}}).run(1, seed=1)
    assert message in str(refused.value)


def test_a_leaf_in_front_of_a_model_needs_a_state():
    with pytest.raises(InputError, match="Leaf needs the state"):
        DecisionTree(tree=lambda p: Leaf(), then=leaving()).run(1, seed=1)
