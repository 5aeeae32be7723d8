"""One self-contained HTML page on a finished run: methods, tables, figures, parameters and provenance.

No scripts, no files or fonts from elsewhere: the page can be mailed, printed and kept. Everything that comes from
definitions or data is escaped.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from popsim.errors import InputError
from popsim.evidence.parameters import PARAMETER_SETS, load_parameters
from popsim.experiments.run import Run
from popsim.html import html_table
from popsim.population.sampling import sample
from popsim.population.summary import summary
from popsim.reporting.checklists import Item, cheers, stress
from popsim.reporting.cohort_table import baseline_lines
from popsim.reporting.figures import draw_all
from popsim.reporting.figures.style import STYLE, described
from popsim.reporting.tables import Lines, comparison_lines, outcome_lines
from popsim.schema import SCHEMAS

LARGEST_BASELINE = 20_000  # people sampled for the baseline table
DOTS_PER_INCH = 130
LARGEST_VECTOR = 150_000  # bytes up to which SVG is kept even if PNG is smaller
CSS = """
:root{color-scheme:light dark;--ink:#1d1d1f;--quiet:#57606a;--rule:#d0d7de;--page:#fff;--band:#f4f6f8;--link:#0b5cad}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--quiet:#9aa7b4;--rule:#3a434d;--page:#14181d;--band:#1d232a;
--link:#7cb8ff}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.5rem;max-width:70rem;background:var(--page);color:var(--ink);
font:16px/1.5 system-ui,"Segoe UI","DejaVu Sans",sans-serif}
h1{font-size:1.7rem;line-height:1.25}h2{margin-top:2.5rem;border-bottom:1px solid var(--rule)}
a{color:var(--link)}nav ul{columns:2;padding-left:1.2rem}p.quiet,caption{color:var(--quiet)}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:.86rem;margin:1rem 0;width:100%}
caption{text-align:left;padding-bottom:.4rem}
th,td{padding:.25rem .6rem;text-align:left;vertical-align:top;border-bottom:1px solid var(--rule)}
td{font-variant-numeric:tabular-nums}thead th{border-bottom:2px solid var(--quiet)}
tbody th{font-weight:normal}th[scope=colgroup]{font-weight:bold;background:var(--band)}
figure{margin:2.5rem 0}figure img{max-width:100%;height:auto;background:#fff;border-radius:4px}
code{overflow-wrap:anywhere}
@media print{body{max-width:none;padding:0;font-size:10pt}nav{display:none}figure,tr{break-inside:avoid}
h2{break-after:avoid}a{color:inherit;text-decoration:none}}
"""


def write_report(run: Run, path: Path) -> Path:
    """Write the page.

    Raises:
        InputError: the file cannot be written.
    """
    page = report_page(run)
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise InputError(f"--out {path}: cannot be written: {error.strerror}") from None
    return path


def report_page(run: Run) -> str:
    """The page as text."""
    title = run.experiment.title or run.experiment.name
    sections = {
        "Main results": _results(run),
        "Figures": _figures(run),
        "Who took part": _baseline(run),
        "Methods": _methods(run),
        "Parameters": _parameters(run),
        "Provenance": _provenance(run),
    }
    anchors = {name: name.lower().replace(" ", "-") for name in sections}
    links = "".join(f'<li><a href="#{anchors[name]}">{escape(name)}</a></li>' for name in sections)
    body = "\n".join(
        f'<section aria-labelledby="{anchors[name]}"><h2 id="{anchors[name]}">{escape(name)}</h2>\n{text}\n</section>'
        for name, text in sections.items()
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{CSS}</style>
</head>
<body>
<header>
<h1>{escape(title)}</h1>
<p>{escape(run.experiment.description)}</p>
<p class="quiet">{escape(_sizes(run))}</p>
</header>
<nav aria-label="Contents"><ul>{links}</ul></nav>
<main>
{body}
</main>
</body>
</html>
"""


def _sizes(run: Run) -> str:
    experiment = run.experiment
    draws = f"{experiment.draws:,} parameter draws, " if experiment.draws else ""
    return (
        f"{experiment.population:,} simulated people, {draws}{experiment.replications} replications, "
        f"{experiment.follow_up_days} days of follow-up. "
        f"Written by popsim {run.manifest['versions']['popsim']} from run {run.manifest['run_id']}."
    )


def _results(run: Run) -> str:
    labels = {setting.name: setting.title for setting in run.network.settings}
    parts = [_lines_table(*outcome_lines(run.frame("summary"), run.experiment, labels))]
    if len(run.strategies) > 1:
        value = run.frame("cost_effectiveness")
        parts.append(_lines_table(*comparison_lines(run.frame("comparisons"), value, run.experiment, labels)))
    return "\n".join(parts)


def _lines_table(head: str, lines: Lines) -> str:
    """A printed table as HTML; the line of one cell is a heading there too."""
    return _wide(html_table(" ".join(head.split("\n")), lines[0], ([line[0].strip(), *line[1:]] for line in lines[1:])))


def _figures(run: Run) -> str:
    parts, missing = [], []
    for drawn in draw_all(run):
        if drawn.figure is None:
            missing.append((drawn.name, drawn.problem))
            continue
        words = described(drawn.figure)
        parts.append(
            f'<figure id="figure-{drawn.name}"><img src="{_image(drawn.figure)}" alt="{escape(words)}"></figure>'
        )
    if missing:
        parts.append(html_table("Figures that this run has no data for", ["Figure", "Why"], missing))
    return "\n".join(parts)


def _image(figure: Figure) -> str:
    """A figure as the address of an image: SVG, or PNG where the drawing has so many lines that SVG is larger."""
    written = {}
    for kind, metadata in (("svg", {"Date": None}), ("png", {"Software": "popsim"})):
        file = io.BytesIO()
        with rc_context(STYLE):
            figure.savefig(file, format=kind, dpi=DOTS_PER_INCH, metadata=metadata)
        written[kind] = file.getvalue()
    vector = len(written["svg"]) < max(LARGEST_VECTOR, len(written["png"]))
    kind, mime = ("svg", "svg+xml") if vector else ("png", "png")
    return f"data:image/{mime};base64,{base64.b64encode(written[kind]).decode('ascii')}"


def _baseline(run: Run) -> str:
    """Table 1, of people sampled like those of the run."""
    experiment = run.experiment
    size = min(experiment.population, LARGEST_BASELINE)
    try:
        people = sample(run.cohort, SCHEMAS[experiment.physiology], size, experiment.seed)
        rows = list(baseline_lines(summary(people, run.cohort)))
    except InputError as error:
        return f"<p>Not available: {escape(str(error))}</p>"
    head = ["", "Unit", "Mean (SD) or n (%)", "Median [quartiles]", "From"]
    caption = f"{run.cohort.definition.label or run.cohort.name}: {size:,} people at entry"
    return _wide(html_table(caption, head, rows))


def _methods(run: Run) -> str:
    strategies = [(s.title, s.description) for s in run.experiment.strategies]
    return "\n".join(
        [
            html_table("What is compared", ["Strategy", "What is done"], strategies),
            _checklist("CHEERS 2022 (Husereau et al. 2022)", cheers(run)),
            _checklist("STRESS-DES and STRESS-ABS (Monks et al. 2019)", stress(run)),
        ]
    )


def _checklist(title: str, items: Sequence[Item]) -> str:
    reported = sum(item.reported for item in items)
    caption = f"{title}: {reported} of {len(items)} items answered by the experiment and the machine"
    return _wide(html_table(caption, ["Item", "", "This study"], items))


def _parameters(run: Run) -> str:
    """Every parameter of the run: its value then, and unit and source as the evidence gives them now."""
    rows: list[tuple[str, ...]] = []
    for name in PARAMETER_SETS:
        values = run.manifest["parameters"].get(name)
        if values is None:
            continue
        evidence = load_parameters(name)
        rows.append((name.replace("_", " "),))
        for key, value in values.items():
            known = evidence.of(key) if key in evidence else None
            number = f"{value:g}" if isinstance(value, int | float) else str(value)
            rows.append((key, number, known.unit if known else "", known.source if known else "not known"))
    changed = ", ".join(run.experiment.parameters)
    note = f"<p>Set by the experiment itself: {escape(changed)}.</p>" if changed else ""
    return note + _wide(html_table("Parameters", ["Name", "Value", "Unit", "Source"], rows))


def _provenance(run: Run) -> str:
    manifest = run.manifest
    flags = " ".join(f"{flag} {value}" for flag, value in manifest["flags"].items())
    file = next(iter(manifest["files"]))
    rows = [
        ("Command", f"popsim run {file} {flags}".strip()),
        ("Run", manifest["run_id"]),
        ("Content hash of all results", manifest["content_hash"]),
        ("Hash of the code and evidence", manifest["code"]),
        ("Seed", run.experiment.seed),
        ("Started", manifest["started_at"]),
        *((f"Version of {name}", number) for name, number in manifest["versions"].items()),
        *((f"SHA-256 of {Path(name).name}", value) for name, value in manifest["files"].items()),
    ]
    return _wide(html_table("What these results were made from", ["", "Value"], rows))


def _wide(table: str) -> str:
    """A table that scrolls by itself where the screen is narrow."""
    return f'<div class="wide" tabindex="0">{table}</div>'
