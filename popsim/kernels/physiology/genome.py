"""The two alleles of a gene in each person."""

from __future__ import annotations

from popsim.kernels.codes import STREAM_GENOME
from popsim.kernels.numerics.compiling import njit
from popsim.kernels.numerics.random import uniforms


@njit
def draw_alleles(key, person_id, ethnicity, gene, cumulative, first, second):
    """Two independent alleles for each person: first[i] and second[i] are their numbers.

    Args:
        person_id: int64[n].
        ethnicity: int8[n], rows of `cumulative`.
        gene: number of the gene, the index of the random stream.
        cumulative: float64[ethnicities, alleles], cumulative frequencies; the last of a row counts as 1.
    """
    last = cumulative.shape[1] - 1
    for i in range(person_id.shape[0]):
        u, v, _, _ = uniforms(key, person_id[i], STREAM_GENOME, gene)
        row = cumulative[ethnicity[i]]
        one = 0
        two = 0
        for k in range(last):
            one += 1 if u >= row[k] else 0
            two += 1 if v >= row[k] else 0
        first[i] = one
        second[i] = two
