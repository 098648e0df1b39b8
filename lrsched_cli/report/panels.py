"""What every picture shares: the page, the colours, panels, axes, captions, and texts that fit."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from lrsched_cli.report.numbers_text import count_text, lr_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from matplotlib.axes import Axes

    from lrsched_cli.report.captions import Caption

# The colours of Okabe and Ito (2008), which the colour-blind can tell apart, strong ones first; in dark
# pictures their light ones. Dashes tell the lines apart in grey.
_LIGHT_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#8C6D00", "#56B4E9", "#000000")
_DARK_COLOURS = ("#56B4E9", "#E69F00", "#2BC79A", "#E28EBB", "#F0E442", "#FF7A45", "#FFFFFF")
DASHES: tuple[Any, ...] = (
    "-",
    (0, (7, 2)),
    (0, (2.5, 1.2)),
    (0, (7, 1.5, 1.5, 1.5)),
    (0, (1, 1)),
    (0, (10, 2)),
)

THIN, WIDE = 1.3, 3.6
"""Widths of curves, in points: the wide one stays visible below a thin one that equals it."""

_PLAIN_TICKS_FROM = 0.1
_NUMBER_HEIGHT = 0.22  # inches
MAX_HAIRLINES = 60
"""Restarts beyond this number are too narrow to be drawn."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a picture looks: size in inches, dots per inch, light or dark, linear or logarithmic LRs."""

    width: float = 8.0
    height: float = 5.0
    dpi: int = 200
    dark: bool = False
    log_y: bool = False


class Palette(NamedTuple):
    """The colours of a page; ``colours`` are those of the curves."""

    paper: str
    ink: str
    soft: str
    grid: str
    colours: tuple[str, ...]


LIGHT = Palette("#ffffff", "#1b1f24", "#6a717b", "#e3e6ea", _LIGHT_COLOURS)
DARK = Palette("#14171c", "#e8eaed", "#9aa3ad", "#2a2f37", _DARK_COLOURS)


def page(style: Style, palette: Palette) -> Figure:
    """An empty page, on which texts can be measured."""
    figure = Figure(figsize=(style.width, style.height), dpi=style.dpi, facecolor=palette.paper)
    FigureCanvasAgg(figure)
    return figure


def colours_for(palette: Palette, count: int) -> list[str]:
    """As many colours that can be told apart: the palette's, or more of them along a wide range."""
    if count <= len(palette.colours):
        return list(palette.colours[:count])
    return [to_hex(colormaps["turbo"](0.05 + 0.9 * place / (count - 1))) for place in range(count)]


def dashes(slot: int, width: float) -> Any:
    """The line style of the param group at ``slot``.

    matplotlib stretches dashes with the line's width, which must not change them here.
    """
    style = DASHES[slot % len(DASHES)]
    return style if isinstance(style, str) else (style[0], tuple(one * THIN / width for one in style[1]))


def share(style: Style, inches: float) -> float:
    """Inches as a share of the page's height."""
    return inches / style.height


def panel(figure: Figure, box: tuple[float, float, float, float], palette: Palette) -> Axes:
    """Empty axes in the look of the page; ``box`` is left, bottom, width and height."""
    axes: Axes = figure.add_axes(box, facecolor="none")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(palette.soft)
    axes.grid(color=palette.grid, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(colors=palette.soft, labelcolor=palette.ink, labelsize=9, length=3.5, width=0.8)
    return axes


def inches_of_panel(axes: Axes) -> tuple[float, float]:
    """A panel's width and height on the page."""
    extent = axes.get_window_extent()
    return extent.width / axes.figure.dpi, extent.height / axes.figure.dpi


def scale_lr_axis(axes: Axes, lrs: np.ndarray[Any, np.dtype[np.float64]], style: Style) -> None:
    """Limits and numbers of an axis that shows ``lrs``."""
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


def share_steps(upper: Axes, lower: Axes, first: float, last: float) -> None:
    """Both panels show the steps from ``first`` to ``last``, numbered below the lower one."""
    for axes in (upper, lower):
        axes.set_xlim(first, last)
        axes.xaxis.set_major_locator(
            MaxNLocator(
                max(2, min(8, int(inches_of_panel(axes)[0] / 0.5))), steps=[1, 2, 2.5, 5, 10], integer=True
            )
        )
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: count_text(value)))
    upper.tick_params(labelbottom=False)
    lower.set_xlabel("scheduler step", fontsize=9.5)


def spread(wanted: Sequence[float], spacing: float, low: float, high: float) -> list[float]:
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


def write_caption(
    figure: Figure, caption: Caption, palette: Palette, style: Style, box: tuple[float, float]
) -> None:
    """Title and subtitle at the top, settings and stamp at the foot, over panels at ``box`` (left, width)."""
    left = box[0]
    width = style.width * (1 - left) - 0.1
    margin = 0.14
    title = fitted(figure, caption.title, width, 13, "bold")
    subtitle = fitted(figure, caption.subtitle, width, 9)
    stamp = inches_of(figure, caption.stamp, 7)
    settings = fitted(figure, caption.settings, style.width - 2 * margin - 0.2 - stamp, 7)
    top, bottom = 1 - share(style, 0.14), share(style, 0.1)
    words: dict[str, Any] = {"parse_math": False, "va": "top"}
    figure.text(left, top, title, fontsize=13, fontweight="bold", color=palette.ink, **words)
    figure.text(left, 1 - share(style, 0.40), subtitle, fontsize=9, color=palette.soft, **words)
    words["va"] = "bottom"
    figure.text(margin / style.width, bottom, settings, fontsize=7, color=palette.soft, **words)
    corner = 1 - margin / style.width
    figure.text(corner, bottom, caption.stamp, fontsize=7, color=palette.soft, ha="right", **words)
    for axes in figure.axes:
        axes.xaxis.label.set_color(palette.ink)
        axes.yaxis.label.set_color(palette.ink)


def inches_of(figure: Figure, text: str, points: float, weight: str = "normal") -> float:
    """How wide a text is when it is drawn."""
    drawn = Text(0, 0, text, fontsize=points, fontweight=weight, parse_math=False, figure=figure)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a letter that the font lacks is drawn as a box, and as wide
        return float(drawn.get_window_extent().width) / figure.dpi


def fitted(figure: Figure, text: str, inches: float, points: float, weight: str = "normal") -> str:
    """The text, or as much of it as fits, with an ellipsis."""
    shown = text
    while shown and (width := inches_of(figure, shown, points, weight)) > inches:
        keep = min(len(shown) - 2, int(len(shown) * inches / width))
        shown = text[: max(keep, 0)] + "…" if keep > 0 else ""
    return shown
