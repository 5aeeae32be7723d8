"""The drawing of a care network: it is a PNG of a sensible size, complete, and nothing in it covers anything else."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from popsim.care.network import CareNetwork
from popsim.definitions.base import validate
from popsim.definitions.conditions import Condition
from popsim.definitions.network import NetworkDefinition
from popsim.reporting.figures import pathway_layout as layouts
from popsim.reporting.figures.pathway import draw, label_boxes
from popsim.reporting.figures.pathway_layout import Box, Curve
from popsim.reporting.figures.pathway_words import arrow_lines, box_lines, condition_text, duration

NETWORKS = Path(__file__).parents[2] / "experiments" / "networks"
COLUMNS = {
    "frailty", "symptom_score", "systolic_mmhg", "presenting_cause", "infection_severity",
    "extracellular_fluid_excess_l", "potassium_mmol_l", "haemoglobin_g_dl", "stroke_disability",
}  # fmt: skip
FILES = ("heart_failure_catchment", "minimal_ward")


@pytest.fixture(scope="module", params=FILES)
def network(request: pytest.FixtureRequest) -> CareNetwork:
    return CareNetwork.read(NETWORKS / f"{request.param}.toml", COLUMNS)


@pytest.fixture(scope="module")
def catchment() -> CareNetwork:
    return CareNetwork.read(NETWORKS / "heart_failure_catchment.toml", COLUMNS)


@pytest.mark.slow
def test_png_of_a_sensible_size(network, tmp_path):
    path = draw(network, tmp_path / "pathway.png")
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", content[16:24])
    assert 600 <= width <= 4000
    assert 400 <= height <= 3000
    assert 10_000 < len(content) < 2_000_000
    ink = np.mean(np.any(imread(path)[:, :, :3] < 0.95, axis=2))
    assert 0.02 < ink < 0.5, "neither empty nor filled"


@pytest.mark.slow
def test_the_same_network_gives_the_same_picture(catchment, tmp_path):
    first, second = draw(catchment, tmp_path / "1.png"), draw(catchment, tmp_path / "2.png")
    assert first.read_bytes() == second.read_bytes()


def test_no_label_covers_a_box_or_another_label(network):
    boxes, labels = label_boxes(network)
    assert len(labels) >= 4
    for place, label in enumerate(labels):
        assert sum(label.overlap(box) for box in boxes) < 0.002, "square inches"
        assert sum(label.overlap(other) for other in labels[:place]) < 0.002


def test_every_setting_and_link_is_drawn(catchment):
    layout = layouts.arrange(catchment)
    assert {n.setting.name for n in layout.nodes.values() if not n.echo} == {s.name for s in catchment.settings}
    drawn = set(layout.arrows.values())
    assert drawn == {(a, b) for a, b in catchment.graph.edges if b != "exit"}
    assert [name for name, _, _ in layout.stages] == ["Community", "Front door", "Hospital", "After hospital"]


def test_boxes_do_not_touch_and_stages_go_left_to_right(catchment):
    nodes = layouts.arrange(catchment).nodes
    boxes = [n.box for n in nodes.values()]
    assert all(a.overlap(b) == 0.0 for i, a in enumerate(boxes) for b in boxes[:i])
    order = ["home", "acute_need", "emergency_department", "assessment_unit", "cardiology_ward", "discharge", "hospice"]
    lefts = [nodes[name].box.left for name in order]
    assert lefts == sorted(lefts)
    assert len(set(lefts)) == len(lefts)


def test_words_in_boxes(catchment):
    sized = catchment.with_capacity({"cardiology_ward": 1242, "emergency_department": 52, "heart_failure_clinic": 80})
    assert box_lines(sized["cardiology_ward"]) == ["1,242 beds", "ward round at 10:00"]
    assert box_lines(sized["emergency_department"]) == ["52 places", "stay 4.1 h on average"]  # 0.17 days
    assert box_lines(sized["heart_failure_clinic"]) == ["80 slots/day, weekdays"]
    one = sized["cardiology_ward"].model_copy(update={"capacity": 1})
    assert box_lines(one)[0] == "1 bed"
    assert box_lines(catchment["home"]) == ["until acutely unwell"]
    assert box_lines(catchment["acute_need"]) == []


def test_words_on_arrows(catchment):
    def lines(source: str, target: str) -> list[str]:
        return arrow_lines(catchment, source, catchment.graph.edges[source, target]["links"])

    assert lines("emergency_department", "cardiology_ward") == ["infarction", "arrhythmia", "others: 4%"]
    assert lines("emergency_department", "heart_failure_bed") == [
        "heart failure and symptom score < 6.5: 75%",
        "heart failure",
    ]
    assert lines("heart_failure_bed", "cardiology_ward") == ["if free", "otherwise"]
    assert lines("heart_failure_bed", "general_ward") == ["otherwise, if free (outlier)"]
    assert lines("emergency_department", "intensive_care")[0] == "systolic < 75 mmHg"
    assert lines("assessment_unit", "general_ward") == ["infection severity \u2265 0.4", "when full", "others: 40%"]
    assert lines("nursing_facility", "home") == ["50%"]
    assert lines("emergency_department", "left_unseen") == ["gives up waiting"]
    assert lines("home_care", "home") == []


def test_words_of_conditions_and_durations():
    assert condition_text(Condition(column="gfr_ml_min", below=30.0)) == "gfr < 30 ml/min"
    assert condition_text(Condition(column="diabetes", equals=1.0)) == "diabetes = 1"
    assert [duration(d) for d in (10 / 1440, 0.25, 1.0, 5.5)] == ["10 min", "6 h", "1 day", "5.5 days"]


def test_overlap_of_boxes():
    assert Box(0, 0, 2, 2).overlap(Box(1, 1, 3, 3)) == 1.0
    assert Box(0, 0, 1, 1).overlap(Box(1, 0, 2, 1)) == 0.0


def test_a_curve_starts_and_ends_at_its_boxes():
    curve = Curve((0.0, 0.0), (1.0, 2.0), (2.0, 0.0))
    assert curve.at(0.0)[0].tolist() == [0.0, 0.0]
    assert curve.at(0.5)[0].tolist() == [1.0, 1.0]
    assert curve.at(1.0)[0].tolist() == [2.0, 0.0]


@pytest.mark.slow
def test_the_largest_network_that_a_file_may_hold(tmp_path):
    chain = [
        {
            "name": f"step_{i}",
            "class": "inpatient",
            "capacity": 1,
            "stay": {"distribution": "exponential", "mean": 1.0},
            "routes": [{"to": f"step_{i + 1}" if i < 99 else "exit"}],
        }
        for i in range(100)
    ]
    table = {"name": "long", "settings": chain, "arrivals": [{"name": "a", "to": "step_0", "per_day": 0.1}]}
    network = CareNetwork(validate(table, NetworkDefinition, "long"), ())
    assert draw(network, tmp_path / "long.png").stat().st_size > 10_000
