"""The param groups of a real model as bars: as long as they have parameters, coloured by their LR."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from matplotlib import colormaps
from matplotlib.colors import Colormap, LinearSegmentedColormap, LogNorm, Normalize
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from lrsched_cli.core.numbers_text import count_text, lr_text, share_text
from lrsched_cli.report.captions import Caption
from lrsched_cli.report.panels import (
    DARK,
    LIGHT,
    Palette,
    Style,
    fitted,
    inches_of,
    page,
    panel,
    write_caption,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lrsched_cli.analysis.model_groups import ModelGroup, ModelGroups

_HEADER, _FOOT = 0.86, 0.62  # inches
_BAR_LEGEND = 0.5  # below the axis, where the LRs differ
_ROW, _LOWEST_ROW = 0.2, 0.09
_SHORTEST_PAGE, _TALLEST_PAGE = 2.6, 40.0
_LARGEST_FONT = 8.5
_SHORTEST_STRIPED = 0.01  # of the longest bar
_LOG_FROM = 3.0  # times the lowest LR
_MOST_LR_NUMBERS = 6
_NAME_SHARE = 0.36  # of the page's width, at most


class _Lengths(NamedTuple):
    """How long the bars are, what that is called, and the words beside each."""

    values: tuple[int, ...]
    unit: str
    words: tuple[str, ...]


def page_for(report: ModelGroups) -> tuple[float, float]:
    """Width and height in inches that give each bar room enough."""
    room = _HEADER + _FOOT + (_BAR_LEGEND if len(_lrs(report)) > 1 else 0)
    return 8.0, min(max(room + _ROW * len(report.groups), _SHORTEST_PAGE), _TALLEST_PAGE)


def groups_caption(report: ModelGroups, version: str) -> Caption:
    """The model and its size above the bars, the version below them."""
    lrs = _lrs(report)
    at = f"LR {lr_text(lrs[0])}" if len(lrs) == 1 else f"LR {lr_text(lrs[0])} to {lr_text(lrs[-1])}"
    count = f"{len(report.groups)} param group{'' if len(report.groups) == 1 else 's'}"
    striped = ["striped: no weight decay"] if any(_striped(report.groups)) else []
    size = f"{report.tensors:,} tensors" + (f", {amount_text(report.elements)}" if report.elements else "")
    return Caption(
        title=report.name,
        subtitle=" · ".join([f"{report.optimizer}, {count}", size, at, *striped]),
        settings=report.source,
        stamp=f"lrsched {version} · {report.fingerprint[:8]}",
        fingerprint=report.fingerprint,
    )


def draw_groups(report: ModelGroups, caption: Caption, style: Style) -> Figure:
    """A bar per param group, in the optimizer's order, with its LR, its elements and their share.

    Where a shape is unknown the bars count tensors. Striped bars have no weight decay while others do. The
    colours get darker, or in dark pictures lighter, with the LR, so that they can be told apart in grey.
    """
    palette = DARK if style.dark else LIGHT
    figure = page(style, palette)
    lengths = _lengths(report)
    lrs = _lrs(report)
    foot = _FOOT + (_BAR_LEGEND if len(lrs) > 1 else 0)
    row = (style.height - _HEADER - foot) / len(report.groups)
    points = min(_LARGEST_FONT, max(row, 0.01) * 72 * 0.82)
    every = max(1, math.ceil(_LOWEST_ROW / max(row, 0.001)))
    points = max(points, 0.82 * 72 * _LOWEST_ROW) if every > 1 else points
    names = [fitted(figure, one.name, _NAME_SHARE * style.width, points) for one in report.groups]
    numbers = [lr_text(one.lr, 3) for one in report.groups]
    name_room = max(inches_of(figure, name, points) for name in names)
    lr_room = max(inches_of(figure, number, points) for number in [*numbers, "LR"])
    left = (0.14 + name_room + 0.16 + lr_room + 0.1) / style.width
    width = 1 - left - 0.16 / style.width
    box = (left, foot / style.height, width, 1 - (_HEADER + foot) / style.height)
    axes = panel(figure, box, palette)
    colours, norm = _colours(lrs, palette), _norm(lrs)
    _draw_bars(axes, report, lengths, [colours(norm(one.lr)) for one in report.groups], palette)
    _write_words(axes, figure, lengths, palette, (points, every))
    _scale(axes, lengths)
    right_of_lr = -0.1 / (style.width * width)
    right_of_name = right_of_lr - (lr_room + 0.16) / (style.width * width)
    words: dict[str, Any] = {"ha": "right", "transform": axes.get_yaxis_transform(), "parse_math": False}
    for place in range(0, len(names), every):
        look: dict[str, Any] = {"fontsize": points, "va": "center_baseline", **words}
        axes.text(right_of_name, place, names[place], color=palette.ink, **look)
        axes.text(right_of_lr, place, numbers[place], color=palette.soft, **look)
    above = {**words, "transform": axes.transAxes}
    axes.text(right_of_lr, 1.0, "LR", color=palette.soft, fontsize=points, va="bottom", **above)
    if len(lrs) > 1:
        _draw_colour_bar(figure, (left, width), style, palette, (colours, norm, lrs))
    write_caption(figure, caption, palette, style, (0.14 / style.width, 1.0))
    return figure


def amount_text(elements: int) -> str:
    """A number of elements in three digits.

    >>> amount_text(768), amount_text(1536), amount_text(85_798_656), amount_text(7_000_000_000)
    ('768', '1.54k', '85.8M', '7B')
    """
    for size, unit in ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k")):
        if elements >= size:
            return f"{elements / size:.3g}{unit}"
    return str(elements)


def _lrs(report: ModelGroups) -> list[float]:
    return sorted({one.lr for one in report.groups})


def _lengths(report: ModelGroups) -> _Lengths:
    if report.unknown:
        counts = tuple(one.tensors for one in report.groups)
        of_all = [count / report.tensors for count in counts]
        return _Lengths(counts, "tensors", _words(of_all, map(str, counts)))
    elements = tuple(one.elements for one in report.groups)
    return _Lengths(
        elements, "elements", _words([one.share for one in report.groups], map(amount_text, elements))
    )


def _words(shares: Sequence[float | None], amounts: Any) -> tuple[str, ...]:
    return tuple(f"{share_text(share)} · {amount}" for share, amount in zip(shares, amounts, strict=True))


def _norm(lrs: Sequence[float]) -> Normalize:
    low, high = lrs[0], lrs[-1]
    if low > 0 and high / low >= _LOG_FROM:
        return LogNorm(low, high)
    return Normalize(low if low < high else 0.0, high or 1.0)


def _colours(lrs: Sequence[float], palette: Palette) -> Colormap:
    """From weak to strong on this page; a part of viridis that is neither paper nor ink."""
    dark = palette is DARK
    ends = (0.92, 0.18) if not dark else (0.25, 0.95)
    if len(lrs) == 1:
        ends = (0.35, 0.35) if not dark else (0.7, 0.7)
    viridis = colormaps["viridis"]
    steps = [viridis(ends[0] + (ends[1] - ends[0]) * part / 63) for part in range(64)]
    return LinearSegmentedColormap.from_list("lr", steps)


def _draw_bars(
    axes: Axes, report: ModelGroups, lengths: _Lengths, colours: Sequence[Any], palette: Palette
) -> None:
    striped = _striped(report.groups)
    widest = max(lengths.values) or 1
    for place, (value, colour, stripes) in enumerate(zip(lengths.values, colours, striped, strict=True)):
        # An edge of its own colour keeps the shortest bar visible, which stripes would hide.
        axes.barh(place, value, height=0.72, color=colour, edgecolor=colour, linewidth=0.8)
        if stripes and value > _SHORTEST_STRIPED * widest:
            axes.barh(
                place, value, height=0.72, fill=False, hatch="/////", edgecolor=palette.paper, linewidth=0
            )


def _striped(groups: Sequence[ModelGroup]) -> list[bool]:
    """Which groups have no weight decay, where others have one."""
    some = any(one.weight_decay for one in groups)
    return [some and not one.weight_decay for one in groups]


def _write_words(
    axes: Axes, figure: Figure, lengths: _Lengths, palette: Palette, look: tuple[float, int]
) -> None:
    """Share and number of elements right of each bar's end, in font size and for each so-many-th bar."""
    points, every = look
    inches = axes.get_window_extent().width / figure.dpi
    room = max(inches_of(figure, word, points) for word in lengths.words) + 0.12
    longest = max(lengths.values) or 1
    axes.set_xlim(0, longest * inches / max(inches - room, 0.2 * inches))
    for place in range(0, len(lengths.words), every):
        axes.annotate(
            lengths.words[place],
            (lengths.values[place], place),
            xytext=(4, 0),
            textcoords="offset points",
            fontsize=points,
            color=palette.ink,
            va="center_baseline",
            parse_math=False,
            annotation_clip=False,
        )


def _scale(axes: Axes, lengths: _Lengths) -> None:
    axes.set_ylim(len(lengths.values) - 0.4, -0.6)
    axes.yaxis.set_major_locator(NullLocator())
    axes.spines["left"].set_visible(False)
    axes.grid(visible=False, axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10], integer=True))
    axes.xaxis.set_major_formatter(
        FuncFormatter(
            lambda value, _: amount_text(int(value)) if lengths.unit == "elements" else count_text(value)
        )
    )
    axes.set_xlabel(lengths.unit, fontsize=9.5)


def _draw_colour_bar(
    figure: Figure,
    box: tuple[float, float],
    style: Style,
    palette: Palette,
    scale: tuple[Colormap, Normalize, Sequence[float]],
) -> None:
    """What colour is which LR, with numbers at the LRs themselves where these are few."""
    colours, norm, lrs = scale
    left, width = box
    axes = figure.add_axes((left, 0.44 / style.height, width, 0.1 / style.height))
    axes.imshow(
        [[part / 255 for part in range(256)]],
        aspect="auto",
        cmap=colours,
        extent=(0, 1, 0, 1),
        vmin=0,
        vmax=1,
    )
    shown = lrs if len(lrs) <= _MOST_LR_NUMBERS else _spread_over(lrs, norm)
    places = [float(norm(one)) for one in shown]
    axes.set_xticks(places, [lr_text(one, 3) for one in shown])
    axes.yaxis.set_major_locator(NullLocator())
    axes.tick_params(colors=palette.soft, labelcolor=palette.ink, labelsize=8, length=2.5, width=0.8)
    axes.spines[:].set_visible(False)
    axes.set_ylabel("LR", rotation=0, ha="right", va="center", fontsize=9, color=palette.ink)


def _spread_over(lrs: Sequence[float], norm: Normalize) -> list[float]:
    """The lowest, the highest, and what is nearest to even steps in between."""
    steps = [part / (_MOST_LR_NUMBERS - 1) for part in range(_MOST_LR_NUMBERS)]
    return sorted({min(lrs, key=lambda one: abs(float(norm(one)) - step)) for step in steps})
