"""A schedule under two batch plans: its LRs over the data seen, and below over the updates."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lrsched_cli.core.numbers_text import count_text
from lrsched_cli.report.axes import inches_of_panel, scale_lr_axis
from lrsched_cli.report.captions import Caption
from lrsched_cli.report.compare_legend import Entry, legend_width, write_legend
from lrsched_cli.report.decimation import decimated
from lrsched_cli.report.panels import (
    DARK,
    DASHES,
    LIGHT,
    THIN,
    WIDE,
    colours_for,
    dashes,
    page,
    panel,
    share,
    write_caption,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from lrsched_cli.analysis.plan_change import PlanChange, RuleChange
    from lrsched_cli.analysis.trace import Trace
    from lrsched_cli.core.clock.clock import Clock
    from lrsched_cli.core.config import Schedule
    from lrsched_cli.report.panels import Palette, Style

    Floats = NDArray[np.float64]

_MARKERS = ("", "o", "s", "^")
_MARKERS_PER_CURVE = 6
_BESIDE_THE_LEGEND = 0.2  # inches: half of the last number on the axis
_DECADES_BELOW = 1e-4
_WIDE_PAGE = 6.0  # inches


class Plan(NamedTuple):
    """A schedule with its clock, and how its batch plan is called."""

    schedule: Schedule
    clock: Clock
    label: str


class _Look(NamedTuple):
    colour: str
    marker: str
    width: float
    alpha: float


class _Curve(NamedTuple):
    """A group's LRs under a plan: the updates, the LRs, the plan's clock, and which of the lines it is."""

    update: Floats
    lr: Floats
    clock: Clock
    line: int
    slot: int
    name: str


def change_caption(now: Plan, new: Plan, version: str) -> Caption:
    """Which plan becomes which, and what the panels show."""
    unit, _ = _common_unit(now.clock, new.clock)
    fingerprint = new.schedule.fingerprint
    lengths = f"{now.clock.updates:,} → {new.clock.updates:,} updates"
    by_rule = " by each batch rule" if now.schedule.batch_size and new.schedule.batch_size else ""
    change = now.label if now.label == new.label else f"{now.label} → {new.label}"
    return Caption(
        title=f"{now.schedule.name}: {change}",
        subtitle=f"{lengths} · learning rates{by_rule}, over {unit} and over updates",
        settings=" · ".join(_headline(now.schedule, new.schedule)),
        stamp=f"lrsched {version} · {fingerprint[:8]}",
        fingerprint=fingerprint,
    )


def _headline(now: Schedule, new: Schedule) -> list[str]:
    """The new schedule in short phrases, its counts as they are written: in steps each plan has its own."""
    counts = {path: one for path, one in new.written_counts.items() if path[0] == "scheduler"}
    numbers = [text for one in counts.values() for text in (count_text(one.value), str(one.value))]
    phrases, of_now = new.family.headline(new), now.family.headline(now)
    kept = [one for one in phrases if one in of_now or not any(number in one for number in numbers)]
    written = [f"{new.key_of(path).removeprefix('scheduler.')} {one.text}" for path, one in counts.items()]
    return [*kept, *(written if kept != phrases else [])]


def draw_change(now: Plan, new: Plan, change: PlanChange, caption: Caption, style: Style) -> Figure:
    """Draw the file's plan wide and pale, the new plan by each rule over it; a line style for each group."""
    palette = DARK if style.dark else LIGHT
    figure = page(style, palette)
    if style.width < _WIDE_PAGE:
        now, new = (one._replace(label=one.label.rpartition(" = ")[2]) for one in (now, new))
        caption = _shortened(caption, now, new)
    looks = _looks(palette)
    entries = _entries(now, new, change, looks, palette)
    left = 0.8 / style.width
    legend = 1 - legend_width(figure, entries, style) / style.width
    width = legend - _BESIDE_THE_LEGEND / style.width - left
    room = (style.height - 2.1) / 2
    upper = panel(figure, (left, share(style, 1.35 + room), width, share(style, room)), palette)
    lower = panel(figure, (left, share(style, 0.72), width, share(style, room)), palette)
    unit, of_moment = _common_unit(now.clock, new.clock)
    shown = _shown_groups(change)
    curves = _curves(now, new, change, shown, int(style.width * style.dpi))
    for axes, x_of, name in ((upper, of_moment, unit), (lower, _updates, "update")):
        _draw(axes, curves, x_of, looks, palette)
        _number_steps(axes, name)
        scale_lr_axis(axes, _worth_an_axis(np.concatenate([one.lr for one in curves]), style), style)
    write_legend(figure, entries, palette, style, (legend, upper.get_position().y1))
    write_caption(figure, caption, palette, style, (left, width))
    return figure


def _shortened(caption: Caption, now: Plan, new: Plan) -> Caption:
    """The same for a narrow page: sizes without what makes them, and lengths alone."""
    change = now.label if now.label == new.label else f"{now.label} → {new.label}"
    lengths, *_ = caption.subtitle.split(" · ")
    return replace(caption, title=f"{now.schedule.name}: {change}", subtitle=lengths)


def _common_unit(now: Clock, new: Clock) -> tuple[str, Callable[[Clock, int], float]]:
    """The unit in which both plans see the same data: epochs, or samples; else the share of the run."""
    if any(one.timeline is None for one in (now, new)):
        return "% of the run", lambda clock, update: float(100 * (clock.at(update).share or 0))
    if all(one.timeline is not None and one.timeline.dataset_size is not None for one in (now, new)):
        return "epochs", lambda clock, update: float(clock.at(update).epochs or 0)
    return "samples", lambda clock, update: float(clock.at(update).samples or 0)


def _updates(clock: Clock, update: int) -> float:
    del clock
    return float(update)


def _looks(palette: Palette) -> list[_Look]:
    first, *others = colours_for(palette, len(_MARKERS))
    rest = zip(others, _MARKERS[1:], strict=True)
    return [_Look(first, "", WIDE, 0.45), *(_Look(colour, marker, THIN, 1.0) for colour, marker in rest)]


def _entries(now: Plan, new: Plan, change: PlanChange, looks: list[_Look], palette: Palette) -> list[Entry]:
    def entry(text: str, look: _Look) -> Entry:
        line = {"color": look.colour, "linewidth": look.width, "alpha": look.alpha}
        return Entry(text, "", line, look.marker)

    entries = [Entry(f"now: {now.label}"), entry("as the file has it", looks[0]), Entry("")]
    entries.append(Entry(f"new: {new.label}"))
    entries += [
        entry(rule.rule + _whose(rule), look) for rule, look in zip(change.rules, looks[1:], strict=False)
    ]
    if not change.rules:
        entries.append(entry("with the changes", looks[1]))
    if len(change.now.groups) > 1:
        entries += [Entry(""), *_group_entries(change, palette)]
    return entries


def _whose(rule: RuleChange) -> str:
    if not rule.is_the_changed_ones:
        return ""
    return " (the file's)" if rule.is_the_files else " (with the changes)"


def _group_entries(change: PlanChange, palette: Palette) -> Iterator[Entry]:
    shown = _shown_groups(change)
    yield Entry("param group" if len(shown) == len(change.now.groups) else "param group (+ others alike)")
    for slot, group in enumerate(shown):
        look = {"color": palette.ink, "linewidth": THIN, "linestyle": dashes(slot, THIN)}
        others = sum(one == group for one in _alike(change)) - 1 if len(shown) < len(change.now.groups) else 0
        yield Entry(change.now.groups[group], f" +{others}" if others else "", look)
    left_out = len(set(_alike(change))) - len(shown)
    if len(change.now.groups) > len(DASHES) and left_out > 0:
        yield Entry(f"{left_out} more not drawn")


def _shown_groups(change: PlanChange) -> list[int]:
    """The groups that are drawn: all where each has a line style of its own, else one of those alike."""
    groups = range(len(change.now.groups))
    if len(groups) <= len(DASHES):
        return list(groups)
    return sorted(set(_alike(change)))[: len(DASHES)]


def _alike(change: PlanChange) -> list[int]:
    """For each group the first one of which its LRs are everywhere the same multiple."""
    traces = (change.now, *change.by_rule.values())
    peaks = np.max([np.abs(trace.lr).max(axis=0) for trace in traces], axis=0)
    found: list[int] = []
    for group, peak in enumerate(peaks):
        of_peak = [(one, peaks[one]) for one in dict.fromkeys(found) if bool(peaks[one]) == bool(peak)]
        found.append(
            next(
                (
                    one
                    for one, its in of_peak
                    if all(_is_multiple(trace.lr[:, group], trace.lr[:, one], peak, its) for trace in traces)
                ),
                group,
            )
        )
    return found


def _is_multiple(one: Floats, other: Floats, peak: float, other_peak: float) -> bool:
    return np.allclose(one * other_peak, other * peak, rtol=1e-9, atol=1e-12 * peak * other_peak)


def _worth_an_axis(lrs: Floats, style: Style) -> Floats:
    """On a logarithmic axis the LRs a few decades below the peak: a cosine ends at 1e-11 of it."""
    if not style.log_y:
        return lrs
    shown: Floats = lrs[lrs >= _DECADES_BELOW * lrs.max()]
    return shown


def _curves(now: Plan, new: Plan, change: PlanChange, shown: Sequence[int], columns: int) -> list[_Curve]:
    traces: Mapping[str, Trace] = {"now": change.now, **change.by_rule}
    curves = []
    for line, (label, trace) in enumerate(traces.items()):
        # An update's own number and LR, whichever of the trace's rows it runs at.
        updates = np.arange(1.0, trace.steps + 1)
        for slot, group in enumerate(shown):
            x, y = decimated(updates, trace.lr[trace.updates, group], columns)
            clock = now.clock if line == 0 else new.clock
            curves.append(_Curve(x, y, clock, line, slot, f"{label}: {trace.groups[group]}"))
    return curves


def _draw(
    axes: Axes,
    curves: list[_Curve],
    x_of: Callable[[Clock, int], float],
    looks: list[_Look],
    palette: Palette,
) -> None:
    for curve in curves:
        look = looks[curve.line]
        x = np.array([x_of(curve.clock, int(update)) for update in curve.update])
        shift = curve.line / len(looks)
        marked = (np.arange(_MARKERS_PER_CURVE) + 0.2 + 0.8 * shift) / _MARKERS_PER_CURVE * x[-1]
        axes.plot(
            x,
            curve.lr,
            color=look.colour,
            linestyle=dashes(curve.slot, look.width),
            linewidth=look.width,
            alpha=look.alpha,
            solid_capstyle="butt",
            label=curve.name,
            marker=(look.marker or "o") if len(x) == 1 else look.marker,
            markevery=np.unique(np.searchsorted(x, marked[marked <= x[-1]])).tolist(),
            markersize=4.5,
            markerfacecolor=palette.paper,
            markeredgewidth=1.1,
        )


def _number_steps(axes: Axes, name: str) -> None:
    axes.set_xlim(0, max(float(line.get_xdata()[-1]) for line in axes.lines))  # type: ignore[index,arg-type]
    most = max(2, min(8, int(inches_of_panel(axes)[0] / 0.5)))
    axes.xaxis.set_major_locator(MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: count_text(value)))
    axes.set_xlabel(name, fontsize=9.5)
