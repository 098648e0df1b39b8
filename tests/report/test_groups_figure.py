"""The param groups of a model as bars."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from matplotlib.colors import to_rgb

from lrsched_cli import load_schedule
from lrsched_cli.analysis.model_groups import ModelGroups, describe_model_groups
from lrsched_cli.core.model_source import assignment_of
from lrsched_cli.report.groups_figure import amount_text, draw_groups, groups_caption, page_for
from lrsched_cli.report.panels import Style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

TWO = """\
optimizer: {type: AdamW, lr: 1e-3, weight_decay: 0.05}
model: m.txt
param_groups: [{name: decay, match: ["*.w"]}, {name: rest, weight_decay: 0}]
"""
LAYERED = """\
optimizer: {type: AdamW, lr: 1e-3, weight_decay: 0.05}
model: m.txt
no_weight_decay: {dims_below: 2}
layer_decay: {layer: 're:layers\\.(\\d+)\\.', factor: 0.75}
"""


def model(layers: int) -> str:
    return (
        "embed.w [50, 8]\n"
        + "".join(f"layers.{n}.w [8, {8 + n}]\nlayers.{n}.b [8]\n" for n in range(layers))
        + "head.w [1, 8]\n"
    )


def report(text: str = LAYERED, layers: int = 12, names: str | None = None) -> ModelGroups:
    Path("m.txt").write_text(names or model(layers))
    Path("s.yaml").write_text(text)
    return describe_model_groups(*assignment_of(load_schedule("s.yaml")))


def drawn(found: ModelGroups, *, dark: bool = False, size: tuple[float, float] | None = None) -> Figure:
    style = Style(*(size or page_for(found)), dpi=50, dark=dark)
    return draw_groups(found, groups_caption(found, "9.9"), style)


def bars(axes: Axes) -> list[Rectangle]:
    return [patch for patch in axes.patches if patch.get_fill()]  # type: ignore[misc]


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in [*figure.texts, *(one for axes in figure.axes for one in axes.texts)]]


def brightness(colour: object) -> float:
    red, green, blue = to_rgb(colour)  # type: ignore[arg-type]
    return 0.299 * red + 0.587 * green + 0.114 * blue


@pytest.mark.parametrize("layers", [1, 12, 40])
def test_each_group_has_a_bar_as_long_as_it_has_elements(layers: int) -> None:
    found = report(layers=layers)
    axes = drawn(found).axes[0]
    assert [bar.get_width() for bar in bars(axes)] == [one.elements for one in found.groups]
    lowest, highest = sorted(axes.get_ylim())
    assert lowest < 0 < len(found.groups) - 1 < highest


def test_each_bar_is_labelled_with_its_name_its_lr_its_share_and_its_elements() -> None:
    words = texts(drawn(report(TWO)))
    assert {"decay", "rest", "1e-3", "94.7% · 1.7k", "5.3% · 96"} <= set(words)
    assert "s" in words  # the title
    assert "AdamW, 2 param groups · 26 tensors, 1.8k · LR 1e-3 · striped: no weight decay" in words


@pytest.mark.parametrize("dark", [False, True])
def test_a_higher_lr_is_a_stronger_colour_in_grey_too(*, dark: bool) -> None:
    found = report()
    axes = drawn(found, dark=dark).axes[0]
    by_lr = {
        one.lr: brightness(bar.get_facecolor()[:3]) for one, bar in zip(found.groups, bars(axes), strict=True)
    }
    levels = [by_lr[lr] for lr in sorted(by_lr)]
    assert len(levels) == 14
    assert levels == sorted(levels, reverse=not dark)
    assert max(levels) - min(levels) > 0.4


def test_the_colours_are_explained_where_they_differ() -> None:
    figure = drawn(report())
    _, colour_bar = figure.axes
    numbers = [label.get_text() for label in colour_bar.get_xticklabels()]
    assert (numbers[0], numbers[-1]) == ("2.38e-5", "1e-3")
    assert len(numbers) <= 6
    assert len(drawn(report(TWO)).axes) == 1


def test_groups_without_weight_decay_are_striped_where_there_is_room() -> None:
    axes = drawn(report(TWO)).axes[0]
    assert [patch.get_hatch() for patch in axes.patches] == [None, None, "/////"]
    none = report(TWO.replace("0.05", "0"))
    assert not [patch for patch in drawn(none).axes[0].patches if patch.get_hatch()]
    assert "striped" not in groups_caption(none, "9.9").subtitle


def test_unknown_shapes_make_bars_of_tensors() -> None:
    found = report(TWO, names="a.w\nb.w [3]\nb.b\n")
    axes = drawn(found).axes[0]
    assert [bar.get_width() for bar in bars(axes)] == [2, 1]
    assert axes.get_xlabel() == "tensors"
    assert "66.7% · 2" in texts(drawn(found))


@pytest.mark.parametrize("layers", [1, 13, 31, 300])
def test_no_label_lies_over_another_or_off_the_page(layers: int) -> None:
    figure = drawn(report(layers=layers))
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts if text.get_text()]
    page = figure.bbox
    assert all(box.x0 >= page.x0 and box.x1 <= page.x1 and box.y0 >= page.y0 for box in boxes)
    columns: dict[float | None, list[tuple[float, float]]] = {}
    for text, box in zip(figure.axes[0].texts, boxes, strict=True):
        if text.get_text() != "LR":
            column = None if "·" in text.get_text() else round(float(text.get_position()[0]), 6)
            columns.setdefault(column, []).append(((box.y0 + box.y1) / 2, box.height))
    assert len(columns) == 3
    for rows in columns.values():
        middles = sorted(middle for middle, _ in rows)
        assert all(after - before > 0.6 * rows[0][1] for before, after in pairwise(middles))


def test_any_size_of_page_is_drawn() -> None:
    for size in ((3.0, 3.0), (40.0, 3.0), (3.0, 40.0)):
        assert len(bars(drawn(report(), size=size).axes[0])) == 26


def test_groups_without_lr_are_drawn() -> None:
    found = report(TWO.replace("weight_decay: 0}", "weight_decay: 0, lr: 0}"))
    assert len(drawn(found).axes) == 2
    assert len(drawn(report(TWO.replace("lr: 1e-3", "lr: 0"))).axes) == 1


def test_the_page_grows_with_the_groups() -> None:
    assert page_for(report(TWO)) == (8.0, 2.6)
    assert page_for(report(layers=12))[1] == pytest.approx(0.86 + 0.62 + 0.5 + 0.2 * 26)
    assert page_for(report(layers=300))[1] == 40.0


def test_small_amounts_are_whole() -> None:
    assert [amount_text(one) for one in (0, 999, 1000, 10**6, 2 * 10**12)] == ["0", "999", "1k", "1M", "2T"]
