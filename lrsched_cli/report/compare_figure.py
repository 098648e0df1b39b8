"""Several traces in one picture: their LRs over each other, and below how far they are from the first."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lrsched_cli.analysis.compare import common_rows
from lrsched_cli.analysis.group_matching import match_groups
from lrsched_cli.analysis.group_numbers import LR
from lrsched_cli.analysis.trace import Trace
from lrsched_cli.report.axes import (
    align_names,
    scale_lr_axis,
    scale_setting_axis,
    share_steps,
    steps_label,
)
from lrsched_cli.report.compare_axis import scale_distance_axis
from lrsched_cli.report.compare_legend import Entry, legend_width, write_legend
from lrsched_cli.report.decimation import drawn_points
from lrsched_cli.report.panels import (
    DARK,
    LIGHT,
    THIN,
    WIDE,
    Palette,
    Style,
    colours_for,
    dashes,
    page,
    panel,
    stacked,
    write_caption,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from lrsched_cli.analysis.compare import Comparison
    from lrsched_cli.analysis.stored_trace import StoredTrace
    from lrsched_cli.report.captions import Caption

    Floats = NDArray[np.float64]
    Traces = Mapping[str, Trace | StoredTrace]

# Besides colours: shapes that tell files apart in grey, each at places of its own along the curve.
_MARKERS = ("", "o", "s", "^", "D", "v", "P", "X")
_MARKERS_FROM_FILES = 3
_MARKERS_PER_CURVE = 5

_HEADER = 0.66  # inches
_SHARES = 0.67, 0.33


class _Look(NamedTuple):
    colour: str
    marker: str
    width: float
    alpha: float


class _Slots(NamedTuple):
    """One line style for each group of the first trace and each that has no match there."""

    names: list[str]
    of_file: list[list[int]]


class _Curve(NamedTuple):
    """A group of a file: the points, whose they are (file and slot), and its name."""

    x: Floats
    y: Floats
    file: int
    slot: int
    name: str


def draw_comparison(
    traces: Traces, comparison: Comparison, caption: Caption, style: Style, *, ratio: bool = False
) -> Figure:
    """Draw traces, each under its label: a colour for each file, a line style for each group.

    The second panel shows the difference (or with ``ratio`` the ratio) of each trace to the first at the
    steps that both have; then each setting that one of the runs changes has a panel, up to three. Row 0 is
    left out unless an update runs at it in all of them.
    """
    palette = DARK if style.dark else LIGHT
    figure = page(style, palette)
    slots = _slots(traces)
    looks = _looks(len(traces), palette)
    entries = _entries(comparison, slots, looks, palette)
    left = 0.8 / style.width
    box = (left, 1 - legend_width(figure, entries, style) / style.width - left)
    boxes = stacked(style, _HEADER, _SHARES, below=1, settings=len(comparison.quantities) - 1)
    upper, lower, *others = (panel(figure, (box[0], low, box[1], height), palette) for low, height in boxes)
    settings = comparison.quantities[1 : len(others) + 1]
    above_row_0 = -1 if all(one.summed_as == "optimizer-first" for one in comparison.traces) else 0
    steps = (
        min(one.first_step for one in comparison.traces),
        max(one.last_step for one in comparison.traces),
    )
    share_steps((upper, lower, *others), float(steps[0]), float(steps[1]), _steps_label(traces))
    curves = list(_curves_of(LR, traces, slots, above_row_0))
    _draw(upper, curves, looks, palette, style)
    scale_lr_axis(upper, np.concatenate([curve.y for curve in curves]), style)
    apart = list(_distance_curves(traces, slots, above_row_0, ratio=ratio))
    _draw(lower, apart, looks, palette, style)
    scale_distance_axis(lower, [curve.y for curve in apart], palette, ratio=ratio)
    for axes, name in zip(others, settings, strict=True):
        each = list(_curves_of(name, traces, slots, above_row_0))
        _draw(axes, each, looks, palette, style)
        scale_setting_axis(axes, name, np.concatenate([curve.y for curve in each]))
    if others:
        align_names((upper, lower, *others))
    write_legend(figure, entries, palette, style, (box[0] + box[1], upper.get_position().y1))
    changing = comparison.quantities[1:]
    write_caption(figure, caption.with_settings_left_out(changing, settings), palette, style, box)
    return figure


def _steps_label(traces: Traces) -> str:
    """What the rows count; a stored trace does not say it, and goes by the others."""
    return steps_label([one.updates_per_step for one in traces.values() if isinstance(one, Trace)] or [1])


def _slots(traces: Traces) -> _Slots:
    first, *others = traces.values()
    shown: list[list[str]] = [[name] for name in first.groups]
    of_file = [list(range(len(first.groups)))]
    unmatched: dict[str, int] = {}
    for trace in others:
        matched = {
            match.other_index: match.index for match in match_groups(first.groups, trace.groups).matches
        }
        places = []
        for index, name in enumerate(trace.groups):
            place = matched.get(index, unmatched.get(name, len(shown)))
            if place == len(shown):
                unmatched[name] = place
                shown.append([])
            shown[place] += [] if name in shown[place] else [name]
            places.append(place)
        of_file.append(places)
    return _Slots([" / ".join(names) for names in shown], of_file)


def _looks(files: int, palette: Palette) -> list[_Look]:
    """The first wide and pale, so that it stays visible below another that equals it."""
    colours = colours_for(palette, files)
    markers = cycle(_MARKERS[1:]) if files >= _MARKERS_FROM_FILES else cycle([""])
    others = [_Look(colour, marker, THIN, 1.0) for colour, marker in zip(colours[1:], markers, strict=False)]
    return [_Look(colours[0], "", WIDE, 0.45), *others]


def _entries(comparison: Comparison, slots: _Slots, looks: Sequence[_Look], palette: Palette) -> list[Entry]:
    """The files, with those that equal the first marked, and the groups if there are several."""
    notes = [""] + [" (equal)" if pair.equal else "" for pair in comparison.pairs]
    entries = [Entry("file")]
    entries += [
        Entry(
            trace.label,
            note,
            {"color": look.colour, "linewidth": look.width, "alpha": look.alpha},
            look.marker,
        )
        for trace, note, look in zip(comparison.traces, notes, looks, strict=True)
    ]
    if len(slots.names) > 1:
        entries += [Entry(""), Entry("param group")]
        entries += [
            Entry(name, "", {"color": palette.ink, "linewidth": THIN, "linestyle": dashes(slot, THIN)})
            for slot, name in enumerate(slots.names)
        ]
    return entries


def _curves_of(quantity: str, traces: Traces, slots: _Slots, above: int) -> Iterator[_Curve]:
    """The LRs, or a setting, of each group of each file that has it."""
    for file, (label, trace) in enumerate(traces.items()):
        drawn, values = trace.step > above, trace.number(quantity)
        for group, slot in enumerate(slots.of_file[file]):
            if values is not None and not np.isnan(values[drawn, group]).all():
                name = f"{label}: {trace.groups[group]}"
                yield _Curve(trace.step[drawn], values[drawn, group], file, slot, name)


def _distance_curves(traces: Traces, slots: _Slots, above: int, *, ratio: bool) -> Iterator[_Curve]:
    (_, first), *others = traces.items()
    for file, (label, trace) in enumerate(others, start=1):
        rows, other_rows = common_rows(first, trace)
        for match in match_groups(first.groups, trace.groups).matches:
            ours, theirs = first.lr[rows, match.index], trace.lr[other_rows, match.other_index]
            with np.errstate(all="ignore"):  # a ratio to 0 has no place on the page
                y = theirs / ours if ratio else theirs - ours
            drawn = np.isfinite(y) & (first.step[rows] > above)
            name = f"{label}: {match.other_name}"
            yield _Curve(
                first.step[rows][drawn], y[drawn], file, slots.of_file[file][match.other_index], name
            )


def _draw(
    axes: Axes, curves: Iterable[_Curve], looks: Sequence[_Look], palette: Palette, style: Style
) -> None:
    low, high = axes.get_xlim()
    for curve in curves:
        look = looks[curve.file]
        x, y = drawn_points(curve.x, curve.y, int(style.width * style.dpi))
        axes.plot(
            x,
            y,
            color=look.colour,
            linestyle=dashes(curve.slot, look.width),
            linewidth=look.width,
            solid_capstyle="butt",
            alpha=look.alpha,
            label=curve.name,
            marker=(look.marker or "o") if len(x) == 1 else look.marker,
            markevery=_marked(x, low, high, curve.file / len(looks)),
            **_marker_look(palette),
        )


def _marker_look(palette: Palette) -> dict[str, Any]:
    return {"markersize": 4.5, "markerfacecolor": palette.paper, "markeredgewidth": 1.1}


def _marked(x: Floats, low: float, high: float, shift: float) -> list[int]:
    """The points nearest to a few places along the x axis, which lie elsewhere for every file."""
    if len(x) <= 1:
        return list(range(len(x)))
    places = low + (high - low) * (np.arange(_MARKERS_PER_CURVE) + 0.2 + 0.8 * shift) / _MARKERS_PER_CURVE
    inside = places[(places >= x[0]) & (places <= x[-1])]
    return [int(place) for place in np.unique(np.searchsorted(x, inside))]
