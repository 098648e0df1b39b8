"""A changed plan on resume in one picture: both plans and what really happens, and how far that is off."""

from __future__ import annotations

import hashlib
from itertools import cycle
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.patheffects import withStroke

from lrsched_cli.core.numbers_text import whole_text
from lrsched_cli.report.axes import scale_lr_axis, share_steps
from lrsched_cli.report.captions import Caption
from lrsched_cli.report.compare_axis import scale_distance_axis
from lrsched_cli.report.compare_legend import Entry, legend_width, write_legend
from lrsched_cli.report.compare_tables import value_text
from lrsched_cli.report.decimation import drawn_points
from lrsched_cli.report.forecast_verdict import outcome
from lrsched_cli.report.panels import (
    DARK,
    LIGHT,
    Palette,
    Style,
    inches_of,
    page,
    panel,
    share,
    write_caption,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from lrsched_cli.analysis.forecast.results import Forecast

    Floats = NDArray[np.float64]

OLD, REALLY, NEW = "old plan", "really", "new plan"
_DASHES: dict[str, Any] = {OLD: (0, (6, 3)), REALLY: "-", NEW: (0, (1, 1.7))}
_WIDTHS = {OLD: 1.0, REALLY: 3.4, NEW: 1.3}  # points
_RIM = 2.2
_MARKERS = ("", "o", "s", "^", "D", "v", "P", "X")  # tell groups apart in grey
_MARKERS_PER_CURVE = 5


class _Curve(NamedTuple):
    """A group under a plan: the points, and whose they are."""

    x: Floats
    y: Floats
    plan: str
    group: int


def forecast_caption(forecast: Forecast, version: str) -> Caption:
    """Who goes on as what, the verdict, the settings that differ, version and a hash of what is drawn."""
    old, new, said = forecast.old_name, forecast.new_name, outcome(forecast)
    fingerprint = _fingerprint(forecast)
    return Caption(
        title=f"{old}, resumed as {new}" if old != new else f"{old}, resumed with another plan",
        subtitle=f"{said[0].upper()}{said[1:]}.",
        settings=" · ".join(
            f"{one.key} {value_text(one.checkpoint)} → {value_text(one.file)}" for one in forecast.settings
        ),
        stamp=f"lrsched {version} · {fingerprint[:8]}",
        fingerprint=fingerprint,
    )


def _fingerprint(forecast: Forecast) -> str:
    """A hash (64 hex digits) of everything that is drawn."""
    digest = hashlib.sha256(repr((forecast.save_at, [one.group for one in forecast.groups])).encode())
    for lrs in (forecast.curves.old, forecast.curves.really, forecast.curves.new):
        digest.update(repr(lrs.shape).encode() + np.ascontiguousarray(lrs).tobytes())
    return digest.hexdigest()


def draw_forecast(forecast: Forecast, caption: Caption, style: Style) -> Figure:
    """Draw the three curves of each group by update: a line style for each plan, a colour for each group.

    The lower panel shows the ratio of what really happens, and of the new plan, to the old plan, from the
    save point on. Groups whose curves coincide share one line and one name.
    """
    palette = DARK if style.dark else LIGHT
    figure = page(style, palette)
    shared = _shared_groups(forecast)
    entries = _entries(forecast, shared, palette)
    left = 0.8 / style.width
    box = (left, 1 - legend_width(figure, entries, style) / style.width - left)
    room = style.height - 1.66
    upper = panel(
        figure, (box[0], share(style, 0.86 + 0.33 * room), box[1], share(style, 0.67 * room)), palette
    )
    lower = panel(figure, (box[0], share(style, 0.72), box[1], share(style, 0.33 * room)), palette)
    share_steps((upper, lower), 1.0, float(max(forecast.old_end, forecast.new_end)), "update")
    curves = list(_lr_curves(forecast, shared))
    _draw(upper, curves, palette, style)
    scale_lr_axis(upper, np.concatenate([curve.y for curve in curves]), style)
    ratios = list(_ratios(forecast, shared))
    _draw(lower, ratios, palette, style)
    scale_distance_axis(lower, [curve.y for curve in ratios], palette, ratio=True)
    lower.set_ylabel("÷ old plan", fontsize=9.5)
    if forecast.old_end == forecast.save_at:
        lower.texts[0].set_text("the old plan has ended")
    _mark_save_point(figure, (upper, lower), forecast.save_at, palette, style)
    write_legend(figure, entries, palette, style, (box[0] + box[1], upper.get_position().y1))
    write_caption(figure, caption, palette, style, box)
    return figure


def _shared_groups(forecast: Forecast) -> dict[int, list[str]]:
    """The groups that are drawn, each with the names of all that have the same three curves."""
    curves = (forecast.curves.old, forecast.curves.really, forecast.curves.new)
    first: dict[tuple[bytes, ...], int] = {}
    names: dict[int, list[str]] = {}
    for index, group in enumerate(forecast.groups):
        place = first.setdefault(tuple(lrs[:, index].tobytes() for lrs in curves), index)
        names.setdefault(place, []).append(group.group)
    return names


def _entries(forecast: Forecast, shared: dict[int, list[str]], palette: Palette) -> list[Entry]:
    entries = [Entry("plan")]
    entries += [Entry(plan, "", _line(plan, palette.ink)) for plan in (OLD, REALLY, NEW)]
    if len(forecast.groups) > 1:
        entries += [Entry(""), Entry("param group")]
        looks = _looks(shared, palette)
        entries += [
            Entry(", ".join(names), "", _line(REALLY, looks[group][0]), looks[group][1])
            for group, names in shared.items()
        ]
    return entries


def _looks(shared: Iterable[int], palette: Palette) -> dict[int, tuple[str, str]]:
    """Colour and marker of each group that is drawn."""
    return dict(zip(shared, zip(cycle(palette.colours), cycle(_MARKERS), strict=False), strict=False))


def _line(plan: str, colour: str) -> dict[str, Any]:
    return {"color": colour, "linewidth": _WIDTHS[plan], "linestyle": _DASHES[plan]}


def _lr_curves(forecast: Forecast, shared: Iterable[int]) -> Iterator[_Curve]:
    """What really happens lies below; the old plan is drawn where it may be another, from the save point."""
    for plan, lrs, start in (
        (REALLY, forecast.curves.really, 0),
        (OLD, forecast.curves.old, forecast.save_at - (forecast.old_end > forecast.save_at)),
        (NEW, forecast.curves.new, 0),
    ):
        for group in shared if start < len(lrs) else ():
            yield _Curve(np.arange(start + 1.0, len(lrs) + 1.0), lrs[start:, group], plan, group)


def _ratios(forecast: Forecast, shared: Iterable[int]) -> Iterator[_Curve]:
    start = forecast.save_at
    for plan, lrs in ((REALLY, forecast.curves.really), (NEW, forecast.curves.new)):
        end = min(len(lrs), forecast.old_end)
        for group in shared:
            with np.errstate(all="ignore"):  # a ratio to 0 has no place on the page
                y = lrs[start:end, group] / forecast.curves.old[start:end, group]
            drawn = np.isfinite(y)
            yield _Curve(np.arange(start + 1.0, end + 1.0)[drawn], y[drawn], plan, group)


def _draw(axes: Axes, curves: Sequence[_Curve], palette: Palette, style: Style) -> None:
    looks = _looks(dict.fromkeys(curve.group for curve in curves), palette)
    low, high = axes.get_xlim()
    for curve in curves:
        colour, marker = looks[curve.group]
        x, y = drawn_points(curve.x, curve.y, int(style.width * style.dpi))
        really = curve.plan == REALLY
        axes.plot(
            x,
            y,
            **_line(curve.plan, colour),
            label=f"{curve.plan} {curve.group}",
            marker=(marker or "o") if len(x) == 1 else marker if really else "",
            markevery=_marked(x, low, high, list(looks).index(curve.group) / len(looks)),
            markersize=5,
            markerfacecolor=palette.paper,
            markeredgewidth=1.2,
            solid_capstyle="butt",
            # A rim of paper shows a thin line on the strong one of its colour, and leaves an edge of that.
            path_effects=None if really else [withStroke(linewidth=_RIM, foreground=palette.paper)],
        )


def _marked(x: Floats, low: float, high: float, shift: float) -> list[int]:
    """The points nearest to a few places along the x axis, which lie elsewhere for every group."""
    if len(x) <= 1:
        return list(range(len(x)))
    places = low + (high - low) * (np.arange(_MARKERS_PER_CURVE) + 0.2 + 0.8 * shift) / _MARKERS_PER_CURVE
    inside = places[(places >= x[0]) & (places <= x[-1])]
    return [int(place) for place in np.unique(np.searchsorted(x, inside))]


def _mark_save_point(
    figure: Figure, panels: Iterable[Axes], save_at: int, palette: Palette, style: Style
) -> None:
    """A hairline in both panels, and above them after which update the checkpoint was saved."""
    for axes in panels:
        axes.axvline(save_at + 0.5, color=palette.ink, linewidth=0.9, linestyle=(0, (4, 2)), zorder=1.8)
    left, bottom, width, height = figure.axes[0].get_position().bounds
    low, high = figure.axes[0].get_xlim()
    text = f"saved after update {whole_text(save_at)}"
    half = inches_of(figure, text, 8) / style.width / 2
    x = left + width * (save_at + 0.5 - low) / (high - low)
    inside = min(max(x, left + half), left + width - half)
    figure.text(
        inside, bottom + height + 0.008, text, color=palette.ink, fontsize=8, ha="center", va="bottom"
    )
