"""A resume check in a picture: the LRs without interruption, resumed ones over them, their distance below."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lrsched_cli.analysis.group_numbers import LR
from lrsched_cli.analysis.resume.recipes import COMPLETE
from lrsched_cli.core.numbers_text import whole_text
from lrsched_cli.report.axes import scale_lr_axis, share_steps
from lrsched_cli.report.captions import Caption
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
    share,
    write_caption,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from lrsched_cli.analysis.resume.results import ResumeReport
    from lrsched_cli.analysis.resume.verify import Curves

    Floats = NDArray[np.float64]

MAX_TAILS = 24
"""Resumed runs that are drawn; more could not be told apart."""
_SEVERAL = 2


class _Tail(NamedTuple):
    """A resumed run whose LRs are others, and its look: a colour for its recipe."""

    recipe: str
    save_at: int
    lrs: Floats
    colour: str


def resume_caption(report: ResumeReport, curves: Curves, version: str) -> Caption:
    """What was resumed, how many runs go on otherwise, which settings but LRs differ, version and hash."""
    digest = hashlib.sha256(curves.reference.tobytes())
    for key, lrs in curves.resumed.items():
        digest.update(repr(key).encode() + lrs.tobytes())
    runs = f"{whole_text(len(report.results))} resumed run{'s' * (len(report.results) != 1)}"
    others, failed = len(curves.resumed), sum(one.failure is not None for one in report.results)
    said = f"{whole_text(others)} with other LRs" if others else "with the same LRs"
    if failed:
        said = (
            f"{whole_text(others)} with other LRs, {whole_text(failed)} failed"
            if others
            else f"{whole_text(failed)} failed"
        )
    shown = f", {MAX_TAILS} of them drawn" if others > MAX_TAILS else ""
    with_settings, names = _other_settings(report)
    if with_settings:
        shown += f" · {whole_text(with_settings)} with other {', '.join(names)}"
    return Caption(
        title=f"{report.name}, resumed",
        subtitle=f"{report.scheduler} over {report.optimizer} · {runs}, {said}{shown}",
        settings=f"loop {report.loop} · torch {report.torch_version}",
        stamp=f"lrsched {version} · {digest.hexdigest()[:8]}",
        fingerprint=digest.hexdigest(),
    )


def _other_settings(report: ResumeReport) -> tuple[int, list[str]]:
    """How many runs have other numbers of param groups than LRs, and which: they are not drawn, but told."""
    found: dict[str, None] = {}
    count = 0
    for result in report.results:
        numbers = result.kinds[0] if result.kinds else None
        if numbers is not None and numbers.first is not None:
            quantities = (numbers.first.quantity, *numbers.also)
            names = dict.fromkeys(one.partition(" of ")[0] for one in quantities)
            names.pop(LR, None)
            found |= names
            count += bool(names)
    return count, list(found)


def draw_resumes(report: ResumeReport, curves: Curves, caption: Caption, style: Style) -> Figure:
    """Draw the LR of every update, without interruption (wide and pale) and resumed (thin).

    A colour for each recipe, a line style for each param group; a dot where a resumed run begins. Runs
    with the same LRs are not drawn again. Below: resumed LR minus the one without interruption.
    """
    palette = DARK if style.dark else LIGHT
    figure = page(style, palette)
    tails = _tails(curves, palette)
    entries = _entries(report, tails, palette)
    left = 0.95 / style.width  # a difference of one bit is a long number
    box = (left, 1 - legend_width(figure, entries, style) / style.width - left)
    room = style.height - 1.52
    upper = panel(
        figure, (box[0], share(style, 0.86 + 0.33 * room), box[1], share(style, 0.67 * room)), palette
    )
    lower = panel(figure, (box[0], share(style, 0.72), box[1], share(style, 0.33 * room)), palette)
    share_steps((upper, lower), 1.0, float(max(report.steps, _SEVERAL)), "update")
    _draw_reference(upper, curves.reference, palette, style)
    apart = []
    for tail in tails:
        _draw_tail(upper, tail, tail.lrs, palette, style)
        with np.errstate(invalid="ignore"):  # of two infinities
            distance = tail.lrs - curves.reference[tail.save_at : tail.save_at + len(tail.lrs)]
        _draw_tail(lower, tail, distance, palette, style)
        apart += [one[np.isfinite(one)] for one in distance.T]
    every = [curves.reference, *(tail.lrs for tail in tails)]
    finite = np.concatenate([lrs[np.isfinite(lrs)] for lrs in every])
    scale_lr_axis(upper, finite if len(finite) else np.zeros(1), style)
    scale_distance_axis(lower, apart or [np.zeros(1)], palette, ratio=False)
    write_legend(figure, entries, palette, style, (box[0] + box[1], upper.get_position().y1))
    write_caption(figure, caption, palette, style, box)
    return figure


def _tails(curves: Curves, palette: Palette) -> list[_Tail]:
    """The runs to be drawn: of many, some from the whole range of save points."""
    recipes = list(dict.fromkeys(recipe for recipe, _ in curves.resumed))
    colours = colours_for(palette, 1 + len(recipes))[1:]
    every = [
        _Tail(recipe, save_at, lrs, colours[recipes.index(recipe)])
        for (recipe, save_at), lrs in curves.resumed.items()
        if len(lrs)
    ]
    if len(every) <= MAX_TAILS:
        return every
    places = np.linspace(0, len(every) - 1, MAX_TAILS).round().astype(int)
    return [every[place] for place in places]


def _entries(report: ResumeReport, tails: list[_Tail], palette: Palette) -> list[Entry]:
    wide = {"color": palette.colours[0], "linewidth": WIDE, "alpha": 0.45}
    entries = [Entry("run"), Entry("without interruption", "", wide)]
    for recipe, colour in {tail.recipe: tail.colour for tail in tails}.items():
        name = "resumed" if recipe == COMPLETE else recipe
        entries.append(Entry(name, "", {"color": colour, "linewidth": THIN}, "o"))
    if len(report.groups) > 1:
        entries += [Entry(""), Entry("param group")]
        entries += [
            Entry(name, "", {"color": palette.ink, "linewidth": THIN, "linestyle": dashes(slot, THIN)})
            for slot, name in enumerate(report.groups)
        ]
    return entries


def _draw_reference(axes: Axes, lrs: Floats, palette: Palette, style: Style) -> None:
    for slot, values in enumerate(lrs.T):
        x, y = drawn_points(np.arange(1.0, len(values) + 1), values, int(style.width * style.dpi))
        look: dict[str, Any] = {"color": palette.colours[0], "linewidth": WIDE, "alpha": 0.45}
        axes.plot(x, y, linestyle=dashes(slot, WIDE), solid_capstyle="butt", **look)


def _draw_tail(axes: Axes, tail: _Tail, lrs: Floats, palette: Palette, style: Style) -> None:
    for slot, values in enumerate(lrs.T):
        updates = np.arange(tail.save_at + 1.0, tail.save_at + len(values) + 1)
        x, y = drawn_points(updates, values, int(style.width * style.dpi))
        axes.plot(
            x,
            y,
            color=tail.colour,
            linewidth=THIN,
            linestyle=dashes(slot, THIN),
            marker="o",
            markersize=4.5,
            markerfacecolor=palette.paper,
            markeredgewidth=1.1,
            markevery=[0],
        )
