"""Several traces side by side: each one in numbers, and how far the others are from the first."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from lrsched_cli.analysis.group_matching import GroupMatch, match_groups
from lrsched_cli.analysis.group_numbers import LR
from lrsched_cli.analysis.trace_numbers import Loop, TraceNumbers, trace_numbers
from lrsched_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from lrsched_cli.analysis.stored_trace import StoredTrace
    from lrsched_cli.analysis.trace import Trace

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DifferenceAt:
    """How large a difference is, and the step that it belongs to."""

    value: float
    step: int


@dataclass(frozen=True, slots=True)
class GroupDifference:
    """A number of two matched groups at their common steps: the LR, or another setting.

    A step differs where ``|a - b| > atol + rtol * |b|``, with a of the first trace and b of the other.
    ``largest_relative`` is that of ``|a - b| / |b|`` (infinite where b alone is 0). Both are None where no
    common step has a difference at all, ``first_step`` where none exceeds the tolerance.
    """

    group: str
    other: str
    matched_by: Literal["name", "order"]
    steps_compared: int
    steps_differing: int
    share_differing: float
    first_step: int | None
    largest_absolute: DifferenceAt | None
    largest_relative: DifferenceAt | None
    quantity: str = LR
    """``lr``, or the name of a setting, such as ``momentum``."""


@dataclass(frozen=True, slots=True)
class PairDifference:
    """The first trace against another one.

    ``groups`` holds the LRs of all groups, then one setting after the other. ``equal`` says that the runs
    begin and end at the same steps, that every group has its counterpart, that both have the settings
    that either of them changes, and that no number differs at a common step.
    """

    first: str
    other: str
    equal: bool
    same_length: bool
    common_steps: int
    only_in_first: tuple[str, ...]
    only_in_other: tuple[str, ...]
    groups: tuple[GroupDifference, ...]
    settings_only_in_first: tuple[str, ...] = ()
    """Settings that a run changes, and of which the other trace has no number to be compared with."""
    settings_only_in_other: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """What ``compare`` found: the traces in numbers, and each one after the first against the first.

    ``quantities`` are the numbers of the param groups that are compared: ``lr``, and every setting that one
    of the runs changes.
    """

    rtol: float
    atol: float
    quantities: tuple[str, ...]
    traces: tuple[TraceNumbers, ...]
    pairs: tuple[PairDifference, ...]

    @property
    def equal(self) -> bool:
        """Whether every trace equals the first."""
        return all(pair.equal for pair in self.pairs)


def compare(
    traces: Mapping[str, Trace | StoredTrace],
    *,
    rtol: float = 0.0,
    atol: float = 0.0,
    stored_loop: Loop = "scheduler-first",
) -> Comparison:
    """Compare traces, each under its label, with the first one.

    Rows are compared by their step, groups by name; groups without a namesake are matched in their order.
    Compared are the LRs, and every setting of the groups that one of the runs changes; a dry run that leaves
    it as it is has its constant number for that.

    Args:
        traces: two or more, from ``dry_run`` or read back from a CSV.
        rtol: relative tolerance, a share of the other trace's number.
        atol: absolute tolerance; numbers are equal where ``|a - b| <= atol + rtol * |b|``.
        stored_loop: which rows of a stored trace its numbers are taken over. ``scheduler-first``: all
            after row 0; ``optimizer-first``: all but the last.

    Raises:
        UsageError: fewer than two traces, or a tolerance that is negative or not finite.
    """
    if len(traces) < 2:  # noqa: PLR2004 - a pair
        raise UsageError("compare takes two or more schedules or traces")
    for name, value in (("rtol", rtol), ("atol", atol)):
        if not 0 <= value < math.inf:
            raise UsageError(f"{name} must be a finite number, 0 or more (got {value})")
    quantities = quantities_of(traces)
    (first, reference), *others = traces.items()
    tolerance = _Tolerance(rtol, atol)
    return Comparison(
        rtol=rtol,
        atol=atol,
        quantities=quantities,
        traces=tuple(
            trace_numbers(label, trace, stored_loop, quantities[1:]) for label, trace in traces.items()
        ),
        pairs=tuple(_pair((first, reference), other, tolerance) for other in others),
    )


def quantities_of(traces: Mapping[str, Trace | StoredTrace]) -> tuple[str, ...]:
    """The numbers of param groups that are compared: ``lr``, and every setting that a run changes."""
    return tuple(dict.fromkeys([LR, *(name for trace in traces.values() for name in trace.settings)]))


def common_rows(
    first: Trace | StoredTrace, other: Trace | StoredTrace
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The rows of both traces that belong to the steps which both have, in order."""
    _, ours, theirs = np.intersect1d(first.step, other.step, assume_unique=True, return_indices=True)
    return ours, theirs


class _Tolerance(NamedTuple):
    relative: float
    absolute: float


def _pair(
    reference: tuple[str, Trace | StoredTrace],
    against: tuple[str, Trace | StoredTrace],
    tolerance: _Tolerance,
) -> PairDifference:
    (first, ours), (other, theirs) = reference, against
    rows, other_rows = common_rows(ours, theirs)
    matching = match_groups(ours.groups, theirs.groups)
    groups: list[GroupDifference] = []
    only: tuple[list[str], list[str]] = [], []
    for name in dict.fromkeys([LR, *ours.settings, *theirs.settings]):
        one, two = ours.number(name), theirs.number(name)
        if one is None or two is None:
            only[one is None].append(name)
            continue
        for match in matching.matches:
            columns = one[rows, match.index], two[other_rows, match.other_index]
            if not all(np.isnan(column).all() for column in columns) or not len(rows):
                groups.append(_group_difference(match, name, ours.step[rows], columns, tolerance))
    same_length = bool(ours.step[0] == theirs.step[0] and ours.step[-1] == theirs.step[-1])
    complete = not any((matching.only_in_first, matching.only_in_other, *only))
    return PairDifference(
        first=first,
        other=other,
        equal=same_length and complete and all(group.steps_differing == 0 for group in groups),
        same_length=same_length,
        common_steps=len(rows),
        only_in_first=matching.only_in_first,
        only_in_other=matching.only_in_other,
        groups=tuple(groups),
        settings_only_in_first=tuple(only[0]),
        settings_only_in_other=tuple(only[1]),
    )


def _group_difference(
    match: GroupMatch, quantity: str, steps: Floats, columns: tuple[Floats, Floats], tolerance: _Tolerance
) -> GroupDifference:
    ours, theirs = columns
    distance = _distance(ours, theirs)
    with np.errstate(over="ignore"):
        beyond = distance > tolerance.absolute + tolerance.relative * np.abs(theirs)
    differing = np.flatnonzero(beyond | np.isinf(distance))
    return GroupDifference(
        group=match.name,
        other=match.other_name,
        matched_by=match.by,
        steps_compared=len(steps),
        steps_differing=len(differing),
        share_differing=len(differing) / len(steps) if len(steps) else 0.0,
        first_step=int(steps[differing[0]]) if len(differing) else None,
        largest_absolute=_largest(distance, steps),
        largest_relative=_largest(_relative(distance, theirs), steps),
        quantity=quantity,
    )


def _distance(ours: Floats, theirs: Floats) -> Floats:
    """How far apart they are: infinitely, where one is no number, or beyond the largest double."""
    with np.errstate(over="ignore", invalid="ignore"):
        distance = np.abs(ours - theirs)
    distance[(ours == theirs) | (np.isnan(ours) & np.isnan(theirs))] = 0.0
    distance[np.isnan(distance)] = math.inf
    return distance


def _relative(distance: Floats, theirs: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        shares = np.where(distance > 0, distance / np.abs(theirs), 0.0)
    return np.where(np.isnan(shares), math.inf, shares)


def _largest(values: Floats, steps: Floats) -> DifferenceAt | None:
    if not values.any():
        return None
    place = int(np.argmax(values))
    return DifferenceAt(float(values[place]), int(steps[place]))
