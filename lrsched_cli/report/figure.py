"""A trace as a picture: the LRs of the param groups above, the multiplier below, then what else changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import FuncFormatter

from lrsched_cli.core.numbers_text import lr_text
from lrsched_cli.report.axes import (
    align_names,
    name_axis,
    numbers_for,
    scale_lr_axis,
    scale_setting_axis,
    share_steps,
    steps_label,
)
from lrsched_cli.report.courses import courses_of, mark_courses
from lrsched_cli.report.group_curves import (
    Rows,
    curves_like,
    curves_of,
    draw_curves,
    labels_for,
    width_of,
    write_labels,
)
from lrsched_cli.report.panels import DARK, LIGHT, Sheet, Style, page, panel, stacked, write_caption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from lrsched_cli.analysis.trace import Trace
    from lrsched_cli.report.captions import Caption
    from lrsched_cli.report.group_curves import Curve

    Floats = NDArray[np.float64]

__all__ = ["Style", "draw"]

_SHARES = 0.72, 0.28


def draw(trace: Trace, caption: Caption, style: Style) -> Figure:
    """Draw a trace. The x axis counts its rows; row 0 is left out where no update runs at it.

    Groups whose LRs coincide share one line and one label. An LR that is held is drawn held: as a step, not
    as a slope. Each setting that changes has a panel of its own, up to three; where they have no room, or
    there are more, they are named at the foot. At most a few points are drawn per pixel column, the
    highest and the lowest among them, so that a million steps cost what a thousand do and no peak is lost.
    """
    palette = DARK if style.dark else LIGHT
    sheet = Sheet(page(style, palette), palette, style)
    curves = curves_of(trace.lr, palette.colours)
    courses = courses_of(trace)
    header = 0.84 if len(courses) == 1 else 0.72
    boxes = stacked(style, header, _SHARES, below=1, settings=len(trace.settings))
    settings = tuple(trace.settings)[: len(boxes) - 2]
    low = boxes[-2][0]  # the labels may stand beside all panels but the last
    labels = labels_for(sheet, trace, curves, (sum(boxes[0]) - low) * style.height)
    left = 0.8 / style.width
    box = (left, 1 - (0.6 + width_of(sheet, labels)) / style.width - left)
    panels = [panel(sheet.figure, (box[0], bottom, box[1], height), palette) for bottom, height in boxes]
    _draw_lrs(sheet, panels[0], trace, curves)
    _draw_multipliers(sheet, panels[1], trace, curves)
    for axes, name in zip(panels[2:], settings, strict=True):
        _draw_setting(sheet, axes, trace, curves, name)
    if settings:
        align_names(panels)
    share_steps(panels, float(trace.step[0]), float(trace.step[-1]), steps_label([trace.updates_per_step]))
    colours = {group: curve.colour for curve in curves for group in curve.groups}
    mark_courses(sheet, panels, trace, courses, [colours[group] for group in range(len(trace.groups))])
    write_labels(sheet, panels[0], labels, low, len(curves) - len(labels))
    caption = caption.with_settings_left_out(trace.settings, settings)
    write_caption(sheet.figure, caption, palette, style, box)
    return sheet.figure


def _first_row(trace: Trace) -> int:
    """Row 0 is left out where no update runs at it; a look ahead begins with an LR that one has run at."""
    return 0 if trace.loop == "optimizer-first" or trace.step[0] > 0 else 1


def _draw_lrs(sheet: Sheet, axes: Axes, trace: Trace, curves: Sequence[Curve]) -> None:
    first = _first_row(trace)
    draw_curves(sheet, axes, curves, Rows(trace, trace.lr, first), width=1.7)
    scale_lr_axis(axes, trace.lr[first:], sheet.style)


def _draw_multipliers(sheet: Sheet, axes: Axes, trace: Trace, curves: Sequence[Curve]) -> None:
    first = _first_row(trace)
    if trace.factors and trace.step[0] == 0:  # a law applies none before its first step
        first = 1
    alike = curves_like(curves, trace.scale[first:], sheet.palette.ink)
    draw_curves(sheet, axes, alike, Rows(trace, trace.scale, first), width=1.4)
    _scale_multiplier_axis(axes, trace.scale[first:], sheet)


def _draw_setting(sheet: Sheet, axes: Axes, trace: Trace, curves: Sequence[Curve], name: str) -> None:
    first, values = _first_row(trace), trace.settings[name]
    alike = curves_like(curves, values[first:], sheet.palette.ink)
    draw_curves(sheet, axes, alike, Rows(trace, values, first), width=1.4)
    scale_setting_axis(axes, name, values[first:])


def _scale_multiplier_axis(axes: Axes, scales: Floats, sheet: Sheet) -> None:
    name_axis(axes, "multiplier")
    finite = scales[np.isfinite(scales)]
    if not finite.size:  # where the base LR is 0, nothing can be said
        axes.set_yticks([])
        words: dict[str, Any] = {"color": sheet.palette.soft, "fontsize": 9, "ha": "center", "va": "center"}
        axes.text(0.5, 0.5, "none: the base LR is 0", transform=axes.transAxes, **words)
        return
    low, high = min(float(finite.min()), 0.0), max(float(finite.max()), 0.0)
    span = (high - low) or 1.0
    axes.set_ylim(low - (0.05 * span if low < 0 else 0), high + 0.1 * span)
    axes.yaxis.set_major_locator(numbers_for(axes, most=4))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _multiplier_text(value)))


def _multiplier_text(value: float) -> str:
    return f"{value:.6g}" if abs(value) < 1e5 else lr_text(value)  # noqa: PLR2004 - a base LR near 0
