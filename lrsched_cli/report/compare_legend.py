"""The legend of a comparison: beside the panels, where it covers no curve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from matplotlib.lines import Line2D

from lrsched_cli.report.panels import fitted, inches_of, share

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.figure import Figure

    from lrsched_cli.report.panels import Palette, Style

_LINE = 0.19  # inches from one line of the legend to the next
_POINTS = 9.0
_SMALLEST_POINTS = 5.5
_SAMPLE = (0.12, 0.52)  # inches from the panels to where a sample begins and ends
_TEXT = 0.60
_MARGIN = 0.12
_WIDEST = 0.36  # of the page


class Entry(NamedTuple):
    """A line of the legend: a heading, or a name, a note that is never cut, and the look of its curves."""

    text: str
    note: str = ""
    look: Mapping[str, Any] | None = None
    marker: str = ""


def legend_width(figure: Figure, entries: Sequence[Entry], style: Style) -> float:
    """The inches that the legend takes: those of its longest line, but no more than a good third."""
    longest = max(inches_of(figure, entry.text + entry.note, _POINTS) for entry in entries)
    return min(_TEXT + longest + _MARGIN, _WIDEST * style.width)


def write_legend(
    figure: Figure, entries: Sequence[Entry], palette: Palette, style: Style, corner: tuple[float, float]
) -> None:
    """Write the legend downwards from ``corner``; smaller, and cut at the end, where there are many lines."""
    right, top = corner
    room = (top - share(style, 0.45)) * style.height
    spacing = max(min(_LINE, room / len(entries)), _LINE * _SMALLEST_POINTS / _POINTS)
    points = _POINTS * spacing / _LINE
    fitting = int(room / spacing + 1e-9)
    shown = list(entries) if len(entries) <= fitting else list(entries[: fitting - 1])
    if len(shown) < len(entries):
        shown.append(Entry(f"+{len(entries) - len(shown)} more"))
    width = (1 - right) * style.width - _TEXT - _MARGIN + 0.01  # what fits must not fail by a rounding
    for place, entry in enumerate(shown):
        y = top - share(style, (place + 0.3) * spacing)
        note = inches_of(figure, entry.note, points)
        wider = _TEXT - _SAMPLE[0] if entry.look is None else 0.0
        text = fitted(figure, entry.text, width + wider - note, points) + entry.note
        x = right + (_SAMPLE[0] if entry.look is None else _TEXT) / style.width
        colour = palette.soft if entry.look is None else palette.ink
        figure.text(x, y, text, color=colour, fontsize=points, va="center_baseline", parse_math=False)
        if entry.look is not None:
            figure.add_artist(_sample(entry, y, right, palette, style))


def _sample(entry: Entry, y: float, right: float, palette: Palette, style: Style) -> Line2D:
    start, end = (right + inches / style.width for inches in _SAMPLE)
    return Line2D(
        (start, (start + end) / 2, end),
        (y, y, y),
        solid_capstyle="butt",
        **(entry.look or {}),
        marker=entry.marker,
        markevery=[1],
        markersize=4.5,
        markerfacecolor=palette.paper,
        markeredgewidth=1.1,
    )
