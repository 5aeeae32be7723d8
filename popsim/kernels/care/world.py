"""The care network's state as one object for kernels.

Passing forty arrays to each kernel would be slow. `World` holds them behind one pointer; `hand_over` makes one from the
arrays that Python keeps. The arrays are shared, not copied.
"""

from __future__ import annotations

import hashlib

from numba import types
from numba.experimental import structref

from popsim.kernels.care.records import Arrays
from popsim.kernels.numerics.compiling import njit


@structref.register
class WorldType(types.StructRef):
    """numba type of `World`."""

    def preprocess_fields(self, fields):
        """Type fields by their values, not as literals."""
        return tuple((name, types.unliteral(kind)) for name, kind in fields)

    @property
    def mangling_args(self):
        """A short name in compiled code: numba's own spells all fields out, 40 kB in the name of every function."""
        return f"World{hashlib.sha256(self.name.encode()).hexdigest()[:16]}", ()


class World(structref.StructRefProxy):
    """Everything the event loop works on; its fields are those of `records.Arrays`."""


structref.define_proxy(World, WorldType, list(Arrays._fields))


@njit
def hand_over(arrays):
    """A `World` of the arrays, for kernels."""
    return World(
        arrays.settings,
        arrays.routes,
        arrays.targets,
        arrays.conditions,
        arrays.complications,
        arrays.priorities,
        arrays.factors,
        arrays.distributions,
        arrays.pieces,
        arrays.presentation,
        arrays.home,
        arrays.columns,
        arrays.practice,
        arrays.policy,
        arrays.follow_ups,
        arrays.drug_records,
        arrays.rungs,
        arrays.warnings,
        arrays.indications,
        arrays.sources,
        arrays.rotas,
        arrays.escalations,
        arrays.classes,
        arrays.stays_of_classes,
        arrays.patients,
        arrays.states,
        arrays.queues,
        arrays.uses,
        arrays.events,
        arrays.free,
        arrays.bookings,
        arrays.calendar,
        arrays.stack,
        arrays.counters,
        arrays.log,
        arrays.reals,
        arrays.codes,
        arrays.counts,
        arrays.observations,
        arrays.code_observations,
        arrays.twins,
        arrays.key,
    )
