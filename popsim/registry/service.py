"""The registry of twins: create, update, read and delete twins. For research, not for care."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import sqlalchemy as sql
from sqlalchemy.engine import Connection

from popsim.assimilation.belief import Belief
from popsim.assimilation.prior import members_of
from popsim.errors import DefinitionError, InputError
from popsim.evidence.sets import SHIPPED, Parameters
from popsim.kernels.numerics.random import RandomKey
from popsim.population.cohort import CohortSource
from popsim.registry.advance import AdvancedTwin, advance_twins, load_belief, physiology_of, subject
from popsim.registry.audit import FileRead, LoggedAction, digest_of, next_line, write_audit
from popsim.registry.database import Database, in_parts
from popsim.registry.exports import IndexedExport
from popsim.registry.packing import BeliefKind, pack
from popsim.registry.privacy import checked_id, new_id, new_salt, number_of, shown_path
from popsim.registry.record import Person
from popsim.registry.rows import salts, stored_rows, table_of
from popsim.registry.story import COURSE_EVENTS, Misfit, Moments, misfit_of_course
from popsim.registry.stream import Calendar, Reader, Standing, StreamRow, order, whole_lines
from popsim.registry.tables import bands, ensembles, events, insert_many, observations, twins
from popsim.simulation.schema import SCHEMA

MEMBERS = 100
SEED = 1
TOGETHER = 2_500  # twins at a time; their members take a few hundred MB
LIFE_TABLE_COLUMN = "life_table_hazard_per_day"


class Report(NamedTuple):
    """The result of an update.

    Attributes:
        days: the present day of each updated twin.
        taken: lines that updated the beliefs.
        known: lines that were stored already.
        unused: lines that came too late; stored, but without effect on the belief.
        unfinished: whether an incomplete last line was ignored.
    """

    days: Mapping[str, int]
    taken: int
    known: int
    unused: int
    unfinished: bool = False


class TwinRegistry:
    """The twins of one file.

    Args:
        path: of the file.
        create: create the file if it does not exist; parameters: by which its twins live.

    Attributes:
        database: the file.

    Raises:
        InputError: there is no such file, other people may read it, or it is not a registry.
    """

    def __init__(self, path: Path | str, *, create: bool = False, parameters: Parameters = SHIPPED) -> None:
        self.database, self.parameters = Database(path, create=create), parameters

    def new(
        self,
        persons: Sequence[Person],
        cohort: CohortSource,
        *,
        members: int = MEMBERS,
        seed: int = SEED,
        ids: Sequence[str] | None = None,
        read: Sequence[FileRead] = (),
    ) -> list[str]:
        """Create twins at day 0.

        Args:
            persons: the record of each.
            cohort: for everything that is not in the record.
            members: per belief.
            seed: key of the random numbers; twins with the same seed can advance together.
            ids: of made-up persons, whose twins are the same each time they are made; random when None.
            read: the files that the records come from, for the audit log.

        Returns:
            the ids of the twins.

        Raises:
            InputError: there are too few or too many members, the seed is out of bounds, or an id is none or is taken.
        """
        if not 0 <= seed < 2**32:
            raise InputError(f"seed = {seed}: must be between 0 and {2**32 - 1}")
        kind = BeliefKind(seed, members, self.parameters)
        given, ids = ids or (), [new_id() for _ in persons] if ids is None else [checked_id(twin) for twin in ids]
        with self.database.writing() as connection:
            if given and not self.standings(connection).keys().isdisjoint(given):
                raise InputError("twin: the registry has one of this id already, 'popsim twin forget' deletes it")
            for start in range(0, len(ids), TOGETHER):
                part = slice(start, start + TOGETHER)
                self._make(connection, kind, ids[part], persons[part], cohort, tuple(read))
        return ids

    def update(
        self,
        raw: bytes,
        file: Path | str,
        *,
        twin: str | None = None,
        calendar: Calendar | None = None,
        read: FileRead | None = None,
        refuse: Callable[[DefinitionError], None] | None = None,
    ) -> Report:
        """Update twins with a stream, atomically: if a line is refused or the process is killed, nothing changes.

        Args:
            raw: content of the file.
            file: its name, for errors.
            twin: the twin of all lines; None: each line names its twin.
            calendar: converts times to days. With `today`, a single twin advances to that day.
            read: the file that the stream was made from, for the audit log; None: it is the stream itself.
            refuse: receives the error of a bad line, which is then skipped; None: the first error is raised.

        Raises:
            DefinitionError: a line is refused.
            InputError: there is no such twin.
        """
        (lines, unfinished), when = whole_lines(raw, file), calendar or Calendar()
        if not any(line.strip() for line in lines):
            raise InputError(f"{shown_path(file)}: holds no whole line; each line of a stream ends with a line end")
        with self.database.writing() as connection:
            standings = self.standings(connection, twin)
            reader = Reader(file, when, twin)
            rows = reader.rows(lines, standings, refuse)
            until = {} if twin is None else {twin: when.today or 0}
            source = FileRead("stream", digest_of(raw)) if read is None else read
            report = self._take_in(connection, reader, rows, standings, until, refuse, (source,))
        return report._replace(unfinished=unfinished)

    def update_lines(
        self, reader: Reader, lines: Sequence[str], refuse: Callable[[DefinitionError], None], twin: str | None = None
    ) -> Report:
        """Update twins with the next lines of a continuing stream; bad lines are reported and skipped.

        Args:
            reader: of the stream; it keeps the header and counts lines.
            lines: complete lines.
            refuse: receives the error of a bad line.
            twin: the twin of all lines; None: each line names its twin.

        Raises:
            InputError: there is no such twin.
        """
        with self.database.writing() as connection:
            standings = self.standings(connection, twin)
            source = FileRead("lines", digest_of("\n".join(lines).encode()))
            rows = reader.rows(lines, standings, refuse)
            return self._take_in(connection, reader, rows, standings, {}, refuse, (source,))

    def standings(self, connection: Connection, twin: str | None = None) -> dict[str, Standing]:
        """The standing of one twin or of all twins.

        Raises:
            InputError: there is no such twin.
        """
        columns = (twins.c.twin, twins.c.seed, twins.c.members, ensembles.c.day, ensembles.c.layout)
        wanted = sql.select(*columns).join(ensembles)
        if twin is not None:
            wanted = wanted.where(twins.c.twin == twin)
        found = {
            name: Standing(kind.vocabulary, day, kind, layout)
            for name, seed, members, day, layout in connection.execute(wanted).all()
            for kind in [BeliefKind(seed, members, self.parameters)]
        }
        if twin is not None and not found:
            raise InputError("twin: there is none of this id in the registry")
        return found

    def _take_in(
        self,
        connection: Connection,
        reader: Reader,
        listed: Sequence[StreamRow],
        standings: Mapping[str, Standing],
        until: Mapping[str, int],
        refuse: Callable[[DefinitionError], None] | None,
        read: tuple[FileRead, ...],
    ) -> Report:
        """Store new lines and advance the twins to the last of them, at least to the given days.

        Raises:
            DefinitionError: a line contradicts others, and there is no `refuse` to receive the error.
        """
        misfits: list[Misfit] = []
        new = self._new(connection, listed, standings, misfits)
        for one in sorted(misfits, key=lambda misfit: misfit.row.line):
            error = reader.refusal(*one)
            if refuse is None:
                raise error
            refuse(error)
        targets: dict[str, int] = {twin: max(day, standings[twin].day) for twin, day in until.items()}
        for twin, mine in new.items():
            targets[twin] = max(standings[twin].day, mine[-1].day, targets.get(twin, 0))
        groups: defaultdict[tuple[BeliefKind, int, int], list[str]] = defaultdict(list)
        for twin, target in targets.items():
            standing = standings[twin]
            if new.get(twin) or target > standing.day:
                groups[standing.kind, standing.day, target].append(twin)
        unused = 0
        for (kind, day, target), members in groups.items():
            for start in range(0, len(members), TOGETHER):
                part = members[start : start + TOGETHER]
                belief = self._belief(connection, standings, part)
                newest = self._newest(connection, part, new, day)
                rows_of = [new.get(twin, []) for twin in part]
                lived = advance_twins(kind, belief, rows_of, target, newest)
                before = salts(connection, part)
                standing_of = target, standings[part[0]].layout
                self._keep(connection, "update", part, before, standing_of, lived, rows_of, read=read)
                unused += sum(len(one.unused) for one in lived)
        fresh = sum(len(mine) for mine in new.values())
        days = {row.twin: standings[row.twin].day for row in listed} | targets
        return Report(days, fresh - unused, len(listed) - fresh - len(misfits), unused)

    def belief(self, twin: str) -> tuple[BeliefKind, Belief]:
        """The belief about a twin, and its kind.

        Raises:
            InputError: there is no such twin.
        """
        with self.database.reading() as connection:
            standings = self.standings(connection, twin)
            return standings[twin].kind, self._belief(connection, standings, [twin])

    def forget(self, twin: str) -> list[IndexedExport]:
        """Delete everything about a twin; only its id stays in the audit log.

        Returns:
            the files that were exported with something about it, which the user must delete.

        Raises:
            InputError: there is no such twin.
        """
        return self.database.forget(twin)

    def _make(
        self,
        connection: Connection,
        kind: BeliefKind,
        ids: Sequence[str],
        persons: Sequence[Person],
        cohort: CohortSource,
        read: tuple[FileRead, ...],
    ) -> None:
        names = dict.fromkeys(name for person in persons for name in person.known)
        known = {name: np.array([person.known.get(name, np.nan) for person in persons]) for name in names}
        if cohort.life_table is not None:
            known[LIFE_TABLE_COLUMN] = cohort.life_table.hazard_per_day(known["age_years"], known["female"])
        ensemble = members_of(
            cohort,
            known,
            members=kind.members,
            schema=SCHEMA,
            physiology=physiology_of(kind.seed, kind.parameters),
            person_id=np.array([number_of(twin) for twin in ids], np.int64),
            key=RandomKey(kind.seed),
            sensors=kind.vocabulary.sensors,
            parameters=kind.parameters["twinning"],
        )
        ensemble.memory = np.zeros((kind.layout.memory_rows, len(ensemble.people)), np.float32)
        states = pack(kind.layout, ensemble)
        rows = [
            [StreamRow(twin, 0.0, "observation", code, value, unit, 0) for code, value, unit in person.measurements]
            for twin, person in zip(ids, persons, strict=True)
        ]
        lived = advance_twins(kind, load_belief(kind, ids, states, 0), rows, 0, [{} for _ in ids])
        salted = [new_salt() for _ in ids]
        made = [
            (twin, kind.seed, cohort.name, kind.members, " ".join(person.known), salt)
            for twin, person, salt in zip(ids, persons, salted, strict=True)
        ]
        self._keep(connection, "new", ids, salted, (0, kind.layout.name), lived, rows, made, read)

    def _belief(self, connection: Connection, standings: Mapping[str, Standing], ids: Sequence[str]) -> Belief:
        """The belief about twins of one kind that are on the same day.

        Raises:
            InputError: it was stored for other columns.
        """
        kind, day = standings[ids[0]].kind, standings[ids[0]].day
        layout = kind.layout.name
        states: dict[str, bytes] = {}
        for part in in_parts(list(ids)):
            wanted = sql.select(ensembles.c.twin, ensembles.c.state).where(ensembles.c.twin.in_(part))
            states.update((twin, state) for twin, state in connection.execute(wanted).all())
        for twin in ids:
            if standings[twin].layout != layout:
                raise InputError(f"twin {twin}: its belief was stored by a version of popsim with other columns")
        return load_belief(kind, ids, [states[twin] for twin in ids], day)

    def _new(
        self,
        connection: Connection,
        rows: Sequence[StreamRow],
        standings: Mapping[str, Standing],
        misfits: list[Misfit],
    ) -> dict[str, list[StreamRow]]:
        """New lines of each twin, each once, in order; contradictory ones are added to `misfits`."""
        if not rows:
            return {}
        first = min(row.time for row in rows)
        moments, latest, told = Moments(), dict[str, int](), defaultdict[str, list[StreamRow]](list)
        for part in in_parts(list(dict.fromkeys(row.twin for row in rows))):
            for table in (observations, events):
                whose = table.c.twin.in_(part)
                wanted = sql.select(table.c.twin, table.c.time, table.c.code, table.c.value)
                for twin, time, code, value in connection.execute(wanted.where(whose, table.c.time >= first)):
                    row = StreamRow(twin, time, "", code, value, "", 0)
                    moments.add(row, standings[twin].vocabulary)
                    latest[twin] = max(latest.get(twin, 0), row.day)
            for twin, time, code in connection.execute(
                sql.select(events.c.twin, events.c.time, events.c.code).where(
                    events.c.twin.in_(part), events.c.code.in_(COURSE_EVENTS)
                )
            ):
                told[twin].append(StreamRow(twin, time, "event", code, 0.0, "", 0))
        new: defaultdict[str, list[StreamRow]] = defaultdict(list)
        for row in rows:
            vocabulary = standings[row.twin].vocabulary
            if moments.is_known(row):
                continue
            if misfit := moments.misfit(row, vocabulary):
                misfits.append(misfit)
                continue
            moments.add(row, vocabulary)
            new[row.twin].append(row)
        for twin, mine in new.items():
            while misfit := misfit_of_course(sorted([*told[twin], *mine], key=order), latest):
                misfits.append(misfit)
                mine.remove(misfit.row)
        return {twin: mine for twin, mine in new.items() if mine}

    def _newest(
        self, connection: Connection, ids: Sequence[str], new: Mapping[str, Sequence[StreamRow]], day: int
    ) -> list[dict[str, float]]:
        """For each twin with late lines, the time of the latest information, by subject."""
        newest: dict[str, dict[str, float]] = {twin: {} for twin in ids}
        for twin in ids:
            if any(row.day < day and row.kind != "observation" for row in new.get(twin, ())):
                vocabulary = self.standings(connection, twin)[twin].vocabulary
                for row in stored_rows(connection, events, twin, vocabulary):
                    about = subject(row, vocabulary)
                    if about is not None:
                        newest[twin][about] = max(row.time, newest[twin].get(about, 0.0))
        return list(newest.values())

    @staticmethod
    def _keep(
        connection: Connection,
        action: str,
        ids: Sequence[str],
        salted: Sequence[str],
        standing: tuple[int, str],
        lived: Sequence[AdvancedTwin],
        taken: Sequence[Sequence[StreamRow]],
        made: Sequence[tuple[object, ...]] = (),
        read: tuple[FileRead, ...] = (),
    ) -> None:
        """Store new twins, standings, daily beliefs, lines and the audit entries."""
        first = next_line(connection)
        done = []
        for index, (twin, one) in enumerate(zip(ids, lived, strict=True)):
            line = first + index
            rows: dict[sql.Table, list[tuple[object, ...]]] = {
                twins: [(*made[index], line)] if made else [],
                ensembles: [(twin, *standing, one.state, line)],
                bands: [(twin, day, line, quantiles) for day, quantiles in one.bands.items()],
                observations: [],
                events: [],
            }
            for row in taken[index]:
                values = (twin, row.time, row.code, row.value, row.unit, int(row not in one.unused), line)
                rows[table_of(row)].append(values)
            done.append(LoggedAction(twin, action, salted[index], rows, read))
        for table in (twins, ensembles, bands, observations, events):
            insert_many(connection, table, [row for one in done for row in one.rows[table]])
        write_audit(connection, done)
