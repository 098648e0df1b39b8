"""What every picture shares: the page, the colours, panels, captions, and texts that fit."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

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

MAX_SETTINGS = 3
"""Panels of settings; further ones are named at the foot."""

FOOT = 0.72  # inches, below the lowest panel
_BETWEEN = 0.14
_LOWEST_PANEL = 0.24
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


class Sheet(NamedTuple):
    """A page on which something is drawn."""

    figure: Figure
    palette: Palette
    style: Style


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


def stacked(
    style: Style, header: float, shares: tuple[float, float], below: int, settings: int
) -> list[tuple[float, float]]:
    """Bottom and height of panels on the page, from above, under a header of so many inches.

    There is a first one, then as many as ``below`` says, then one for each of so many settings: at most
    three of those, and as many as have room. ``shares`` are what the first one and each further one take
    of the height, relative to each other.
    """
    first, further = shares
    for shown in range(min(MAX_SETTINGS, settings), -1, -1):
        count = below + shown
        unit = (style.height - header - FOOT - count * _BETWEEN) / (first + count * further)
        if shown == 0 or unit * further >= _LOWEST_PANEL:
            break
    boxes = []
    top = style.height - header
    for part in (first, *(further for _ in range(count))):
        boxes.append((share(style, top - part * unit), share(style, part * unit)))
        top -= part * unit + _BETWEEN
    return boxes


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
