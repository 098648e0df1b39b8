"""The axis that shows how far traces are from the first: differences, or ratios."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from lrsched_cli.core.numbers_text import lr_text
from lrsched_cli.report.axes import inches_of_panel, name_axis, numbers_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from lrsched_cli.report.panels import Palette

    Floats = NDArray[np.float64]

_LOGARITHMIC_FROM = 10.0  # ratios that lie further apart
_NUMBER_HEIGHT = 0.22  # inches
_SMALLEST_RATIO_SPAN = 1e-4  # below it an axis has no numbers to show


def scale_distance_axis(axes: Axes, values: Sequence[Floats], palette: Palette, *, ratio: bool) -> None:
    """Limits, numbers and zero line (or the line of ratio 1) of an axis that shows ``values``."""
    name_axis(axes, "ratio" if ratio else "difference")
    unity = 1.0 if ratio else 0.0
    axes.axhline(unity, color=palette.soft, linewidth=0.8, zorder=1.5)
    every = np.concatenate([*values, [unity]])
    low, high = float(every.min()), float(every.max())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _number(value, ratio=ratio)))
    if low == high:
        _say_equal(axes, palette, unity, drawn=any(len(one) for one in values))
    elif ratio and low > 0 and high / low > _LOGARITHMIC_FROM:
        _logarithmic(axes, low, high)
    else:
        span = max(high - low, _SMALLEST_RATIO_SPAN if ratio else 0.0)
        axes.set_ylim(low - 0.08 * span, high + 0.08 * span)
        axes.yaxis.set_major_locator(numbers_for(axes, most=5, least=1))


def _number(value: float, *, ratio: bool) -> str:
    return lr_text(value, 6) if not ratio or 0 < value < 1e-3 else f"{value:.6g}"  # noqa: PLR2004


def _say_equal(axes: Axes, palette: Palette, unity: float, *, drawn: bool) -> None:
    axes.set_ylim(unity - 1, unity + 1)
    axes.set_yticks([unity])
    text = "no difference" if drawn else "no common steps"
    axes.text(
        0.5, 0.75, text, transform=axes.transAxes, color=palette.soft, fontsize=9, ha="center", va="center"
    )


def _logarithmic(axes: Axes, low: float, high: float) -> None:
    axes.set_yscale("log")
    margin = (high / low) ** 0.08
    axes.set_ylim(low / margin, high * margin)
    few = math.log10(high / low) < 2  # noqa: PLR2004 - then decades alone leave an axis nearly without numbers
    axes.yaxis.set_major_locator(
        LogLocator(
            subs=(1, 2, 5) if few else (1,), numticks=max(3, min(6, int(inches_of_panel(axes)[1] / 0.22)))
        )
    )
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _number(value, ratio=True)))
