"""The courses of PyTorch's schedulers that are made of others, one after the other or all at once.

Where the parts have closed forms and can be put together, the whole has one; else its outline is theirs.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from lrsched_cli.core.families.arguments import family_for
from lrsched_cli.core.families.course import RAISES, Course, Cycles, Horizon, Milestone, Outline
from lrsched_cli.core.families.torch_course import FACTORS, MAKERS, Part, scaled
from lrsched_cli.core.families.torch_cycles import CYCLE_MAKERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lrsched_cli.core.families.torch_course import Maker

_FROM_THE_BASE_LR = {*FACTORS, "LambdaLR", "CosineAnnealingLR", "CosineAnnealingWarmRestarts"}
"""Classes that begin at the base LR where they take over from another one."""


class _Window(NamedTuple):
    """A part of several in a row: from which scheduler step it runs, and where the next takes over."""

    part: Outline
    start: int
    end: int | None

    def has(self, step: int) -> bool:
        return self.start <= step and (self.end is None or step < self.end)

    def until(self, end: int | None) -> int | None:
        """The nearer of its own end and one that is counted from its start."""
        if end is None:
            return self.end
        return self.start + end if self.end is None else min(self.end, self.start + end)


def torch_course(part: Part) -> Outline | None:
    """What is known of a section; None where nothing is of its type, or of its settings."""
    maker = {**MAKERS, **CYCLE_MAKERS, **_COMPOSITES}.get(part.kind)
    return None if maker is None else maker(part)


def _sequential(part: Part) -> Outline | None:
    found, milestones = _outlines(part), part.arguments["milestones"]
    if len(found) != len(milestones) + 1 or any(one > other for one, other in pairwise([1, *milestones])):
        return None
    starts = [0, *milestones]
    windows = [
        _Window(one, start, end) for one, start, end in zip(found, starts, [*milestones, None], strict=True)
    ]
    known = _in_a_row(part, windows)
    courses = [one for one in found if isinstance(one, Course)]
    if len(courses) < len(found) or any(one.kind not in _FROM_THE_BASE_LR for one in part.schedulers):
        return known

    def lrs(step: int) -> tuple[float, ...]:
        place = bisect_right(milestones, step)
        return courses[place].lrs(step - starts[place])

    return known.filled(lrs)


def _in_a_row(part: Part, windows: Sequence[_Window]) -> Outline:
    joins = [window.start for window in windows[1:]]
    own = [Milestone((*part.at("milestones"), place), one) for place, one in enumerate(joins)]
    return Outline(
        turns=_inside(windows, lambda one: (0, *one.turns)),
        warmups=windows[0].part.warmups,
        horizons=tuple(one for window in windows for one in _horizons(window)),
        cycles=_shifted_cycles(windows[-1]),
        milestones=(*own, *(one for window in windows for one in _milestones(window))),
        joins=tuple(sorted({*joins, *_inside(windows, lambda one: one.joins)})),
        inverted=tuple(one for window in windows for one in window.part.inverted),
        drops=lambda step: _drops(windows, step),
        per_group=any(window.part.per_group for window in windows),
    )


def _inside(windows: Sequence[_Window], steps: Callable[[Outline], tuple[int, ...]]) -> tuple[int, ...]:
    """The steps of all parts as steps of the run, but those that their part does not get to."""
    found = {
        window.start + step
        for window in windows
        for step in steps(window.part)
        if window.has(window.start + step)
    }
    return tuple(sorted(found))


def _horizons(window: _Window) -> Iterator[Horizon]:
    """Those of a part; where the run gets beyond one that fails there, stepping tells of it."""
    for one in window.part.horizons:
        if one.beyond != RAISES:
            yield replace(one, start=window.start + one.start, until=window.until(one.until))


def _milestones(window: _Window) -> Iterator[Milestone]:
    for one in window.part.milestones:
        yield replace(one, start=window.start + one.start, until=window.until(one.until))


def _shifted_cycles(window: _Window) -> tuple[Cycles | None, ...]:
    return tuple(one and replace(one, start=one.start + window.start) for one in window.part.cycles)


def _drops(windows: Sequence[_Window], step: int) -> bool:
    """Whether a part's own jump is at a step; where one part follows another, a jump is nobody's wish."""
    return any(
        window.start < step and window.has(step) and window.part.drops(step - window.start)
        for window in windows
    )


def _chained(part: Part) -> Outline:
    found = _outlines(part)
    known = Outline(
        turns=tuple(sorted({turn for one in found for turn in one.turns})),
        warmups=tuple(warmup for one in found for warmup in one.warmups),
        horizons=tuple(horizon for one in found for horizon in one.horizons),
        milestones=tuple(milestone for one in found for milestone in one.milestones),
        joins=tuple(sorted({join for one in found for join in one.joins})),
        inverted=tuple(span for one in found for span in one.inverted),
        drops=lambda step: any(one.drops(step) for one in found),
        per_group=any(one.per_group for one in found),
    )
    factors = [MAKERS[one.kind](one._replace(base=(1.0,))) for one in part.schedulers if one.kind in MAKERS]
    courses = [one for one in factors if isinstance(one, Course)]
    if len(courses) < len(found) or not _multiply(part.schedulers):
        return known

    def factor(step: int) -> float:
        product = 1.0
        for one in courses:
            product *= one.lrs(step)[0]
        return product

    return known.filled(scaled(part.base, factor))


def _multiply(parts: Sequence[Part]) -> bool:
    """Whether the parts do nothing but multiply what they find.

    A cosine does until its end, where it adds to the LR: the factors that others have brought until then are
    lost. So it may only have parts beside it that are through by then, and leave no factor.
    """
    cosines = [one for one in parts if one.kind == "CosineAnnealingLR"]
    others = [one for one in parts if one.kind in FACTORS]
    if not cosines:
        return len(others) == len(parts)
    T_max = cosines[0].arguments["T_max"]
    alone = len(cosines) == 1 and len(others) == len(parts) - 1 and cosines[0].arguments["eta_min"] == 0
    return alone and all(_leaves_no_factor(one) and one.arguments["total_iters"] <= T_max for one in others)


def _leaves_no_factor(part: Part) -> bool:
    return part.kind == "ConstantLR" or (part.kind == "LinearLR" and part.arguments["end_factor"] == 1)


def _outlines(part: Part) -> list[Outline]:
    """What is known of the parts, each by its own family."""
    found = (family_for({"type": one.kind}).course_of(one) for one in part.schedulers)
    return [Outline() if one is None else one for one in found]


_COMPOSITES: dict[str, Maker] = {"SequentialLR": _sequential, "ChainedScheduler": _chained}
