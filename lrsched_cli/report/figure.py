"""A trace as a picture: the LR of every param group above, the multiplier below."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from itertools import cycle, islice, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from lrsched_cli.report.decimation import decimated
from lrsched_cli.report.numbers_text import count_text, lr_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes

    from lrsched_cli.analysis.trace import Trace
    from lrsched_cli.report.captions import Caption

# The colours of Okabe and Ito (2008), which the colour-blind can tell apart, strong ones first; in dark
# pictures their light ones. Dashes tell the lines apart in grey.
_LIGHT_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#8C6D00", "#56B4E9", "#000000")
_DARK_COLOURS = ("#56B4E9", "#E69F00", "#2BC79A", "#E28EBB", "#F0E442", "#FF7A45", "#FFFFFF")
_DASHES: tuple[Any, ...] = (
    "-",
    (0, (7, 2)),
    (0, (2.5, 1.2)),
    (0, (7, 1.5, 1.5, 1.5)),
    (0, (1, 1)),
    (0, (10, 2)),
)

_POINT = 1 / 72  # inch
_LABEL_HEIGHT = 13 * _POINT
_CHARACTER = 5.6 * _POINT  # mean width of a character at 9 points
_MAX_HAIRLINES = 60
_MAX_LABELS = 40
_PLAIN_TICKS_FROM = 0.1


@dataclass(frozen=True, slots=True)
class Style:
    """How a picture looks: size in inches, dots per inch, light or dark, linear or logarithmic LRs."""

    width: float = 8.0
    height: float = 5.0
    dpi: int = 200
    dark: bool = False
    log_y: bool = False


class _Palette(NamedTuple):
    paper: str
    ink: str
    soft: str
    grid: str
    colours: tuple[str, ...]


_LIGHT = _Palette("#ffffff", "#1b1f24", "#6a717b", "#e3e6ea", _LIGHT_COLOURS)
_DARK = _Palette("#14171c", "#e8eaed", "#9aa3ad", "#2a2f37", _DARK_COLOURS)


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
    palette = _DARK if style.dark else _LIGHT
    figure = Figure(figsize=(style.width, style.height), dpi=style.dpi, facecolor=palette.paper)
    FigureCanvasAgg(figure)  # texts are measured with it
    curves = _curves(trace.lr, palette.colours)
    labels = [_label(trace, curve) for curve in curves[:_MAX_LABELS]]
    room = 0.33 * style.width - 0.52
    labels = [_fitted(figure, label, room, 9) for label in labels]
    longest = max(_inches(figure, label, 9) for label in labels)
    left = 0.8 / style.width
    box = (left, 1 - (0.6 + longest) / style.width - left)
    courses = _courses(trace)
    header = 0.84 if len(courses) == 1 else 0.66  # inches; the numbers of the cycles stand in it
    upper = _panel(figure, (box[0], _share(style, 1.78), box[1], 1 - _share(style, 1.78 + header)), palette)
    lower = _panel(figure, (box[0], _share(style, 0.72), box[1], _share(style, 0.92)), palette)
    start = 0 if _shows_row_0(trace) else 1
    columns = int(style.width * style.dpi)
    _draw_lrs(upper, trace, curves, start, columns)
    _draw_multipliers(lower, trace, curves, palette, columns)
    _scale_lr_axis(upper, trace.lr[start:], style)
    _scale_multiplier_axis(lower, trace.scale[1:])
    _share_steps(upper, lower, trace)
    _mark_courses((upper, lower), trace, courses, palette)
    if len(courses) == 1:
        _name_cycles(figure, upper, trace, palette, style)
    _label_curves(
        figure,
        upper,
        labels,
        curves,
        [trace.lr[-1, curve.groups[0]] for curve in curves[: len(labels)]],
        palette,
        style,
    )
    _write_caption(figure, caption, palette, style, box)
    return figure


def _share(style: Style, inches: float) -> float:
    return inches / style.height


def _shows_row_0(trace: Trace) -> bool:
    return trace.loop == "optimizer-first" or trace.step[0] > 0


def _curves(values: np.ndarray[Any, np.dtype[np.float64]], colours: tuple[str, ...]) -> list[_Curve]:
    coinciding: dict[bytes, list[int]] = {}
    for group in range(values.shape[1]):
        coinciding.setdefault(np.ascontiguousarray(values[:, group]).tobytes(), []).append(group)
    looks = zip(cycle(colours), cycle(_DASHES), strict=False)
    return [
        _Curve(tuple(groups), colour, dashes)
        for groups, (colour, dashes) in zip(coinciding.values(), islice(looks, len(coinciding)), strict=True)
    ]


def _label(trace: Trace, curve: _Curve, shown: int = 2) -> str:
    names = [trace.groups[group] for group in curve.groups]
    return ", ".join(names[:shown]) + (f" +{len(names) - shown}" if len(names) > shown else "")


def _panel(figure: Figure, box: tuple[float, float, float, float], palette: _Palette) -> Axes:
    axes: Axes = figure.add_axes(box, facecolor="none")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(palette.soft)
    axes.grid(color=palette.grid, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(colors=palette.soft, labelcolor=palette.ink, labelsize=9, length=3.5, width=0.8)
    return axes


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


def _draw_multipliers(
    axes: Axes, trace: Trace, lr_curves: Sequence[_Curve], palette: _Palette, columns: int
) -> None:
    """From the first step on: before it no multiplier is applied. Each looks like its first group's LRs."""
    first = 0 if trace.step[0] > 0 else 1
    alike = _curves(trace.scale[1:], palette.colours)
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


def _scale_lr_axis(axes: Axes, lrs: np.ndarray[Any, np.dtype[np.float64]], style: Style) -> None:
    axes.set_ylabel("learning rate", fontsize=9.5)
    low, high = float(lrs.min()), float(lrs.max())
    # One notation per axis: 0.075 beside 0.1, but 5e-4 beside 1e-3.
    plain = high >= _PLAIN_TICKS_FROM
    number = FuncFormatter(lambda value, _: f"{value:.6g}" if plain else lr_text(value))
    positive = lrs[lrs > 0]
    if style.log_y and positive.size:
        axes.set_yscale("log", nonpositive="mask")
        lowest = float(positive.min())
        decades = math.log10(high / lowest) if high > lowest else 1.0
        axes.set_ylim(lowest / 10 ** (0.06 * decades), high * 10 ** (0.07 * decades))
        few = decades < 2.5  # noqa: PLR2004 - then decades alone leave an axis nearly without numbers
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1,), numticks=8))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: lr_text(value)))
        return
    span = (high - min(low, 0)) or 1.0
    axes.set_ylim(min(low, 0) - (0.05 * span if low < 0 else 0), max(high, 0) + 0.08 * span)
    axes.yaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(number)


def _scale_multiplier_axis(axes: Axes, scales: np.ndarray[Any, np.dtype[np.float64]]) -> None:
    axes.set_ylabel("multiplier", fontsize=9.5)
    low, high = min(float(scales.min()), 0.0), max(float(scales.max()), 0.0)
    span = (high - low) or 1.0
    axes.set_ylim(low - (0.05 * span if low < 0 else 0), high + 0.1 * span)
    axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.6g}"))


def _share_steps(upper: Axes, lower: Axes, trace: Trace) -> None:
    first, last = float(trace.step[0]), float(trace.step[-1])
    for axes in (upper, lower):
        axes.set_xlim(first, last)
        axes.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 2.5, 5, 10], integer=True))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: count_text(value)))
    upper.tick_params(labelbottom=False)
    lower.set_xlabel("scheduler step", fontsize=9.5)


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
    panels: tuple[Axes, Axes], trace: Trace, courses: dict[_Course, int], palette: _Palette
) -> None:
    """Shade each warm-up, and draw restarts as hairlines: in the group's colour where the groups differ."""
    for (warmup_end, restarts), group in courses.items():
        colour = palette.soft if len(courses) == 1 else _colour_of(trace, group, palette)
        for axes in panels:
            if warmup_end:
                ends = trace.step[0], trace.step[warmup_end]
                axes.axvspan(*ends, color=palette.soft, alpha=0.1, zorder=0, linewidth=0)
            for row in restarts if len(restarts) <= _MAX_HAIRLINES else ():
                axes.axvline(
                    trace.step[row], color=colour, linewidth=0.7, linestyle=(0, (1.5, 2)), alpha=0.9, zorder=1
                )


def _name_cycles(figure: Figure, axes: Axes, trace: Trace, palette: _Palette, style: Style) -> None:
    """``warm-up``, ``cycle 0``, ``1`` ... above the panel, as far as each stretch has room for its name."""
    left, bottom, width, height = axes.get_position().bounds
    warmup_end = trace.warmup_end(0)
    restarts = trace.restarts(0).tolist()
    number = int(trace.state["cycle"][0, 0])
    stretches: list[tuple[int, int, tuple[str, ...]]] = []
    if warmup_end:
        stretches.append((0, warmup_end, ("warm-up",)))
    # More cycles than hairlines are too narrow to be named.
    bounds = [warmup_end, *restarts, trace.steps] if len(restarts) <= _MAX_HAIRLINES else []
    for place, (start, end) in enumerate(pairwise(bounds)):
        stretches.append((start, end, (f"cycle {number + place}", str(number + place))))
    for start, end, names in stretches:
        room = (end - start) / trace.steps * width * style.width
        # The warm-up may lean out to the left, where nothing else is written.
        room += 0.12 if start == 0 else 0.0
        name = next((name for name in names if (len(name) + 0.5) * _CHARACTER * 0.85 <= room), None)
        if name is not None:
            written = _inches(figure, name, 8) / style.width
            middle = left + width * (start + end) / 2 / trace.steps
            x = min(middle, left + width * end / trace.steps - written / 2)
            y = bottom + height + 0.008
            figure.text(x, y, name, color=palette.soft, fontsize=8, ha="center", va="bottom")


def _colour_of(trace: Trace, group: int, palette: _Palette) -> str:
    return next(curve.colour for curve in _curves(trace.lr, palette.colours) if group in curve.groups)


def _label_curves(  # noqa: PLR0913, PLR0917 - a place on the page
    figure: Figure,
    axes: Axes,
    labels: Sequence[str],
    curves: Sequence[_Curve],
    ends: Iterable[float],
    palette: _Palette,
    style: Style,
) -> None:
    """Name each curve to the right of its end, with a sample of its line; never over another label."""
    low, bottom, width, height = axes.get_position().bounds
    right = low + width
    spacing = min(_LABEL_HEIGHT / style.height, height * 1.15 / max(len(labels), 1))
    to_page = axes.transData + figure.transFigure.inverted()
    low_end = bottom - 0.2 / style.height
    wanted = [_finite(float(to_page.transform((0.0, end))[1]), bottom) for end in ends]
    places = _spread(wanted, spacing, bottom, bottom + height)
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
        figure.text(right + 0.08 / style.width, low_end, more, color=palette.soft, fontsize=size, va="top")


def _finite(value: float, instead: float) -> float:
    return value if math.isfinite(value) else instead


def _spread(wanted: Sequence[float], spacing: float, low: float, high: float) -> list[float]:
    """Places as near to the wanted ones as ``spacing`` allows, in the same order, from low to high."""
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    places = [0.0] * len(wanted)
    floor = low
    for index in order:
        places[index] = max(wanted[index], floor)
        floor = places[index] + spacing
    ceiling = high
    for index in reversed(order):
        places[index] = min(places[index], ceiling)
        ceiling = places[index] - spacing
    return places


def _write_caption(
    figure: Figure, caption: Caption, palette: _Palette, style: Style, box: tuple[float, float]
) -> None:
    left = box[0]
    width = style.width * (1 - left) - 0.1
    margin = 0.14
    title = _fitted(figure, caption.title, width, 13, "bold")
    subtitle = _fitted(figure, caption.subtitle, width, 9)
    stamp = _inches(figure, caption.stamp, 7)
    settings = _fitted(figure, caption.settings, style.width - 2 * margin - 0.2 - stamp, 7)
    top, bottom = 1 - _share(style, 0.14), _share(style, 0.1)
    words: dict[str, Any] = {"parse_math": False, "va": "top"}
    figure.text(left, top, title, fontsize=13, fontweight="bold", color=palette.ink, **words)
    figure.text(left, 1 - _share(style, 0.40), subtitle, fontsize=9, color=palette.soft, **words)
    words["va"] = "bottom"
    figure.text(margin / style.width, bottom, settings, fontsize=7, color=palette.soft, **words)
    corner = 1 - margin / style.width
    figure.text(corner, bottom, caption.stamp, fontsize=7, color=palette.soft, ha="right", **words)
    for axes in figure.axes:
        axes.xaxis.label.set_color(palette.ink)
        axes.yaxis.label.set_color(palette.ink)


def _inches(figure: Figure, text: str, points: float, weight: str = "normal") -> float:
    """How wide a text is when it is drawn."""
    drawn = Text(0, 0, text, fontsize=points, fontweight=weight, parse_math=False, figure=figure)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a letter that the font lacks is drawn as a box, and as wide
        return float(drawn.get_window_extent().width) / figure.dpi


def _fitted(figure: Figure, text: str, inches: float, points: float, weight: str = "normal") -> str:
    """The text, or as much of it as fits, with an ellipsis."""
    shown = text
    while shown and (width := _inches(figure, shown, points, weight)) > inches:
        keep = min(len(shown) - 2, int(len(shown) * inches / width))
        shown = text[: max(keep, 0)] + "…" if keep > 0 else ""
    return shown
