"""A trace as a picture: the LR of every param group above, the multiplier below."""

from __future__ import annotations

import math
from itertools import cycle, islice, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from lrsched_cli.report.decimation import decimated
from lrsched_cli.report.panels import (
    DARK,
    DASHES,
    LIGHT,
    MAX_HAIRLINES,
    Palette,
    Style,
    fitted,
    inches_of,
    numbers_for,
    page,
    panel,
    scale_lr_axis,
    share,
    share_steps,
    spread,
    write_caption,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lrsched_cli.analysis.trace import Trace
    from lrsched_cli.report.captions import Caption

__all__ = ["Style", "draw"]

_POINT = 1 / 72  # inch
_LABEL_HEIGHT = 13 * _POINT
_SMALLEST_LABEL = 5 / 9 * _LABEL_HEIGHT
_CHARACTER = 5.6 * _POINT  # mean width of a character at 9 points
_MAX_LABELS = 40


class _Curve(NamedTuple):
    """Param groups whose values coincide, drawn as one line."""

    groups: tuple[int, ...]
    colour: str
    dashes: Any


def draw(trace: Trace, caption: Caption, style: Style) -> Figure:
    """Draw a trace. The x axis counts scheduler steps; row 0 is left out where no update runs at it.

    Groups whose LRs coincide share one line and one label. At most a few points are drawn per pixel
    column, the highest and the lowest among them, so that a million steps cost what a thousand do and
    no peak is lost.
    """
    palette = DARK if style.dark else LIGHT
    figure = page(style, palette)
    curves = _curves(trace.lr, palette.colours)
    courses = _courses(trace)
    upper_box, lower_box = _heights(style, header=0.84 if len(courses) == 1 else 0.72)
    most = min(_MAX_LABELS, max(1, int(1.15 * upper_box[1] * style.height / _SMALLEST_LABEL)))
    labels = [_label(trace, curve) for curve in curves[:most]]
    room = 0.33 * style.width - 0.52
    labels = [fitted(figure, label, room, 9) for label in labels]
    longest = max(inches_of(figure, label, 9) for label in labels)
    left = 0.8 / style.width
    box = (left, 1 - (0.6 + longest) / style.width - left)
    upper = panel(figure, (box[0], upper_box[0], box[1], upper_box[1]), palette)
    lower = panel(figure, (box[0], lower_box[0], box[1], lower_box[1]), palette)
    start = 0 if _shows_row_0(trace) else 1
    multiplied = 0 if trace.step[0] > 0 else 1  # before the first step no multiplier is applied
    columns = int(style.width * style.dpi)
    _draw_lrs(upper, trace, curves, start, columns)
    _draw_multipliers(lower, trace, curves, multiplied, palette, columns)
    scale_lr_axis(upper, trace.lr[start:], style)
    _scale_multiplier_axis(lower, trace.scale[multiplied:])
    share_steps(upper, lower, float(trace.step[0]), float(trace.step[-1]))
    colours = {group: curve.colour for curve in curves for group in curve.groups}
    _mark_courses((upper, lower), trace, courses, colours, palette)
    if len(courses) == 1:
        _name_cycles(figure, upper, trace, palette, style)
    else:
        _number_restarts(figure, upper, trace, courses, colours)
    _label_curves(
        figure,
        upper,
        labels,
        curves,
        [trace.lr[-1, curve.groups[0]] for curve in curves[: len(labels)]],
        palette,
        style,
    )
    write_caption(figure, caption, palette, style, box)
    return figure


def _heights(style: Style, header: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Bottom and height of the upper and the lower panel, under a header of so many inches."""
    foot, between = 0.72, 0.14
    room = style.height - header - foot - between
    lower = 0.28 * room
    upper_bottom = foot + lower + between
    return (share(style, upper_bottom), share(style, room - lower)), (share(style, foot), share(style, lower))


def _shows_row_0(trace: Trace) -> bool:
    return trace.loop == "optimizer-first" or trace.step[0] > 0


def _curves(values: np.ndarray[Any, np.dtype[np.float64]], colours: tuple[str, ...]) -> list[_Curve]:
    coinciding: dict[bytes, list[int]] = {}
    for group in range(values.shape[1]):
        coinciding.setdefault(np.ascontiguousarray(values[:, group]).tobytes(), []).append(group)
    looks = zip(cycle(colours), cycle(DASHES), strict=False)
    return [
        _Curve(tuple(groups), colour, dashes)
        for groups, (colour, dashes) in zip(coinciding.values(), islice(looks, len(coinciding)), strict=True)
    ]


def _label(trace: Trace, curve: _Curve, shown: int = 2) -> str:
    names = [trace.groups[group] for group in curve.groups]
    return ", ".join(names[:shown]) + (f" +{len(names) - shown}" if len(names) > shown else "")


def _draw_lrs(axes: Axes, trace: Trace, curves: Sequence[_Curve], start: int, columns: int) -> None:
    for curve in curves:
        x, y = decimated(trace.step[start:], trace.lr[start:, curve.groups[0]], columns)
        axes.plot(
            x,
            y,
            color=curve.colour,
            linestyle=curve.dashes,
            linewidth=1.7,
            label=", ".join(trace.groups[group] for group in curve.groups),
            marker="o" if len(x) == 1 else None,
        )


def _draw_multipliers(  # noqa: PLR0913, PLR0917 - a place on the page
    axes: Axes, trace: Trace, lr_curves: Sequence[_Curve], first: int, palette: Palette, columns: int
) -> None:
    """The multipliers from row ``first`` on, each in the look of its first group's LRs."""
    alike = _curves(trace.scale[first:], palette.colours)
    for groups, _, _ in alike:
        look = next(curve for curve in lr_curves if groups[0] in curve.groups)
        curve = look._replace(groups=groups)
        x, y = decimated(trace.step[first:], trace.scale[first:, curve.groups[0]], columns)
        axes.plot(
            x,
            y,
            color=palette.ink if len(alike) == 1 else curve.colour,
            linestyle="-" if len(alike) == 1 else curve.dashes,
            linewidth=1.4,
            label=", ".join(trace.groups[group] for group in curve.groups),
            marker="o" if len(x) == 1 else None,
        )


def _scale_multiplier_axis(axes: Axes, scales: np.ndarray[Any, np.dtype[np.float64]]) -> None:
    axes.set_ylabel("multiplier", fontsize=9.5)
    low, high = min(float(scales.min()), 0.0), max(float(scales.max()), 0.0)
    span = (high - low) or 1.0
    axes.set_ylim(low - (0.05 * span if low < 0 else 0), high + 0.1 * span)
    axes.yaxis.set_major_locator(numbers_for(axes, most=4))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.6g}"))


_Course = tuple[int, tuple[int, ...]]
"""The row at which a group's warm-up ends, and those of its restarts."""


def _courses(trace: Trace) -> dict[_Course, int]:
    """The different courses that the groups take, each with the first group that takes it."""
    courses: dict[_Course, int] = {}
    for group in range(len(trace.groups)):
        course = (trace.warmup_end(group), tuple(trace.restarts(group).tolist()))
        courses.setdefault(course, group)
    return courses


def _mark_courses(
    panels: tuple[Axes, Axes],
    trace: Trace,
    courses: dict[_Course, int],
    colours: dict[int, str],
    palette: Palette,
) -> None:
    """Shade each warm-up, and draw restarts as hairlines: in the group's colour where the groups differ."""
    for axes in panels:
        for warmup_end in {end for end, _ in courses if end}:
            ends = trace.step[0], trace.step[warmup_end]
            axes.axvspan(*ends, color=palette.soft, alpha=0.1, zorder=0, linewidth=0)
        for (_, restarts), group in courses.items():
            colour = palette.soft if len(courses) == 1 else colours[group]
            for row in restarts if len(restarts) <= MAX_HAIRLINES else ():
                axes.axvline(
                    trace.step[row], color=colour, linewidth=0.7, linestyle=(0, (1.5, 2)), alpha=0.9, zorder=1
                )


def _number_restarts(
    figure: Figure, axes: Axes, trace: Trace, courses: dict[_Course, int], colours: dict[int, str]
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
        number = str(int(trace.state["cycle"][0, group]) + place + 1)
        if x >= free:
            y = bottom + height + 0.008
            figure.text(x, y, number, color=colours[group], fontsize=8, ha="center", va="bottom")
            free = x + 2 * inches_of(figure, number, 8) / figure.get_figwidth()


def _name_cycles(figure: Figure, axes: Axes, trace: Trace, palette: Palette, style: Style) -> None:
    """``warm-up``, ``cycle 0``, ``1`` ... above the panel, as far as each stretch has room for its name."""
    left, bottom, width, height = axes.get_position().bounds
    warmup_end = trace.warmup_end(0)
    restarts = trace.restarts(0).tolist()
    number = int(trace.state["cycle"][0, 0])
    stretches: list[tuple[int, int, tuple[str, ...]]] = []
    if warmup_end:
        stretches.append((0, warmup_end, ("warm-up",)))
    # More cycles than hairlines are too narrow to be named.
    bounds = [warmup_end, *restarts, trace.steps] if len(restarts) <= MAX_HAIRLINES else []
    for place, (start, end) in enumerate(pairwise(bounds)):
        stretches.append((start, end, (f"cycle {number + place}", str(number + place))))
    for start, end, names in stretches:
        room = (end - start) / trace.steps * width * style.width
        # The warm-up may lean out to the left, where nothing else is written.
        room += 0.12 if start == 0 else 0.0
        name = next((name for name in names if (len(name) + 0.5) * _CHARACTER * 0.85 <= room), None)
        if name is not None:
            written = inches_of(figure, name, 8) / style.width
            middle = left + width * (start + end) / 2 / trace.steps
            x = min(middle, left + width * end / trace.steps - written / 2)
            y = bottom + height + 0.008
            figure.text(x, y, name, color=palette.soft, fontsize=8, ha="center", va="bottom")


def _label_curves(  # noqa: PLR0913, PLR0917 - a place on the page
    figure: Figure,
    axes: Axes,
    labels: Sequence[str],
    curves: Sequence[_Curve],
    ends: Iterable[float],
    palette: Palette,
    style: Style,
) -> None:
    """Name each curve to the right of its end, with a sample of its line; never over another label."""
    low, bottom, width, height = axes.get_position().bounds
    right = low + width
    spacing = min(_LABEL_HEIGHT / style.height, height * 1.15 / max(len(labels), 1))
    to_page = axes.transData + figure.transFigure.inverted()
    wanted = [_finite(float(to_page.transform((0.0, end))[1]), bottom) for end in ends]
    places = spread(wanted, spacing, bottom, bottom + height)
    size = min(9.0, spacing * style.height / _LABEL_HEIGHT * 9.0)
    for place, label, curve in zip(places, labels, curves, strict=False):
        sample = ((right + 0.08 / style.width), (right + 0.36 / style.width))
        figure.add_artist(
            Line2D(sample, (place, place), color=curve.colour, linestyle=curve.dashes, linewidth=1.7)
        )
        x = sample[1] + 0.07 / style.width
        figure.text(x, place, label, color=palette.ink, fontsize=size, va="center_baseline", parse_math=False)
    if len(curves) > len(labels):
        more = f"+{len(curves) - len(labels)} more"
        below = min(places) - 0.6 * spacing
        figure.text(right + 0.08 / style.width, below, more, color=palette.soft, fontsize=size, va="top")


def _finite(value: float, instead: float) -> float:
    return value if math.isfinite(value) else instead
