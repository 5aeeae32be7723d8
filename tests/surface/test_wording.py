"""What the command line calls --person is person= in Python."""

import inspect
import re
from pathlib import Path

import pytest

import popsim as ps
from popsim.surface.wording import PlainText, for_python, in_python


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("--strategy early: did you mean 'early_follow_up'?", "strategy=early: did you mean 'early_follow_up'?"),
        ("--engine = 'x': allowed: local", "engine='x': allowed: local"),
        ("Admitted most often (name one with --person)", "Admitted most often (name one with person=)"),
        ("dates where --day-zero DATE is given", "dates where day_zero=DATE is given"),
        ("too few; popsim run ... --draws 100", "too few; experiment.with_(draws=100).run()"),
        ("popsim run --days 1096 follows them", "experiment.with_(follow_up_days=1096).run() follows them"),
        ("one replication; popsim run ... --replications 10 gives them.",
         "one replication; experiment.with_(replications=10).run() gives them."),
        ("popsim run a/b.toml --population 60 --draws 100 gives them.",
         "experiment.with_(population=60, draws=100).run() gives them."),
        ("/tmp/my--person/x.toml: -- a -> b, 3 --- 4", "/tmp/my--person/x.toml: -- a -> b, 3 --- 4"),
    ],
)  # fmt: skip
def test_flags_become_arguments(text, words):
    assert in_python(text) == words


def test_an_argument_may_have_another_name_than_its_flag():
    assert in_python("--out page.txt: must end in .html", out="path") == "path=page.txt: must end in .html"


class Below:
    def inherited(self):
        raise ps.InputError("--person 3: nobody")


Below.__module__ = "popsim.below"


def test_all_that_a_class_has_and_inherits_is_worded():
    class Above(Below):
        @property
        def text(self):
            return PlainText("say --person")

        @classmethod
        def made(cls):
            raise ps.DefinitionError("a.toml", "--table", None, "refused")

        def plain(self):
            return "--person"

    Above.__module__ = "popsim.above"
    for_python(Above)
    with pytest.raises(ps.InputError, match=r"^person=3: nobody"):
        Above().inherited()
    with pytest.raises(ps.DefinitionError, match=r"^a.toml: table=: refused"):
        Above.made()
    assert Above().text == "say person=" and isinstance(Above().text, PlainText) and Above().plain() == "--person"
    with pytest.raises(ps.InputError, match="--person"):
        Below().inherited()


def test_every_class_of_the_surface_is_worded():
    """So that a message that is written for the command line reaches nobody else."""
    for path in sorted((Path(ps.__file__).parent / "surface").glob("*.py")):
        source = path.read_text(encoding="utf-8")
        users = [name for name in re.findall(r"^class (\w+)", source, re.MULTILINE) if name in ps.__all__]
        for name in users:
            kind = getattr(ps, name)
            public = [one for one in vars(kind) if not one.startswith("_") and inspect.isfunction(vars(kind)[one])]
            assert public and all(hasattr(getattr(kind, one), "__wrapped__") for one in public), name
