"""The curves of param groups: those that coincide as one line, each in its look, with its name beside it."""

from __future__ import annotations

import math
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.lines import Line2D

from lrsched_cli.report.decimation import drawn_points
from lrsched_cli.report.panels import DASHES, fitted, inches_of, spread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from lrsched_cli.analysis.trace import Trace
    from lrsched_cli.report.panels import Sheet

    Floats = NDArray[np.float64]

_LABEL_HEIGHT = 13 / 72  # inches
_SMALLEST_LABEL = 5 / 9 * _LABEL_HEIGHT
_MAX_LABELS = 40
_LABEL_ROOM = 1.15
"""Labels may stand a little above and below the panels."""


class Curve(NamedTuple):
    """Param groups whose values coincide, drawn as one line."""

    groups: tuple[int, ...]
    colour: str
    dashes: Any


class Rows(NamedTuple):
    """What of a trace is drawn: values of shape (rows, groups), from a row on."""

    trace: Trace
    values: Floats
    first: int


class Label(NamedTuple):
    """What is written beside a curve, the height at which the curve ends, and its look."""

    text: str
    end: float
    curve: Curve


def curves_of(values: Floats, colours: Sequence[str]) -> list[Curve]:
    """The curves of values of shape (rows, groups), each in a look of its own."""
    coinciding: dict[bytes, list[int]] = {}
    for group in range(values.shape[1]):
        coinciding.setdefault(np.ascontiguousarray(values[:, group]).tobytes(), []).append(group)
    looks = zip(cycle(colours), cycle(DASHES), strict=False)
    return [
        Curve(tuple(groups), colour, dashes)
        for groups, (colour, dashes) in zip(coinciding.values(), islice(looks, len(coinciding)), strict=True)
    ]


def curves_like(known: Sequence[Curve], values: Floats, ink: str) -> list[Curve]:
    """The curves of other values, each in the look of its first group; a single one plain, in ``ink``.

    Groups that have no such value at all have no curve.
    """
    there = [curve for curve in curves_of(values, (ink,)) if not np.isnan(values[:, curve.groups[0]]).all()]
    if len(there) == 1:
        return [Curve(there[0].groups, ink, "-")]
    looks = (next(one for one in known if curve.groups[0] in one.groups) for curve in there)
    return [look._replace(groups=curve.groups) for look, curve in zip(looks, there, strict=True)]


def draw_curves(sheet: Sheet, axes: Axes, curves: Sequence[Curve], rows: Rows, width: float) -> None:
    """Draw them in lines of a ``width`` in points."""
    trace, values, first = rows
    for curve in curves:
        column = values[first:, curve.groups[0]]
        x, y = drawn_points(trace.step[first:], column, int(sheet.style.width * sheet.style.dpi))
        axes.plot(
            x,
            y,
            color=curve.colour,
            linestyle=curve.dashes,
            linewidth=width,
            label=", ".join(trace.groups[group] for group in curve.groups),
            marker="o" if len(x) == 1 else None,
        )


def labels_for(sheet: Sheet, trace: Trace, curves: Sequence[Curve], height: float) -> list[Label]:
    """As many labels as have room in so many inches, none wider than a third of the page."""
    most = min(_MAX_LABELS, max(1, int(_LABEL_ROOM * height / _SMALLEST_LABEL)))
    room = 0.33 * sheet.style.width - 0.52
    return [
        Label(
            fitted(sheet.figure, _names(trace, curve), room, 9),
            float(trace.lr[-1, curve.groups[0]]),
            curve,
        )
        for curve in curves[:most]
    ]


def width_of(sheet: Sheet, labels: Sequence[Label]) -> float:
    """The inches that the longest label takes."""
    return max(inches_of(sheet.figure, label.text, 9) for label in labels)


def _names(trace: Trace, curve: Curve, shown: int = 2) -> str:
    names = [trace.groups[group] for group in curve.groups]
    return ", ".join(names[:shown]) + (f" +{len(names) - shown}" if len(names) > shown else "")


def write_labels(sheet: Sheet, axes: Axes, labels: Sequence[Label], low: float, left_out: int) -> None:
    """Name each curve to the right of its end, with a sample of its line; never over another label.

    The labels stand between the top of the panel and the height ``low`` on the page.
    """
    figure, style = sheet.figure, sheet.style
    right, top = axes.get_position().x1, axes.get_position().y1
    spacing = min(_LABEL_HEIGHT / style.height, (top - low) * _LABEL_ROOM / max(len(labels), 1))
    to_page = axes.transData + figure.transFigure.inverted()
    ends = [float(to_page.transform((0.0, label.end))[1]) for label in labels]
    wanted = [end if math.isfinite(end) else axes.get_position().y0 for end in ends]
    places = spread(wanted, spacing, low, top)
    size = min(9.0, spacing * style.height / _LABEL_HEIGHT * 9.0)
    words: dict[str, Any] = {"fontsize": size, "parse_math": False}
    for place, label in zip(places, labels, strict=True):
        sample = ((right + 0.08 / style.width), (right + 0.36 / style.width))
        look: dict[str, Any] = {"color": label.curve.colour, "linestyle": label.curve.dashes}
        figure.add_artist(Line2D(sample, (place, place), linewidth=1.7, **look))
        x = sample[1] + 0.07 / style.width
        figure.text(x, place, label.text, color=sheet.palette.ink, va="center_baseline", **words)
    if left_out:
        more, below = f"+{left_out} more", min(places) - 0.6 * spacing
        figure.text(right + 0.08 / style.width, below, more, color=sheet.palette.soft, va="top", **words)
