"""Attacks on synthetic people: singling out, linkage, attribute inference, membership.

Each is tried on people whom the synthetic set was made from (train) and on people held out (control). What the set
says of people in general helps with both; only the excess on train is disclosure. After Giomi et al., A unified
framework for quantifying privacy risk in synthetic data (2023), but successes are counted by person, so that attacks on
one person count once and no column outweighs the others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from popsim.exchange.privacy.encoding import EncodedPeople
from popsim.exchange.privacy.excess import AttackResult, of_hits
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.numerics.sampling import keyed

TRAIN, SYNTHETIC, CONTROL = 0, 1, 2
# An honest set is refused with a chance of at most the sum of these, 0.05; copies, the commonest fault, get most.
LEVELS = {
    "copies": 0.016, "near copies": 0.008, "singling out, one column": 0.005, "singling out, several columns": 0.005,
    "linkage": 0.005, "attribute inference": 0.006, "membership by distance": 0.005,
}  # fmt: skip
PREDICATES = 2000
PREDICATE_COLUMNS = 3
NEIGHBOURS = 5  # records that an attacker considers the same when two sources are linked
CLOSE = 0.1  # standard deviations within which a guess of a number is right
EXACT = 1e-6  # standard deviations: the same but for rounding
DEPENDENCE = 10.0  # assumption: two halves of a person's columns agree at most so many times more often than by chance
NEAR = 0.01  # share of people held out who lie as near to one of train
COLUMNS_SHOWN = 5

type Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Attacker:
    """All attacks on three sets of people.

    Attributes:
        people: train, synthetic and control.
        key: of the choice of columns and people.
    """

    people: EncodedPeople
    key: RandomKey

    def all(self) -> list[AttackResult]:
        """The result of each attack."""
        copies = self.copies()
        return [*copies, self.by_distance(), *self.singling_out(), self.linkage(), self.inference()]

    def copies(self) -> list[AttackResult]:
        """People of whom the synthetic set holds a record, the same or nearly."""
        columns = range(len(self.people.names))
        near = {which: self._nearest(which, columns) for which in (TRAIN, CONTROL)}
        distance = {which: found[0][:, 0] for which, found in near.items()}
        real = _closest(self.people.of_columns(TRAIN, columns), self.people.of_columns(CONTROL, columns), 1)[0][:, 0]
        blame = self._agreeing(near)
        exact = of_hits("copies", distance[TRAIN] < EXACT, distance[CONTROL] < EXACT, LEVELS["copies"], blame)
        exact = _with_p(exact, min(exact.p, 2 * self._coincidence(distance[TRAIN] < EXACT)))
        reach = max(float(np.quantile(real, NEAR)), EXACT)
        nearly = of_hits(
            "near copies", distance[TRAIN] < reach, distance[CONTROL] < reach, LEVELS["near copies"], blame
        )
        return [exact, nearly]

    def by_distance(self) -> AttackResult:
        """Whether people in the data lie nearer to a synthetic record than people who are not (Mann and Whitney)."""
        from scipy.stats import mannwhitneyu  # noqa: PLC0415

        columns = range(len(self.people.names))
        near = {which: self._nearest(which, columns) for which in (TRAIN, CONTROL)}
        inside, outside = near[TRAIN][0][:, 0], near[CONTROL][0][:, 0]
        found = mannwhitneyu(inside, outside, alternative="less")
        m, n = len(inside), len(outside)
        nearer = 1.0 - float(found.statistic) / (m * n)  # chance that one inside lies nearer than one outside
        spread = 1.96 * _auc_error(nearer, m, n)
        name = "membership by distance"
        low, high = 2 * (nearer - spread) - 1, 2 * (nearer + spread) - 1
        blame = self._agreeing(near)
        return AttackResult(name, nearer, 1 - nearer, m, n, low, high, float(found.pvalue), LEVELS[name], blame)

    def singling_out(self) -> list[AttackResult]:
        """People whom a statement about synthetic records picks out alone: by one column, and by several."""
        size = min(len(self.people.sets[TRAIN]), len(self.people.sets[CONTROL]))
        real = [self.people.sets[which][_chosen(self.people.sets[which], size, self.key, which)]
                for which in (TRAIN, CONTROL)]  # fmt: skip
        return [self._by_one(real), self._by_several(real)]

    def linkage(self) -> AttackResult:
        """People whose record two sources with half of the columns each find in the synthetic set."""
        order = np.argsort(keyed(self.key, np.arange(len(self.people.names)), 5))
        half = (len(order) + 1) // 2
        parts = [sorted(order[:half].tolist()), sorted(order[half:].tolist())]
        hits = []
        for which in (TRAIN, CONTROL):
            one, other = (self._nearest(which, part, NEIGHBOURS)[1] for part in parts)
            hits.append((one[:, :, None] == other[:, None, :]).any(axis=(1, 2)))
        said = tuple(" + ".join(self.people.names[column] for column in part) for part in parts)
        return of_hits("linkage", hits[0], hits[1], LEVELS["linkage"], said)

    def inference(self) -> AttackResult:
        """People of whom the synthetic record that is nearest in all other columns tells the last one."""
        results = []
        for secret, name in enumerate(self.people.names):
            others = [column for column in range(len(self.people.names)) if column != secret]
            hits = []
            for which in (TRAIN, CONTROL):
                place = self._nearest(which, others)[1][:, 0]
                truth, guess = self.people.sets[which][:, secret], self.people.sets[SYNTHETIC][place, secret]
                if self.people.numeric[secret]:
                    spread = CLOSE * _spread(self.people.sets[CONTROL][:, secret])
                    with np.errstate(invalid="ignore"):
                        hits.append((np.abs(truth - guess) <= spread) | (truth == guess))
                else:
                    hits.append(truth == guess)
            results.append(of_hits("attribute inference", hits[0], hits[1], LEVELS["attribute inference"], (name,)))
        results.sort(key=lambda one: one.p)
        worst, tried = results[0], len(results)
        guilty = [one.columns[0] for one in results if one.p * tried < worst.level] or [worst.columns[0]]
        return _with_p(worst, min(1.0, worst.p * tried), tuple(guilty[:COLUMNS_SHOWN]))

    def _by_one(self, real: list[NDArray[np.float64]]) -> AttackResult:
        """Statements about one column: a value that one synthetic record has, the least and the largest."""
        made, names = self.people.sets[SYNTHETIC], self.people.names
        hits = [np.zeros((len(one), len(names)), bool) for one in real]
        for column in range(len(names)):
            values, counts = np.unique(made[:, column], return_counts=True)
            for people, found in zip(real, hits, strict=True):
                own, place, often = np.unique(people[:, column], return_inverse=True, return_counts=True)
                single = np.isin(own, values[counts == 1]) & (often == 1)
                found[:, column] = single[place]
                if self.people.numeric[column]:
                    for beyond in (people[:, column] <= values[0], people[:, column] >= values[-1]):
                        found[:, column] |= beyond & (beyond.sum() == 1)
        blame = _most(names, hits[0].sum(axis=0) / len(real[0]) - hits[1].sum(axis=0) / len(real[1]))
        name = "singling out, one column"
        return of_hits(name, hits[0].any(axis=1), hits[1].any(axis=1), LEVELS[name], blame)

    def _by_several(self, real: list[NDArray[np.float64]]) -> AttackResult:
        """Statements about several columns: at least, or at most, what a synthetic record has; each tried once."""
        made, names = self.people.sets[SYNTHETIC], self.people.names
        middle = np.median(made, axis=0)
        tries, width = np.arange(PREDICATES), min(PREDICATE_COLUMNS, len(names))
        record = (keyed(self.key, tries, 6) * len(made)).astype(np.int64)
        ranks = np.array([keyed(self.key, tries, 7, column) for column in range(len(names))])
        chosen = np.sort(np.argsort(ranks, axis=0)[:width].T, axis=1)
        hits = [np.zeros(len(one), bool) for one in real]
        used = np.zeros((2, len(names)))
        asked: set[tuple[float, ...]] = set()
        for row, columns in zip(record, chosen, strict=True):
            target = made[row, columns]
            query = (*columns.tolist(), *target.tolist())
            if query in asked or _matching(made, target, columns, middle, self.people.numeric).sum() != 1:
                continue
            asked.add(query)
            for place, people in enumerate(real):
                found = np.flatnonzero(_matching(people, target, columns, middle, self.people.numeric))
                if len(found) == 1:
                    hits[place][found[0]] = True
                    used[place, columns] += 1
        name = "singling out, several columns"
        return of_hits(name, hits[0], hits[1], LEVELS[name], _most(names, used[0] - used[1]))

    def _nearest(self, which: int, columns: object, number: int = 1) -> tuple[NDArray[np.float64], Indices]:
        """Distances and rows of the nearest synthetic records to each person of a set."""
        chosen = list(columns)  # type: ignore[call-overload]
        return _closest(self.people.of_columns(SYNTHETIC, chosen), self.people.of_columns(which, chosen), number)

    def _agreeing(self, near: dict[int, tuple[NDArray[np.float64], Indices]]) -> tuple[str, ...]:
        """The columns in which people in the data agree with their nearest record more often than others do."""
        shares = [
            (self.people.sets[which] == self.people.sets[SYNTHETIC][near[which][1][:, 0]]).mean(axis=0)
            for which in (TRAIN, CONTROL)
        ]
        return _most(self.people.names, shares[0] - shares[1])

    def _coincidence(self, same: NDArray[np.bool_]) -> float:
        """Chance of so many exact copies, if two halves of the columns agree independently but for `DEPENDENCE`.

        How often each half agrees is counted between synthetic people and people held out.
        """
        from scipy.stats import poisson  # noqa: PLC0415

        count = len(self.people.names)
        agree = []
        for part in (range(0, count, 2), range(1, count, 2)):
            made, held = (self.people.sets[which][:, list(part)] for which in (SYNTHETIC, CONTROL))
            both = np.unique(np.vstack([made, held]), axis=0, return_inverse=True)[1].ravel()
            tally = [np.bincount(side, minlength=both.max() + 1) for side in (both[: len(made)], both[len(made) :])]
            agree.append((float(tally[0] @ tally[1]) + 1.0) / (len(made) * len(held)))
        pairs = len(self.people.sets[TRAIN]) * len(self.people.sets[SYNTHETIC])
        return float(poisson.sf(int(same.sum()) - 1, min(DEPENDENCE * agree[0] * agree[1] * pairs, 1e9)))


def _closest(among: NDArray[np.float64], of: NDArray[np.float64], number: int) -> tuple[NDArray[np.float64], Indices]:
    from sklearn.neighbors import NearestNeighbors  # noqa: PLC0415 slow to import

    found = NearestNeighbors(n_neighbors=min(number, len(among)), algorithm="kd_tree").fit(among).kneighbors(of)
    return found[0], found[1]


def _matching(
    people: NDArray[np.float64], target: NDArray[np.float64], columns: Indices, middle: NDArray[np.float64],
    numeric: NDArray[np.bool_],
) -> NDArray[np.bool_]:  # fmt: skip
    """Who meets a statement: for a number at least, or at most, the target, whichever is further out."""
    met = np.ones(len(people), bool)
    for value, column in zip(target, columns, strict=True):
        own = people[:, column]
        met &= own == value if not numeric[column] else own >= value if value >= middle[column] else own <= value
    return met


def _chosen(people: NDArray[np.float64], size: int, key: RandomKey, stream: int) -> Indices:
    """Some of the people, by lot."""
    order: Indices = np.argsort(keyed(key, np.arange(len(people)), stream + 1))
    return order[:size]


def _spread(values: NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(np.std(known)) if len(known) else 0.0


def _most(names: tuple[str, ...], gains: NDArray[np.float64]) -> tuple[str, ...]:
    """The names with the largest gains above 0."""
    order = np.argsort(-gains, kind="stable")
    return tuple(names[place] for place in order[:COLUMNS_SHOWN] if gains[place] > 0)


def _with_p(result: AttackResult, p: float, columns: tuple[str, ...] | None = None) -> AttackResult:
    return replace(result, p=min(p, 1.0), columns=result.columns if columns is None else columns)


def _auc_error(auc: float, m: int, n: int) -> float:
    """Standard error of a chance of being nearer (Hanley and McNeil 1982)."""
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = (auc * (1 - auc) + (m - 1) * (q1 - auc**2) + (n - 1) * (q2 - auc**2)) / (m * n)
    return float(np.sqrt(max(variance, 0.0)))
