"""Five genes that decide how a person handles drugs: what the clinical twin carries of them."""

from __future__ import annotations

from popsim.population.columns import Column

UNDETERMINED, POOR, INTERMEDIATE, NORMAL, RAPID, ULTRARAPID = range(6)

COLUMNS: tuple[Column, ...] = (
    Column("cyp2d6", "code", "1", 0, 5, "CYP2D6: 1 poor to 3 normal, 5 ultrarapid metaboliser, 0 unknown.", "cohort"),
    Column("cyp2c19", "code", "1", 0, 5, "CYP2C19: 1 poor to 5 ultrarapid metaboliser, 0 unknown.", "cohort"),
    Column("cyp2c9", "code", "1", 0, 3, "CYP2C9: 1 poor to 3 normal metaboliser, 0 unknown.", "cohort"),
    Column("vkorc1", "code", "1", 0, 3, "VKORC1 -1639: 1 AA (low warfarin dose), 2 AG, 3 GG, 0 unknown.", "cohort"),
    Column("slco1b1", "code", "1", 0, 3, "SLCO1B1: 1 poor to 3 normal function, 0 unknown.", "cohort"),
)
