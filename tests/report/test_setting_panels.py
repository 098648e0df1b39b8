"""Panels of what changes besides the LR, and curves of schedulers that have no law: by the Figure's data."""

from __future__ import annotations

import io
import itertools
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from matplotlib.colors import to_hex

from lrsched_cli import dry_run, load_schedule
from lrsched_cli.report.captions import Caption
from lrsched_cli.report.figure import Style, draw

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from lrsched_cli import Trace

CAPTION = Caption("a title", "a subtitle", "some settings", "lrsched 1.2.3 · abcd1234", "f" * 64)
STEP_LR = """
    steps: 12
    optimizer: {type: SGD, lr: 1.0}
    scheduler: {type: StepLR, step_size: 4, gamma: 0.5}
    """
ONE_CYCLE = """
    steps: 40
    optimizer: {type: SGD, lr: 0.1, momentum: 0.9}
    param_groups: [{name: a}, {name: b}, {name: c}]
    scheduler:
      {type: OneCycleLR, max_lr: [0.1, 0.2, 0.1], total_steps: 41, base_momentum: [0.8, 0.7, 0.8]}
    """


def trace_of(text: str) -> Trace:
    Path("one.yaml").write_text(text)
    return dry_run(load_schedule("one.yaml"))


def with_settings(trace: Trace, settings: Mapping[str, Sequence[float]]) -> Trace:
    """The trace, with settings that all groups share."""
    columns = {name: np.repeat([values], len(trace.groups), axis=0).T for name, values in settings.items()}
    return replace(trace, settings=columns)


def changing(count: int, rows: int = 41) -> dict[str, Sequence[float]]:
    return {f"setting_{number}": np.linspace(0, 1 + number, rows).tolist() for number in range(count)}


def drawn(trace: Trace, caption: Caption = CAPTION, **style: Any) -> Figure:
    figure = draw(trace, caption, Style(**{"dpi": 100, **style}))
    figure.draw_without_rendering()
    return figure


def curves(axes: Axes) -> dict[str, Line2D]:
    return {str(line.get_label()): line for line in axes.lines if not str(line.get_label()).startswith("_")}


def points(line: Line2D) -> list[tuple[float, float]]:
    pairs = zip(np.asarray(line.get_xdata()), np.asarray(line.get_ydata()), strict=True)
    return [(float(x), float(y)) for x, y in pairs]


def foot(figure: Figure) -> str:
    low = [one for one in figure.texts if one.get_position()[1] < 0.05]
    (text,) = (one for one in low if one.get_horizontalalignment() == "left")
    return text.get_text()


def test_each_setting_has_a_panel_below_the_multiplier_under_its_name() -> None:
    figure = drawn(with_settings(trace_of(ONE_CYCLE), changing(3)))
    names = [axes.get_ylabel() for axes in figure.axes]
    assert names == ["learning rate", "multiplier", "setting_0", "setting_1", "setting_2"]
    for above, below in itertools.pairwise(figure.axes):
        assert above.get_position().y0 > below.get_position().y1
        assert above.get_position().width == below.get_position().width
        assert above.get_xlim() == below.get_xlim() == (0, 40)
    heights = [axes.get_position().height for axes in figure.axes]
    assert heights[0] > 2 * heights[1]
    assert heights[1:] == pytest.approx([heights[1]] * 4)


def test_a_panel_shows_the_numbers_of_the_groups_and_those_that_coincide_as_one_line() -> None:
    trace = trace_of(ONE_CYCLE)
    upper, _, momentum = drawn(trace).axes
    assert list(curves(momentum)) == ["a, c", "b"]
    for name, group in (("a, c", 0), ("b", 1)):
        assert points(curves(momentum)[name]) == list(
            zip(trace.step.tolist(), trace.settings["momentum"][:, group].tolist(), strict=True)
        )
        assert curves(momentum)[name].get_color() == curves(upper)[name].get_color()
    low, high = momentum.get_ylim()
    assert 0.6 < low < 0.7
    assert 0.95 < high < 1


def test_a_setting_that_all_groups_share_is_one_line_in_ink() -> None:
    upper, lower, axes = drawn(with_settings(trace_of(ONE_CYCLE), changing(1))).axes
    (line,) = curves(axes).values()
    assert line.get_color() not in {one.get_color() for one in curves(upper).values()}
    assert line.get_linestyle() == "-"
    assert list(curves(axes)) == ["a, b, c"]
    assert list(curves(lower)) == ["a, b, c"]


def test_a_group_without_the_setting_has_no_line() -> None:
    trace = trace_of(ONE_CYCLE)
    momentum = trace.settings["momentum"].copy()
    momentum[:, 1] = math.nan
    axes = drawn(replace(trace, settings={"momentum": momentum})).axes[2]
    assert list(curves(axes)) == ["a, c"]
    assert np.isfinite(axes.get_ylim()).all()


@pytest.mark.parametrize(("size", "shown"), [((8, 5), 3), ((16, 9), 3), ((5, 3), 1), ((4, 2.5), 0)])
def test_settings_without_a_panel_are_named_at_the_foot(size: tuple[float, float], shown: int) -> None:
    trace = with_settings(trace_of(ONE_CYCLE), changing(4))
    figure = drawn(trace, width=size[0], height=size[1])
    assert [axes.get_ylabel() for axes in figure.axes][2:] == list(trace.settings)[:shown]
    rest = ", ".join(list(trace.settings)[shown:])
    told = f"not drawn, but changing too: {rest} · some settings"
    assert foot(figure) == told or (foot(figure).endswith("…") and told.startswith(foot(figure)[:-1]))


def test_nothing_is_said_where_everything_is_drawn() -> None:
    assert foot(drawn(trace_of(ONE_CYCLE))) == "some settings"


@pytest.mark.parametrize("size", [(8, 5), (5, 3.5), (4, 3), (12, 4)], ids=str)
@pytest.mark.parametrize("count", [1, 3])
def test_names_of_panels_stay_on_the_page_and_apart(size: tuple[float, float], count: int) -> None:
    settings = {
        f"a_very_long_setting_{number}[0]": values for number, values in enumerate(changing(3).values())
    }
    trace = with_settings(trace_of(ONE_CYCLE), dict(list(settings.items())[:count]))
    figure = drawn(trace, width=size[0], height=size[1])
    boxes = [axes.yaxis.label.get_window_extent() for axes in figure.axes]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
    for box in [*boxes, figure.axes[-1].xaxis.label.get_window_extent()]:
        assert figure.bbox.x0 <= box.x0
        assert figure.bbox.y0 <= box.y0
    numbers = [label.get_window_extent() for axes in figure.axes for label in axes.get_yticklabels()]
    assert not any(box.overlaps(number) for box in boxes for number in numbers if number.width)


def test_warm_up_and_restarts_are_marked_in_every_panel() -> None:
    trace = dry_run(load_schedule("default"), 900)
    figure = drawn(with_settings(trace, changing(2, 901)))
    assert len(figure.axes) == 4
    for axes in figure.axes:
        (shade,) = axes.patches
        assert shade.get_extents().transformed(axes.transData.inverted()).intervalx[1] == pytest.approx(200)
        hairlines = [line for line in axes.lines if len(set(np.asarray(line.get_xdata()).tolist())) == 1]
        assert [float(np.asarray(line.get_xdata())[0]) for line in hairlines] == trace.restarts(0).tolist()


def test_sixty_groups_are_named_or_counted_beside_panels_of_settings() -> None:
    groups = ", ".join(f"{{name: g{number}, lr: {number + 1}e-3}}" for number in range(60))
    text = f"""
        steps: 20
        optimizer: {{type: SGD, momentum: 0.9}}
        param_groups: [{groups}]
        scheduler: {{type: CyclicLR, base_lr: {[1e-3 * n for n in range(60)]}, max_lr: 0.1, step_size_up: 9}}
        """
    figure = drawn(trace_of(text))
    right = figure.axes[0].get_position().x1
    beside = [one for one in figure.texts if one.get_position()[0] > right and one.get_position()[1] > 0.05]
    named = [one.get_text() for one in beside if one.get_text().startswith("g")]
    (more,) = (one.get_text() for one in beside if one.get_text().startswith("+"))
    assert len(named) + int(more.split()[0]) == 60
    boxes = [one.get_window_extent() for one in beside]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))


def test_a_logarithmic_picture_has_linear_settings() -> None:
    scales = [axes.get_yscale() for axes in drawn(trace_of(ONE_CYCLE), log_y=True).axes]
    assert scales == ["log", "linear", "linear"]


@pytest.mark.parametrize("values", [[1e-8, 2e-8], [0.999, 0.9999], [0, 0.05], [-1, 1], [1e300, 1.5e300]])
def test_a_setting_lies_inside_its_panel_with_numbers_that_tell_it(values: list[float]) -> None:
    trace = trace_of(ONE_CYCLE)
    axes = drawn(with_settings(trace, {"one": np.linspace(values[0], values[1], 41).tolist()})).axes[2]
    low, high = axes.get_ylim()
    assert low < values[0] < values[1] < high
    assert high - low < 2 * (values[1] - values[0])
    texts = [
        label.get_text()
        for place, label in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True)
        if low <= place <= high
    ]
    assert len(set(texts)) == len(texts) >= 2
    assert all(len(text) <= 8 for text in texts)


def test_a_staircase_is_drawn_with_steps() -> None:
    upper, lower = drawn(trace_of(STEP_LR)).axes
    expected = [(0, 1), (1, 1), (2, 1), (3, 1), (4, 1), (4, 0.5), (5, 0.5), (6, 0.5), (7, 0.5), (8, 0.5)]
    assert points(upper.lines[0])[:11] == [*expected, (8, 0.25)]
    assert points(lower.lines[0]) == points(upper.lines[0])


def test_an_lr_that_is_held_for_an_epoch_is_drawn_held() -> None:
    text = STEP_LR.replace("StepLR, step_size: 4, gamma: 0.5", "ExponentialLR, gamma: 0.5")
    upper, lower = drawn(trace_of(f"step_every: epoch\nsteps_per_epoch: 6\n{text.replace('    ', '')}")).axes
    assert points(upper.lines[0])[5:9] == [(5, 1), (6, 1), (6, 0.5), (7, 0.5)]
    assert lower.get_xlabel() == "update (a scheduler step every 6)"


def test_the_x_axis_counts_scheduler_steps_where_each_update_has_one() -> None:
    assert drawn(trace_of(STEP_LR)).axes[-1].get_xlabel() == "scheduler step"


@pytest.mark.parametrize(("loop", "first"), [("optimizer-first", 0), ("scheduler-first", 1)])
def test_the_multiplier_of_a_scheduler_without_a_law_begins_with_the_lr(loop: str, first: int) -> None:
    text = STEP_LR.replace("    ", "")
    for axes in drawn(trace_of(f"loop: {loop}\n{text}")).axes:
        assert points(axes.lines[0])[0] == (first, 1)


def test_the_multiplier_of_the_projects_scheduler_begins_with_its_first_step() -> None:
    _, lower = drawn(dry_run(load_schedule("default"), 20)).axes
    assert points(lower.lines[0])[0][0] == 1


def test_a_base_lr_of_0_has_no_multiplier_and_leaves_the_axes_whole() -> None:
    trace = trace_of(STEP_LR.replace("lr: 1.0", "lr: 0.0"))
    upper, lower = drawn(trace).axes
    assert len(curves(upper)) == 1
    assert curves(lower) == {}
    assert [text.get_text() for text in lower.texts] == ["none: the base LR is 0"]
    for axes in (upper, lower):
        low, high = axes.get_ylim()
        assert low <= 0 < high < math.inf


def test_a_base_lr_of_0_in_one_group_leaves_the_others_their_multiplier() -> None:
    groups = "param_groups: [{name: a, lr: 0.0}, {name: b}]\n"
    _, lower = drawn(trace_of(groups + STEP_LR.replace("    ", ""))).axes
    assert list(curves(lower)) == ["b"]
    assert len(lower.texts) == 0
    assert lower.get_ylim() == pytest.approx((0, 1.1))


def test_a_dark_picture_of_settings_is_light_on_dark_in_every_format() -> None:
    figure = drawn(trace_of(ONE_CYCLE), dark=True)
    for axes in figure.axes:
        for line in axes.lines:
            code = to_hex(line.get_color())
            assert sum(int(code[place : place + 2], 16) for place in (1, 3, 5)) > 0.45 * 765
    for suffix in ("png", "svg", "pdf"):
        file = io.BytesIO()
        figure.savefig(file, format=suffix)
        assert len(file.getvalue()) > 5_000


@pytest.mark.parametrize("name", ["$x$", "a_b", "\\alpha", "100%"])
def test_names_of_settings_are_written_literally(name: str) -> None:
    figure = drawn(with_settings(trace_of(ONE_CYCLE), {name: changing(1)["setting_0"]}))
    assert figure.axes[2].get_ylabel() == name
    assert not figure.axes[2].yaxis.label.get_parse_math()
