"""Several traces side by side: each one in numbers, and how far the others are from the first."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from lrsched_cli.analysis.group_matching import GroupMatch, match_groups
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
    """Two matched groups at their common steps.

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


@dataclass(frozen=True, slots=True)
class PairDifference:
    """The first trace against another one.

    ``equal`` says that the runs begin and end at the same steps, that every group has its counterpart,
    and that no LR differs at a common step.
    """

    first: str
    other: str
    equal: bool
    same_length: bool
    common_steps: int
    only_in_first: tuple[str, ...]
    only_in_other: tuple[str, ...]
    groups: tuple[GroupDifference, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What ``compare`` found: the traces in numbers, and each one after the first against the first."""

    rtol: float
    atol: float
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

    Args:
        traces: two or more, from ``dry_run`` or read back from a CSV.
        rtol: relative tolerance, a share of the other trace's LR.
        atol: absolute tolerance; LRs are equal where ``|a - b| <= atol + rtol * |b|``.
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
    (first, reference), *others = traces.items()
    return Comparison(
        rtol=rtol,
        atol=atol,
        traces=tuple(trace_numbers(label, trace, stored_loop) for label, trace in traces.items()),
        pairs=tuple(_pair((first, reference), other, rtol, atol) for other in others),
    )


def common_rows(
    first: Trace | StoredTrace, other: Trace | StoredTrace
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The rows of both traces that belong to the steps which both have, in order."""
    _, ours, theirs = np.intersect1d(first.step, other.step, assume_unique=True, return_indices=True)
    return ours, theirs


def _pair(
    reference: tuple[str, Trace | StoredTrace],
    against: tuple[str, Trace | StoredTrace],
    rtol: float,
    atol: float,
) -> PairDifference:
    (first, ours), (other, theirs) = reference, against
    rows, other_rows = common_rows(ours, theirs)
    matching = match_groups(ours.groups, theirs.groups)
    groups = tuple(
        _group_difference(
            match,
            ours.step[rows],
            ours.lr[rows, match.index],
            theirs.lr[other_rows, match.other_index],
            rtol,
            atol,
        )
        for match in matching.matches
    )
    same_length = bool(ours.step[0] == theirs.step[0] and ours.step[-1] == theirs.step[-1])
    matched = not matching.only_in_first and not matching.only_in_other
    return PairDifference(
        first=first,
        other=other,
        equal=same_length and matched and all(group.steps_differing == 0 for group in groups),
        same_length=same_length,
        common_steps=len(rows),
        only_in_first=matching.only_in_first,
        only_in_other=matching.only_in_other,
        groups=groups,
    )


def _group_difference(  # noqa: PLR0913, PLR0917 - two columns and what to make of them
    match: GroupMatch, steps: Floats, ours: Floats, theirs: Floats, rtol: float, atol: float
) -> GroupDifference:
    with np.errstate(over="ignore"):  # a difference beyond the largest double is infinite, and is one
        distance = np.abs(ours - theirs)
        differing = np.flatnonzero(distance > atol + rtol * np.abs(theirs))
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
    )


def _relative(distance: Floats, theirs: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.where(distance > 0, distance / np.abs(theirs), 0.0)


def _largest(values: Floats, steps: Floats) -> DifferenceAt | None:
    if not values.any():
        return None
    place = int(np.argmax(values))
    return DifferenceAt(float(values[place]), int(steps[place]))
