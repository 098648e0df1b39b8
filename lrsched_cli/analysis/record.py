"""Stepping a scheduler, and writing down after each update what it has made of the param groups."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from lrsched_cli.analysis.group_numbers import SettingsReader, number_of
from lrsched_cli.analysis.trace import Trace
from lrsched_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import torch
    from numpy.typing import NDArray

    from lrsched_cli.core.families.family import View

    Floats = NDArray[np.float64]
    Progress = Callable[[int, int], None]
    Groups = Sequence[Mapping[str, Any]]

MAX_NUMBERS = 500_000_000
"""The largest trace, of 4 GB."""
_ROWS_AT_A_TIME = 4096


@dataclass(frozen=True, slots=True)
class Turns:
    """The turns of a training loop that are to be taken: from update ``first`` to update ``last``.

    ``turn`` does with the scheduler what belongs to an update; ``size_at`` gives the update's batch size.
    """

    turn: Callable[[Any, int], object]
    size_at: Callable[[int], float | None]
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Watched:
    """A scheduler over an optimizer, and what it says of itself besides the LRs, where it does."""

    scheduler: Any
    optimizer: torch.optim.Optimizer
    view: View | None = None


@dataclass(frozen=True, slots=True)
class About:
    """What a trace says of where it comes from."""

    name: str
    loop: str
    updates_per_step: int = 1


def record(watched: Watched, turns: Turns, about: About, progress: Progress | None = None) -> Trace:
    """Take the turns and record the state before them and after each; the scheduler is used up by it.

    Raises UsageError where that would be more numbers than a machine has room for.
    """
    scheduler = watched.scheduler
    reader = _Reader(watched.optimizer.param_groups, watched.view)
    total = turns.last - turns.first + 1
    before = turns.first - 1
    first = reader.read(before, None)
    if (total + 1) * len(first) > MAX_NUMBERS:
        raise UsageError(
            f"{total:,} steps of {len(watched.optimizer.param_groups):,} param groups are "
            f"{(total + 1) * len(first):,} numbers to hold; {MAX_NUMBERS:,} are allowed; give fewer --steps"
        )
    table = np.empty((total + 1, len(first)), dtype=np.float64)
    done, rows = 0, [first]
    turn, size_at = turns.turn, turns.size_at
    for update in range(turns.first, turns.last + 1):
        turn(scheduler, update)
        rows.append(reader.read(update, size_at(update)))
        if len(rows) >= _ROWS_AT_A_TIME:
            table[done : done + len(rows)] = rows
            done, rows = done + len(rows), []
            if progress is not None:
                progress(done - 1, total)
    if rows:
        table[done:] = rows
    table.setflags(write=False)
    return reader.trace(table, about)


class _Reader:
    """Reads the numbers of the param groups, and what the scheduler says of itself."""

    def __init__(self, groups: Groups, view: View | None) -> None:
        self._groups = groups
        self._view = view
        self._base_lrs = [float(group.get("initial_lr", group["lr"])) for group in groups]
        self._settings = SettingsReader(groups)
        self._may_change = view is None or not view.lrs_only
        self._rows = 0

    def read(self, update: int, batch_size: float | None) -> list[float]:
        """One row: the update, its batch size, the LRs, and what the scheduler says of itself."""
        if self._may_change or not self._rows:
            self._settings.read(self._rows)
        self._rows += 1
        row: list[float] = [update, math.nan if batch_size is None else batch_size]
        try:
            row += [float(group["lr"]) for group in self._groups]
        except (KeyError, TypeError, ValueError, RuntimeError):  # what a class of the user's own makes of it
            row += [number_of(group.get("lr")) for group in self._groups]
        if self._view is not None:
            row += self._view.read()
        return row

    def trace(self, table: Floats, about: About) -> Trace:
        """The rows that were read as a trace."""
        columns = _Columns(table, len(self._groups))
        step, batch_size, lr = columns.take(), columns.take(), columns.of_groups()
        base_lr = np.array(self._base_lrs)
        base_lr.setflags(write=False)
        if self._view is None:
            scale, factors, state = _shares(lr, base_lr), _NOTHING, _NOTHING
        else:
            scale = columns.of_groups()
            factors, state = columns.by_name(self._view.factors), columns.by_name(self._view.state)
        settings = self._settings.settings(self._rows)
        return Trace(
            name=about.name,
            groups=tuple(str(group.get("name") or index) for index, group in enumerate(self._groups)),
            loop=about.loop,
            step=step,
            batch_size=batch_size,
            lr=lr,
            base_lr=base_lr,
            scale=scale,
            factors=factors,
            state=state,
            settings=settings.changing,
            constants=settings.constant,
            updates_per_step=about.updates_per_step,
        )


_NOTHING: Mapping[str, Any] = MappingProxyType({})


class _Columns:
    """Hands out the columns of a table from left to right."""

    def __init__(self, table: Floats, groups: int) -> None:
        self._table = table
        self._groups = groups
        self._next = 0

    def take(self) -> Floats:
        """One column."""
        return self._some(1)[:, 0]

    def of_groups(self) -> Floats:
        """One column for each group."""
        return self._some(self._groups)

    def by_name(self, names: Sequence[str]) -> Mapping[str, Floats]:
        """The columns of all groups, group after group, as one array per name."""
        some = self._some(self._groups * len(names))
        each = some.reshape(len(self._table), self._groups, len(names))
        return MappingProxyType({name: each[:, :, place] for place, name in enumerate(names)})

    def _some(self, count: int) -> Floats:
        first, self._next = self._next, self._next + count
        return self._table[:, first : self._next]


def _shares(lr: Floats, base_lr: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.where(base_lr == 0, math.nan, lr / base_lr)
    shares.setflags(write=False)
    return shares
