"""The axes of pictures: what they are called, from where to where they go, and which numbers they have."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

from lrsched_cli.core.numbers_text import count_text, lr_text
from lrsched_cli.errors import UsageError
from lrsched_cli.report.panels import fitted, inches_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from lrsched_cli.report.panels import Style

    Floats = NDArray[np.float64]

_PLAIN_TICKS_FROM = 0.1
_LARGEST_DRAWN = 1e305
_NAME, _SMALLEST_NAME, _NUMBER = 9.5, 7.0, 9.0  # points, of an axis
_GAP, _CORNER, _BESIDE = 0.07, 0.05, 0.14  # inches: between panels, to a name in the corner, beside numbers
_LOW_PANEL = 0.4  # inches
_SMALLEST_SHARE = 1e-4
"""Changes of a setting that are a smaller share of it do not fill a panel."""
_NUMBER_HEIGHT = 0.22  # inches


def inches_of_panel(axes: Axes) -> tuple[float, float]:
    """A panel's width and height on the page."""
    extent = axes.get_window_extent()
    return extent.width / axes.figure.dpi, extent.height / axes.figure.dpi


def scale_lr_axis(axes: Axes, lrs: Floats, style: Style) -> None:
    """Limits and numbers of an axis that shows ``lrs``.

    Raises UsageError for LRs so large that no axis has room beside them.
    """
    name_axis(axes, "learning rate")
    low, high = float(lrs.min()), float(lrs.max())
    if max(-low, high) > _LARGEST_DRAWN:
        raise UsageError(
            f"LRs from {lr_text(low)} to {lr_text(high)} cannot be drawn; lrsched trace writes them"
        )
    # One notation per axis: 0.075 beside 0.1, but 5e-4 beside 1e-3.
    plain = high >= _PLAIN_TICKS_FROM
    number = FuncFormatter(lambda value, _: f"{value:.6g}" if plain else lr_text(value))
    positive = lrs[lrs > 0]
    if style.log_y and positive.size:
        axes.set_yscale("log", nonpositive="mask")
        lowest = float(positive.min())
        decades = math.log10(high / lowest) if high > lowest else 1.0
        axes.set_ylim(lowest / 10 ** (0.06 * decades), high * 10 ** (0.07 * decades))
        if decades < 1:  # between two decades an axis has round numbers of its own
            axes.yaxis.set_major_locator(numbers_for(axes, most=5))
        else:
            few = decades < 2.5  # noqa: PLR2004 - then decades alone leave an axis nearly without numbers
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1,), numticks=8))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: lr_text(value)))
        return
    span = (high - min(low, 0)) or 1.0
    axes.set_ylim(min(low, 0) - (0.05 * span if low < 0 else 0), max(high, 0) + 0.08 * span)
    axes.yaxis.set_major_locator(numbers_for(axes, most=7))
    axes.yaxis.set_major_formatter(number)


def numbers_for(axes: Axes, most: int, least: int = 2) -> MaxNLocator:
    """Where the y axis has numbers: as many as there is room for, up to ``most``, at round values."""
    room = int(inches_of_panel(axes)[1] / _NUMBER_HEIGHT)
    return MaxNLocator(max(least, min(most, room)), steps=[1, 2, 2.5, 5, 10])


def scale_setting_axis(axes: Axes, name: str, values: Floats) -> None:
    """Limits and numbers of an axis that shows a setting; it need not begin at 0, but shows what changes."""
    name_axis(axes, name)
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    span = max(high - low, _SMALLEST_SHARE * max(abs(low), abs(high))) or 1.0
    axes.set_ylim(low - 0.1 * span, high + 0.1 * span)
    low_panel = inches_of_panel(axes)[1] < _LOW_PANEL and low < high
    axes.yaxis.set_major_locator(FixedLocator([low, high]) if low_panel else numbers_for(axes, most=4))
    plain = max(abs(low), abs(high)) >= _PLAIN_TICKS_FROM
    number = FuncFormatter(lambda value, _: f"{value:.6g}" if plain else lr_text(value, 6))
    axes.yaxis.set_major_formatter(number)


def name_axis(axes: Axes, name: str) -> None:
    """Name the y axis; the name of a panel too low for it stands above the panel's corner."""
    figure, height = _figure_of(axes), inches_of_panel(axes)[1] + _GAP
    points = _fitting_points(figure, name, height)
    if points >= _SMALLEST_NAME:
        axes.set_ylabel(name, fontsize=points, parse_math=False)
        return
    text = fitted(figure, name, inches_of_panel(axes)[0], _SMALLEST_NAME)
    words: dict[str, Any] = {"rotation": 0, "ha": "left", "va": "bottom", "parse_math": False}
    axes.set_ylabel(text, fontsize=_SMALLEST_NAME, **words)
    axes.yaxis.set_label_coords(_CORNER / inches_of_panel(axes)[0], 1.0)


def align_names(panels: Sequence[Axes]) -> None:
    """Write the names of the y axes below each other, left of the longest number."""
    numbers = (
        inches_of(_figure_of(axes), axes.yaxis.get_major_formatter()(value), _NUMBER)
        for axes in panels
        for value in axes.get_yticks()
        if axes.get_ylim()[0] <= value <= axes.get_ylim()[1]
    )
    widest = max(numbers, default=0.0)
    for axes in panels:
        if axes.yaxis.label.get_rotation():
            axes.yaxis.set_label_coords(-(widest + _BESIDE) / inches_of_panel(axes)[0], 0.5)


def _figure_of(axes: Axes) -> Figure:
    figure = axes.figure
    if not isinstance(figure, Figure):
        raise TypeError("a panel stands on a page")
    return figure


def _fitting_points(figure: Figure, name: str, inches: float) -> float:
    """The size of letters at which a name is no longer than so many inches; no larger than names are."""
    return min(_NAME, 0.97 * _NAME * inches / inches_of(figure, name, _NAME))


def steps_label(updates_per_step: Sequence[int]) -> str:
    """What the rows of traces count: scheduler steps, or the updates between them."""
    every = set(updates_per_step)
    if every == {1}:
        return "scheduler step"
    return f"update (a scheduler step every {every.pop():,})" if len(every) == 1 else "update"


def share_steps(panels: Sequence[Axes], first: float, last: float, label: str = "scheduler step") -> None:
    """The panels show the steps from ``first`` to ``last``, numbered below the lowest one."""
    for axes in panels:
        axes.set_xlim(first, last)
        axes.xaxis.set_major_locator(
            MaxNLocator(
                max(2, min(8, int(inches_of_panel(axes)[0] / 0.5))), steps=[1, 2, 2.5, 5, 10], integer=True
            )
        )
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: count_text(value)))
        axes.tick_params(labelbottom=axes is panels[-1])
    figure, width = _figure_of(panels[-1]), inches_of_panel(panels[-1])[0]
    points = max(_SMALLEST_NAME, _fitting_points(figure, label, width))
    panels[-1].set_xlabel(fitted(figure, label, width, points), fontsize=points)
