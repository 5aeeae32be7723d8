"""How often the disclosure gate refuses: planted copies (its power) and honest people (its false alarms).

    python benchmarks/disclosure.py [DRAWS] [PEOPLE ...]

People are drawn from patients of WHAS500 with noise, as from a large population of such patients; train, synthetic and
control are of equal size, and a share of the synthetic people is replaced by copies from train. Prints a table, with
Wilson's 95% interval of how often the gate refuses.
"""

import sys

import numpy as np
import polars as pl
from sksurv.datasets import load_whas500

from popsim.exchange.privacy.disclosure import assess
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.numerics.sampling import keyed
from popsim.statistics import normal_quantile, wilson

SHARES = (0.0, 0.01, 0.05, 0.2)
NOISE = 0.7  # of a column's standard deviation, so that hardly any two people are the same patient
CHANGED = 0.15  # share of categories that are another patient's


def patients():
    """All patients."""
    people, outcome = load_whas500()
    frame = pl.DataFrame({name: people[name].astype(float).to_numpy() for name in people.columns})
    return frame.with_columns(lenfol=pl.Series(outcome["lenfol"]))


def drawn(source, size, draw, part):
    """People like the patients."""
    key, rows = RandomKey(11, draw), np.arange(size, dtype=np.int64)
    place = (keyed(key, rows, 10 * part + 1) * len(source)).astype(int)
    columns = []
    for number, name in enumerate(source.columns):
        values = source[name].to_numpy()
        own, uniform = values[place], keyed(key, rows, 10 * part + 2, number)
        if source[name].n_unique() > 10:
            noisy = own + NOISE * values.std() * normal_quantile(uniform)
            columns.append(pl.Series(name, np.round(noisy, 1 if name == "bmi" else 0)))
        else:
            other = values[(keyed(key, rows, 10 * part + 3, number) * len(values)).astype(int)]
            columns.append(pl.Series(name, np.where(uniform < CHANGED, other, own)))
    return pl.DataFrame(columns)


def refused(source, size, share, draw):
    """Whether the gate refuses, and by which attacks."""
    train, synthetic, control = (drawn(source, size, draw, part) for part in range(3))
    copies = round(share * size)
    return assess(train, pl.concat([synthetic[copies:], train[:copies]]), control).refused


def main(draws=100, sizes=(100, 250, 500, 1000)):
    """Print the table."""
    source = patients()
    print(
        f"{'people in each set':>18}  {'copied':>6}  {'sets':>4}  {'refused':>18}  {'by the attack on copies':>23}",
        flush=True,
    )
    for size in sizes:
        for share in SHARES:
            often = draws // 4 if share else draws  # copies are caught so often that few draws tell
            found = [refused(source, size, share, draw) for draw in range(often)]
            by_copies = sum(any(one.attack == "copies" for one in ones) for ones in found)
            number = sum(map(bool, found))
            low, high = wilson(np.array([number / often]), np.array([often]))
            often_refused = f"{number} ({max(100 * low[0], 0.0):.0f} to {100 * high[0]:.0f}%)"
            print(f"{size:>18}  {f'{100 * share:g}%':>6}  {often:>4}  {often_refused:>18}  {by_copies:>23}", flush=True)


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    main(*numbers[:1], *([numbers[1:]] if numbers[1:] else []))
