"""Ids of resources: UUIDs from keyed random streams, the same each time an export is made."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from popsim.kernels.numerics.random import WORD, RandomKey, philox

# Streams of ids, by kind of resource; far above those of the simulation (kernels/codes.py), under a key of their own.
FIRST_STREAM = 1 << 31
KINDS = (
    "Patient", "Encounter", "Condition", "Observation", "MedicationRequest", "Procedure", "Coverage",
    "ExplanationOfBenefit", "ResearchSubject", "Provenance", "Location", "Organization", "Device", "ResearchStudy",
    "RiskAssessment", "Card", "Genotype", "Implication", "GenomicReport", "Specimen",
)  # fmt: skip
VERSION, VARIANT = np.uint64(0x4000), np.uint64(0x80000000)


def key_of(*parts: object) -> RandomKey:
    """The key of one export's ids, from whatever tells it from others."""
    digest = hashlib.sha256("|".join(map(str, parts)).encode()).digest()
    return RandomKey(int.from_bytes(digest[:4]), int.from_bytes(digest[4:8]))


def uuids(key: RandomKey, kind: str, person: NDArray[np.int64], index: NDArray[np.int64]) -> list[str]:
    """One id for each person and index: a pure function of key, kind of resource, person and index.

    Args:
        key: of the export.
        kind: of resource (KINDS).
        person, index: (n,); of shared resources the person is 0.
    """
    who, number = np.asarray(person, np.int64).astype(np.uint64), np.asarray(index, np.int64).astype(np.uint64)
    stream = np.full(len(who), FIRST_STREAM + KINDS.index(kind), np.uint64)
    word, high = np.uint64(WORD), np.uint64(32)
    # The kernel's own arithmetic, on arrays: all words below 2**32, products below 2**64.
    a, b, c, d = philox.py_func(
        who & word, (who >> high) & word, stream, number & word, np.uint64(key.seed), np.uint64(key.stream)
    )
    b = (b & np.uint64(0xFFFF0FFF)) | VERSION  # RFC 9562: version 4, variant 10
    c = (c & np.uint64(0x3FFFFFFF)) | VARIANT
    text = np.stack([a, b, c, d], axis=1).astype(">u4").tobytes().hex()
    each = (text[i : i + 32] for i in range(0, len(text), 32))
    return [f"{one[:8]}-{one[8:12]}-{one[12:16]}-{one[16:20]}-{one[20:]}" for one in each]


def uuid(key: RandomKey, kind: str, person: int = 0, index: int = 0) -> str:
    """One id; see `uuids`."""
    return uuids(key, kind, np.array([person]), np.array([index]))[0]
