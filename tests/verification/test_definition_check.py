"""What `popsim check` refuses in files that others refer to."""

import pytest
from flagship import ROOT

from popsim.cli import main


@pytest.mark.parametrize(
    ("file", "right", "wrong", "said"),
    [
        (
            "calibration",
            "../targets/discharge.toml",
            "../targets/discharged.toml",
            "discharged.toml: file: no such file",
        ),
        ("calibration", '"heart_failure.pump_', '"heart_failure.pumping_', "no such parameter, did you mean 'pump_"),
        ("calibrated", '"heart_failure.pump_', '"heart_failure.pumping_', "no such parameter, did you mean 'pump_"),
        ("targets", 'quantity = "', 'quantity = "no_', "did you mean"),
    ],
)
def test_what_a_fit_or_its_figures_name_is_checked(tmp_path, capsys, file, right, wrong, said):
    """Beside links to all that the files refer to."""
    (tmp_path / "cohorts").symlink_to(ROOT / "cohorts")
    experiments = tmp_path / "experiments"
    (experiments / file).mkdir(parents=True)
    for path in (ROOT / "experiments").iterdir():
        if path.name != file:
            (experiments / path.name).symlink_to(path)
    changed = experiments / file / ("discharge.toml" if file == "targets" else "heart_failure.toml")
    text = (ROOT / changed.relative_to(tmp_path)).read_text()
    assert right in text
    changed.write_text(text.replace(right, wrong, 1))
    assert main(["check", str(changed)]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("base", "own", "said"),
    [
        ("experiments/networks/heart_failure_catchment.toml", "", "care network 'heir' is sound: 20 settings"),
        (
            "cohorts/heart_failure_discharge.toml",
            'size = 10\nsource = "assumption: as the base"',
            "cohort 'heir' is sound",
        ),
    ],
)
def test_a_file_that_only_inherits_is_of_the_kind_of_its_base(tmp_path, capsys, base, own, said):
    heir = tmp_path / "heir.toml"
    heir.write_text(f'inherits = "{ROOT / base}"\nname = "heir"\ndescription = "An heir"\n{own}\n')
    assert main(["check", str(heir)]) == 0
    assert said in capsys.readouterr().out
