"""What the command `popsim calibrate` prints and draws."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from popsim.calibration.fit import Fit
from popsim.calibration.result import (
    correlation,
    directions,
    fit_table,
    identifiability,
    mean_tau,
    severities_table,
    studies_table,
)
from popsim.plurals import counted
from popsim.reporting.table_files import tabled
from popsim.reporting.text.formatting import aligned, in_columns, rounded, with_interval

STRONG = 0.5  # correlation from which a pair is named


def calibration_text(fit: Fit) -> str:
    """Parameters, what the targets leave uncertain, and the fit of every target."""
    return "\n\n".join([_parameters(fit), _combinations(fit), _fit(fit), _studies(fit), _trust(fit)])


def draw_calibration(fit: Fit, folder: Path) -> list[Path]:
    """Prior and posterior, correlations and fit as PNG files in a folder that exists."""
    from popsim.reporting.figures import calibration as figures  # noqa: PLC0415 only this needs matplotlib
    from popsim.reporting.figures.style import save  # noqa: PLC0415

    priors, known = fit.problem.priors, identifiability(fit)
    shares = np.linspace(0.005, 0.995, 199)
    before = {name: d.quantile(shares) for name, d in zip(priors.names, priors.distributions, strict=True)}
    after = dict(zip(priors.names, fit.draws.T, strict=True))
    drawn = {
        "parameters": figures.marginals(known, before, after),
        "correlation": figures.correlations(priors.names, correlation(fit)),
        "fit": figures.fit(fit_table(fit)),
    }
    return [save(figure, folder / f"{name}.png") for name, figure in drawn.items()]


def _parameters(fit: Fit) -> str:
    lines = [["Parameter", "before", "prior", "posterior (95%)", "sd left, %"]]
    for row in tabled("Parameters", identifiability(fit)).iter_rows(named=True):
        prior = f"{rounded(row['prior_mean'])} (sd {rounded(row['prior_sd'], 2)})"
        posterior = with_interval(row["mean"], row["low"], row["high"])
        lines.append([f"  {row['parameter']}", rounded(row["own"]), prior, posterior, f"{row['left']:.0%}".rstrip("%")])
    note = "sd left: posterior sd as a share of the prior's; 100 means that the targets do not inform the parameter."
    return f"{aligned(lines)}\n{note}"


def _combinations(fit: Fit) -> str:
    """Directions that the targets leave open, and pairs that they cannot distinguish."""
    found = tabled("Combinations of parameters", directions(fit))
    weak = [row for row in found.iter_rows(named=True) if not row["informed"]]
    lines = ["The targets inform every combination of the parameters: less than half its prior variance is left."]
    if weak:
        lines = ["Combinations of parameters that the targets hardly inform (sd left of the prior's):"]
        lines += [f"  {row['left']:.0%}  {row['combination']}" for row in weak]
    names, matrix = fit.problem.priors.names, correlation(fit)
    pairs = [
        f"{names[i]} and {names[j]} {matrix[i, j]:+.2f}"
        for i in range(len(names))
        for j in range(i)
        if abs(matrix[i, j]) >= STRONG
    ]
    if pairs:
        lines += ["Strongly correlated in the posterior:", *(f"  {pair}" for pair in pairs)]
    return "\n".join(lines)


def _fit(fit: Fit) -> str:
    lines = [["Target", "published (95%)", "before", "after (95% of draws)", "before, sd", "after, sd", "explained, %"]]
    group, table = None, tabled("Targets", fit_table(fit))
    for row in table.iter_rows(named=True):
        if row["group"] != group:
            group = row["group"]
            lines += [[group]] if group else []
        lines.append(
            [
                f"  {row['target']}",
                with_interval(row["published"], row["low"], row["high"]),
                rounded(row["before"]),
                in_columns(row, "after"),
                rounded(row["error_before"], 2, signed=True),
                rounded(row["error_after"], 2, signed=True),
                f"{100 * row['explained']:.0f}",
            ]
        )
    counts = [
        f"{(table[column].abs() <= 2.0).sum()} of {table[column].count()}" for column in ("error_before", "error_after")
    ]
    note = (
        f"Within 2 sd of published: {counts[0]} before, {counts[1]} after. sd: standard deviations of "
        "published figure,\nmodel discrepancy, Monte Carlo error and tau together. Before and after are simulated with "
        "people and random numbers\nthat the fit did not use. explained: share of the variance of held-out points "
        "that the emulator explains."
    )
    return f"{aligned(lines)}\n{note}"


def _studies(fit: Fit) -> str:
    """What differs between studies, and how well each is predicted by the others."""
    table = tabled("Studies", studies_table(fit))
    lines = [["Study", "shift of log admission (sd)", "shift of log death (sd)", "inside 95% when left out"]]
    for row in table.iter_rows(named=True):
        shifts = [
            f"{rounded(row[kind], 2, signed=True)} ({rounded(row[f'{kind}_sd'], 2)})" for kind in ("admission", "death")
        ]
        inside = "" if row["left_out_inside"] is None else f"{row['left_out_inside']} of {row['figures']}"
        lines.append([f"  {row['study']}", *shifts, inside])
    tau = mean_tau(fit)
    notes = [f"tau: admission {tau.admission:.3f}, death {tau.death:.3f}, ratios {tau.ratio:.3f} (posterior means)"]
    if len(fit.left_out):
        shares = [f"{fit.left_out[f'inside_{share}'].to_numpy().mean():.0%} inside {share}%" for share in (50, 95)]
        notes.append(
            f"Figures of studies that were left out ({len(fit.left_out)}): {', '.join(shares)} of their prediction"
        )
    for row in severities_table(fit).iter_rows(named=True):
        notes.append(
            f"Severity of {row['source']}: {row['mean']:+.2f} mmHg (sd {row['sd']:.2f}), from its baseline table"
        )
    return "\n".join([aligned(lines), *notes])


def _trust(fit: Fit) -> str:
    posterior, sizes = fit.posterior, [fit.waves.count(wave) for wave in sorted(set(fit.waves))]
    waves = " and ".join(str(size) for size in sizes)
    chains = (
        f"{posterior.steps:,} steps, autocorrelation time {posterior.autocorrelation:.0f}, "
        f"{posterior.effective:,.0f} effective draws, R-hat at most {posterior.r_hat.max():.3f}, "
        f"{posterior.accepted:.0%} accepted"
    )
    verdict = "converged" if posterior.converged else "NOT CONVERGED: more steps are needed"
    left = ", ".join(f"{share:.2g}" for share in fit.left)
    simulated = f"{waves} points simulated in {counted(len(sizes), 'wave')}"
    return f"{simulated}; share of the prior left: {left}. Chains: {chains}: {verdict}."
