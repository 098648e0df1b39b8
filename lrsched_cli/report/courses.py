"""Warm-ups and restarts in a picture: shades, hairlines, and the names of the stretches between them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from lrsched_cli.report.panels import MAX_HAIRLINES, inches_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from lrsched_cli.analysis.trace import Trace
    from lrsched_cli.report.panels import Sheet

    Course = tuple[int, tuple[int, ...]]
    """The row at which a group's warm-up ends, and those of its restarts."""

_CHARACTER = 5.6 / 72  # inches: the mean width of a character at 9 points
_ABOVE = 0.008  # of the page: from a panel to the names over it


def courses_of(trace: Trace) -> dict[Course, int]:
    """The different courses that the groups take, each with the first group that takes it."""
    courses: dict[Course, int] = {}
    for group in range(len(trace.groups)):
        course = (trace.warmup_end(group), tuple(trace.restarts(group).tolist()))
        courses.setdefault(course, group)
    return courses


def mark_courses(
    sheet: Sheet, panels: Sequence[Axes], trace: Trace, courses: Mapping[Course, int], colours: Sequence[str]
) -> None:
    """Shade each warm-up, draw restarts as hairlines, and name what lies between, above the first panel.

    Where the groups differ, in the colours of the groups.
    """
    for axes in panels:
        for warmup_end in {end for end, _ in courses if end}:
            ends = trace.step[0], trace.step[warmup_end]
            axes.axvspan(*ends, color=sheet.palette.soft, alpha=0.1, zorder=0, linewidth=0)
        for (_, restarts), group in courses.items():
            colour = sheet.palette.soft if len(courses) == 1 else colours[group]
            for row in restarts if len(restarts) <= MAX_HAIRLINES else ():
                axes.axvline(
                    trace.step[row], color=colour, linewidth=0.7, linestyle=(0, (1.5, 2)), alpha=0.9, zorder=1
                )
    if len(courses) == 1:
        _name_cycles(sheet, panels[0], trace)
    else:
        _number_restarts(sheet, panels[0], trace, courses, colours)


def _number_restarts(
    sheet: Sheet, axes: Axes, trace: Trace, courses: Mapping[Course, int], colours: Sequence[str]
) -> None:
    """The number of the cycle that begins at each hairline, above it in the colour of its group."""
    left, bottom, width, height = axes.get_position().bounds
    numbered = sorted(
        (row, place, group)
        for (_, restarts), group in courses.items()
        if len(restarts) <= MAX_HAIRLINES
        for place, row in enumerate(restarts)
    )
    free = 0.0
    for row, place, group in numbered:
        x = left + width * row / trace.steps
        number = str(trace.first_cycle(group) + place + 1)
        if x >= free:
            y = bottom + height + _ABOVE
            sheet.figure.text(x, y, number, color=colours[group], fontsize=8, ha="center", va="bottom")
            free = x + 2 * inches_of(sheet.figure, number, 8) / sheet.style.width


def _name_cycles(sheet: Sheet, axes: Axes, trace: Trace) -> None:
    """``warm-up``, ``cycle 0``, ``1`` ... above the panel, as far as each stretch has room for its name."""
    left, bottom, width, height = axes.get_position().bounds
    for start, end, names in _stretches(trace):
        room = (end - start) / trace.steps * width * sheet.style.width
        # The warm-up may lean out to the left, where nothing else is written.
        room += 0.12 if start == 0 else 0.0
        name = next((name for name in names if (len(name) + 0.5) * _CHARACTER * 0.85 <= room), None)
        if name is not None:
            written = inches_of(sheet.figure, name, 8) / sheet.style.width
            middle = left + width * (start + end) / 2 / trace.steps
            x = min(middle, left + width * end / trace.steps - written / 2)
            y = bottom + height + _ABOVE
            sheet.figure.text(x, y, name, color=sheet.palette.soft, fontsize=8, ha="center", va="bottom")


def _stretches(trace: Trace) -> list[tuple[int, int, tuple[str, ...]]]:
    """The warm-up and the cycles of the first group: from row, to row, and names from long to short."""
    warmup_end = trace.warmup_end(0)
    restarts = trace.restarts(0).tolist()
    number = trace.first_cycle(0)
    stretches: list[tuple[int, int, tuple[str, ...]]] = []
    if warmup_end:
        stretches.append((0, warmup_end, ("warm-up",)))
    # More cycles than hairlines are too narrow to be named.
    named = len(restarts) <= MAX_HAIRLINES and (bool(restarts) or bool(trace.state))
    bounds = [warmup_end, *restarts, trace.steps] if named else []
    for place, (start, end) in enumerate(pairwise(bounds)):
        stretches.append((start, end, (f"cycle {number + place}", str(number + place))))
    return stretches
