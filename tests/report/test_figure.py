"""The picture of a trace, read back from the Figure's own data: lines, texts, limits and extents."""

from __future__ import annotations

import io
import itertools
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D

from lrsched_cli import dry_run, load_schedule
from lrsched_cli.analysis.trace import Trace
from lrsched_cli.core.law import Factors, Position
from lrsched_cli.report.captions import Caption
from lrsched_cli.report.figure import Style, draw

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text
    from numpy.typing import ArrayLike

CAPTION = Caption("a title", "a subtitle", "some settings", "lrsched 1.2.3 · abcd1234", "f" * 64)
MILLION = 1_000_000
AT_MOST_A_FEW_THOUSAND = 8_000


def trace_of(
    columns: Sequence[ArrayLike],
    names: Iterable[str] = (),
    *,
    loop: str = "optimizer-first",
    warmup_end: int = 0,
    restarts: Sequence[int] = (),
) -> Trace:
    lr = np.column_stack([np.asarray(one, dtype=np.float64) for one in columns])
    rows, groups = lr.shape
    row = np.arange(rows, dtype=np.float64)
    cycle = np.searchsorted(np.asarray(restarts, dtype=np.float64), row, side="right").astype(np.float64)
    since = np.where(cycle > 0, 0.0, np.maximum(row - warmup_end, 0.0))
    state = {"cycle": cycle, "T_cur": since, "T_i": np.full(rows, 10.0)}
    return Trace(
        name="made",
        groups=tuple(names) or tuple(f"group {index}" for index in range(groups)),
        loop=loop,
        step=row,
        batch_size=np.full(rows, np.nan),
        lr=lr,
        base_lr=lr[0],
        scale=np.ones_like(lr),
        factors={name: np.ones_like(lr) for name in Factors._fields},
        state={key: np.repeat(state[key][:, None], groups, axis=1) for key in Position._fields},
    )


def falling(rows: int = 50, count: int = 1) -> list[np.ndarray[Any, np.dtype[np.float64]]]:
    return [np.linspace(1e-3 * (index + 1), 1e-5 * (index + 1), rows) for index in range(count)]


def drawn(trace: Trace, caption: Caption = CAPTION, **style: Any) -> Figure:
    figure = draw(trace, caption, Style(**{"dpi": 100, **style}))
    figure.draw_without_rendering()
    return figure


def from_yaml(yaml: str, tmp_path: Any) -> Trace:
    file = tmp_path / "one.yaml"
    file.write_text(yaml)
    return dry_run(load_schedule(file))


def is_hairline(line: Line2D) -> bool:
    return len(set(np.asarray(line.get_xdata()).tolist())) == 1 and len(np.asarray(line.get_xdata())) == 2


def curves(axes: Axes) -> dict[str, Line2D]:
    return {str(line.get_label()): line for line in axes.lines if not is_hairline(line)}


def hairlines(axes: Axes) -> list[tuple[float, str]]:
    found = [line for line in axes.lines if is_hairline(line)]
    return [(float(np.asarray(line.get_xdata())[0]), to_hex(line.get_color())) for line in found]


def points(line: Line2D) -> tuple[Any, Any]:
    return np.asarray(line.get_xdata()), np.asarray(line.get_ydata())


def labels(figure: Figure) -> list[Text]:
    """The texts that stand right of the panels, but the stamp at the foot of the page."""
    return [
        text
        for text in figure.texts
        if text.get_position()[0] > figure.axes[0].get_position().x1 and text.get_position()[1] > 0.05
    ]


def shown(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.texts]


def numbers(axes: Axes) -> list[str]:
    low, high = axes.get_ylim()
    ticks = zip(axes.get_yticks(), axes.get_yticklabels(), strict=True)
    return [label.get_text() for place, label in ticks if low <= place <= high]


def overlapping(texts: Iterable[Text]) -> list[tuple[str, str]]:
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts]
    return [(one, other) for (one, a), (other, b) in itertools.combinations(boxes, 2) if a.overlaps(b)]


def outside_the_page(figure: Figure) -> list[str]:
    page = figure.bbox
    boxes = [(text.get_text(), text.get_window_extent()) for text in figure.texts]
    return [
        text
        for text, box in boxes
        if box.x0 < page.x0 or box.x1 > page.x1 or box.y0 < page.y0 or box.y1 > page.y1
    ]


def test_the_lrs_stand_above_the_multiplier_over_the_same_steps() -> None:
    upper, lower = drawn(trace_of(falling(101))).axes
    assert (upper.get_ylabel(), lower.get_ylabel()) == ("learning rate", "multiplier")
    assert upper.get_xlim() == lower.get_xlim() == (0, 100)
    assert upper.get_position().y0 > lower.get_position().y1
    assert (upper.get_position().x0, upper.get_position().x1) == (
        lower.get_position().x0,
        lower.get_position().x1,
    )


def test_the_x_axis_counts_scheduler_steps() -> None:
    _, lower = drawn(trace_of(falling())).axes
    assert re.fullmatch("scheduler steps?", lower.get_xlabel())


def test_each_group_of_its_own_has_its_own_line_in_its_own_look() -> None:
    trace = trace_of(falling(count=6))
    lines = curves(drawn(trace).axes[0])
    assert list(lines) == list(trace.groups)
    assert len({line.get_color() for line in lines.values()}) == 6
    for index, line in enumerate(lines.values()):
        assert points(line)[1].tolist() == trace.lr[:, index].tolist()


def test_six_lines_differ_in_their_dashes_too() -> None:
    lines = drawn(trace_of(falling(count=6))).axes[0].lines
    patterns = {str(getattr(line, "_unscaled_dash_pattern", None)) for line in lines}
    assert len(patterns) == 6


def test_groups_that_coincide_share_one_line_that_names_them_all() -> None:
    one, other = falling(count=2)
    figure = drawn(trace_of([one, other, one], ["a", "b", "c"]))
    assert list(curves(figure.axes[0])) == ["a, c", "b"]
    assert [label.get_text() for label in labels(figure)] == ["a, c", "b"]


def test_one_line_stands_for_many_coinciding_groups() -> None:
    figure = drawn(trace_of(falling() * 9, [f"g{index}" for index in range(9)]))
    assert list(curves(figure.axes[0])) == ["g0, g1, g2, g3, g4, g5, g6, g7, g8"]
    (label,) = labels(figure)
    named = re.findall(r"g\d", label.get_text())
    assert named[0] == "g0"
    assert len(named) + sum(map(int, re.findall(r"\+(\d+)", label.get_text()))) == 9


def test_the_multiplier_has_one_line_where_all_groups_share_it() -> None:
    _, lower = drawn(trace_of(falling(count=3), ["a", "b", "c"])).axes
    assert list(curves(lower)) == ["a, b, c"]


def test_a_multiplier_line_has_the_colour_of_a_group_that_it_belongs_to() -> None:
    trace = trace_of(falling(count=3), ["a", "b", "c"])
    trace.scale[:, 2] = 0.5
    upper, lower = drawn(trace).axes
    colours = {name: line.get_color() for name, line in curves(upper).items()}
    for names, line in curves(lower).items():
        assert line.get_color() in {colours[name] for name in names.split(", ")}


@pytest.mark.parametrize(("loop", "first"), [("optimizer-first", 0), ("scheduler-first", 1)])
def test_row_0_is_drawn_only_where_an_update_runs_at_it(loop: str, first: int) -> None:
    upper, lower = drawn(trace_of(falling(), loop=loop)).axes
    assert points(upper.lines[0])[0][0] == first
    assert points(lower.lines[0])[0][0] == 1


def test_a_look_ahead_begins_at_the_current_step() -> None:
    trace = trace_of(falling(101))
    upper, lower = drawn(replace(trace, step=trace.step + 700)).axes
    assert upper.get_xlim() == lower.get_xlim() == (700, 800)
    assert points(upper.lines[0])[0][0] == points(lower.lines[0])[0][0] == 700


def test_the_warm_up_is_shaded_from_0_to_its_end() -> None:
    for axes in drawn(trace_of(falling(), warmup_end=20)).axes:
        (shade,) = axes.patches
        assert shade.get_extents().transformed(axes.transData.inverted()).intervalx.round(6).tolist() == [
            0,
            20,
        ]


def test_nothing_is_shaded_without_a_warm_up() -> None:
    assert [len(axes.patches) for axes in drawn(trace_of(falling())).axes] == [0, 0]


def test_restarts_are_hairlines_in_both_panels() -> None:
    for axes in drawn(trace_of(falling(), restarts=(10, 30))).axes:
        assert [step for step, _ in hairlines(axes)] == [10, 30]
        assert max(line.get_linewidth() for line in axes.lines if is_hairline(line)) < 1


def test_each_stretch_is_named_above_its_own_steps() -> None:
    figure = drawn(trace_of(falling(101), warmup_end=20, restarts=(40, 70)))
    axes = figure.axes[0]
    to_steps = figure.transFigure + axes.transData.inverted()
    for name, middle in [("warm-up", 10), ("cycle 0", 30), ("cycle 1", 55), ("cycle 2", 85)]:
        (text,) = [text for text in figure.texts if text.get_text() == name]
        assert to_steps.transform(text.get_position())[0] == pytest.approx(middle)
        assert text.get_window_extent().y0 >= axes.get_window_extent().y1


def test_a_stretch_too_short_for_words_keeps_its_number() -> None:
    assert "0" in shown(drawn(trace_of(falling(101), restarts=(3,))))


def test_names_of_many_cycles_never_overlap() -> None:
    figure = drawn(
        trace_of(falling(501), warmup_end=4, restarts=[10, 12, 20, 22, 50, 51, 52, 90, 200, 205, 400])
    )
    top = figure.axes[0].get_position().y1
    names = [text for text in figure.texts if top < text.get_position()[1] < top + 0.05]
    assert len(names) > 3
    assert overlapping(names) == []


def test_more_restarts_than_have_room_still_draw() -> None:
    figure = drawn(trace_of(falling(5001), restarts=range(2, 5000, 2)))
    assert len(curves(figure.axes[0])) == 1


def test_a_schedule_of_its_own_has_hairlines_in_its_groups_colour(tmp_path: Any) -> None:
    yaml = """
        steps: 300
        param_groups:
          - {name: body, lr: 1e-3}
          - {name: head, lr: 3e-3, scheduler: {T_0: 70, T_mult: 1}}
        scheduler: {warmup_steps: 20, T_0: 150, T_mult: 1}
        """
    upper, lower = drawn(from_yaml(yaml, tmp_path)).axes
    colours = {name: to_hex(line.get_color()) for name, line in curves(upper).items()}
    expected = {(170, colours["body"]), *((step, colours["head"]) for step in (90, 160, 230, 300))}
    assert set(hairlines(upper)) == set(hairlines(lower)) == expected


@pytest.mark.parametrize("log_y", [False, True], ids=["linear", "logarithmic"])
def test_labels_overlap_neither_each_other_nor_the_panels(*, log_y: bool) -> None:
    for count in (1, 3, 12, 25, 60):
        figure = drawn(trace_of(falling(count=count)), log_y=log_y)
        assert len(labels(figure)) > 0
        assert overlapping(labels(figure)) == []
        for label, axes in itertools.product(labels(figure), figure.axes):
            assert label.get_window_extent().x0 > axes.get_window_extent().x1


@pytest.mark.parametrize("count", [1, 7, 25])
def test_every_group_is_named_right_of_the_panel(count: int) -> None:
    trace = trace_of(falling(count=count))
    assert sorted(label.get_text() for label in labels(drawn(trace))) == sorted(trace.groups)


def test_of_sixty_groups_each_is_named_or_counted() -> None:
    trace = trace_of(falling(count=60))
    figure = drawn(trace)
    assert len(curves(figure.axes[0])) == 60
    texts = [label.get_text() for label in labels(figure)]
    named = set(texts) & set(trace.groups)
    counted = sum(int(number) for text in texts if text not in named for number in re.findall(r"\d+", text))
    assert len(named) + counted == 60


def test_labels_stand_in_the_order_of_the_curves_ends() -> None:
    texts = labels(drawn(trace_of(falling(count=8))))
    heights = [text.get_position()[1] for text in sorted(texts, key=lambda text: text.get_text())]
    assert heights == sorted(heights)


def test_each_label_has_a_sample_of_its_line_beside_it() -> None:
    figure = drawn(trace_of(falling(count=3)))
    lines = curves(figure.axes[0])
    artists = [*figure.lines, *figure.artists]
    samples = {float(points(one)[1][0]): one.get_color() for one in artists if isinstance(one, Line2D)}
    for label in labels(figure):
        assert samples[label.get_position()[1]] == lines[label.get_text()].get_color()


@pytest.mark.parametrize("size", [(8.0, 5.0), (4.0, 3.0), (16.0, 9.0)], ids=["usual", "small", "large"])
@pytest.mark.parametrize("name", ["encoder.layers.11.attention.output", "DECODER.BLOCK.11.MLP.WEIGHTS"])
def test_long_names_stay_on_the_page(name: str, size: tuple[float, float]) -> None:
    trace = trace_of(falling(count=2), [name, "short"])
    assert outside_the_page(drawn(trace, width=size[0], height=size[1])) == []


def test_a_long_title_and_long_settings_stay_on_the_page() -> None:
    caption = Caption("a-long-name-" * 8, "subtitle · " * 30, "setting 1 · " * 40, "lrsched 1.2.3 · abcd1234")
    figure = drawn(trace_of(falling()), caption)
    assert outside_the_page(figure) == []
    assert overlapping(text for text in figure.texts if text.get_position()[1] < 0.05) == []


def test_title_subtitle_settings_and_stamp_are_written_in_their_places() -> None:
    figure = drawn(trace_of(falling()))
    heights = {text.get_text(): text.get_position()[1] for text in figure.texts}
    top, bottom = figure.axes[0].get_position().y1, figure.axes[1].get_position().y0
    assert heights["a title"] > heights["a subtitle"] > top
    assert heights["some settings"] == heights["lrsched 1.2.3 · abcd1234"] < bottom


def test_a_logarithmic_picture_has_logarithmic_lrs_alone() -> None:
    upper, lower = drawn(trace_of([np.geomspace(1e-2, 1e-6, 50)]), log_y=True).axes
    assert (upper.get_yscale(), lower.get_yscale()) == ("log", "linear")
    low, high = upper.get_ylim()
    assert low < 1e-6
    assert high > 1e-2
    assert {"1e-3", "1e-5"} <= set(numbers(upper))


def test_a_logarithmic_picture_of_less_than_a_decade_has_numbers() -> None:
    upper, _ = drawn(trace_of([np.geomspace(2e-3, 9e-4, 50)]), log_y=True).axes
    assert len(numbers(upper)) >= 2


def test_lrs_of_zero_and_below_leave_a_logarithmic_picture_whole() -> None:
    upper, _ = drawn(trace_of([np.linspace(1e-3, -1e-3, 50), np.zeros(50)]), log_y=True).axes
    assert upper.get_yscale() == "log"
    assert np.isfinite(upper.get_ylim()).all()
    upper, _ = drawn(trace_of([np.linspace(0, -1e-3, 50)]), log_y=True).axes
    assert upper.get_yscale() == "linear"


def test_negative_lrs_and_multipliers_lie_inside_their_panels() -> None:
    trace = trace_of([np.linspace(1e-3, -2e-3, 50)])
    trace.scale[:] = np.linspace(1, -3, 50)[:, None]
    for axes, values in zip(drawn(trace).axes, (trace.lr, trace.scale[1:]), strict=True):
        low, high = axes.get_ylim()
        assert low < values.min()
        assert high > values.max()


@pytest.mark.parametrize("value", [0.0, 1e-3, -1e-3, 1e-300, 1e300])
@pytest.mark.parametrize("log_y", [False, True], ids=["linear", "logarithmic"])
def test_lrs_that_are_all_equal_lie_inside_the_panel(value: float, *, log_y: bool) -> None:
    low, high = drawn(trace_of([np.full(20, value)]), log_y=log_y).axes[0].get_ylim()
    assert low <= value <= high
    assert low < high


@pytest.mark.parametrize("loop", ["optimizer-first", "scheduler-first"])
def test_a_single_step_is_visible(loop: str) -> None:
    for axes in drawn(trace_of(falling(2), loop=loop)).axes:
        x, _ = points(axes.lines[0])
        assert len(x) > 1 or axes.lines[0].get_marker() not in {None, "None", ""}


def test_a_dark_picture_is_dark_with_light_lines() -> None:
    light, dark = (drawn(trace_of(falling(count=7)), dark=dark) for dark in (False, True))

    def brightness(colour: Any) -> float:
        code = to_hex(colour)
        return sum(int(code[place : place + 2], 16) for place in (1, 3, 5)) / 765

    assert brightness(light.get_facecolor()) > 0.9
    assert brightness(dark.get_facecolor()) < 0.2
    assert all(brightness(line.get_color()) < 0.7 for line in light.axes[0].lines)
    assert all(brightness(line.get_color()) > 0.45 for line in dark.axes[0].lines)
    assert all(brightness(text.get_color()) > 0.45 for text in dark.texts)


def test_size_and_dots_per_inch_are_the_asked_ones() -> None:
    figure = drawn(trace_of(falling()), width=6.0, height=4.0, dpi=50)
    assert (figure.get_size_inches().tolist(), figure.dpi) == ([6.0, 4.0], 50)


def test_numbers_on_the_axes_are_short() -> None:
    upper, lower = drawn(trace_of(falling(12_001))).axes
    assert {"0", "2e-4", "1e-3"} <= set(numbers(upper))
    assert {"0", "2k", "10k"} <= {label.get_text() for label in lower.get_xticklabels()}
    assert all(len(text) <= 8 for text in numbers(upper) + numbers(lower))


def test_large_lrs_share_one_notation() -> None:
    upper, _ = drawn(trace_of([np.linspace(0.2, 0.0, 50)])).axes
    assert not any("e" in text for text in numbers(upper))


@pytest.mark.parametrize(
    "name", ["$x$", "$", "$\\frac{", "a_b^c", "_hidden", "<&>", "naïve λ → μ", "100%", "{0}", "\\alpha"]
)
def test_names_are_drawn_literally(name: str) -> None:
    caption = Caption(title=name, subtitle=name, settings=name)
    figure = drawn(trace_of(falling(count=2), [name, "other"]), caption)
    texts = [text for text in figure.texts if text.get_text() == name]
    assert len(texts) == 4
    assert not any(text.get_parse_math() for text in texts)
    for suffix in ("svg", "pdf"):
        figure.savefig(io.BytesIO(), format=suffix)


def test_a_million_steps_draw_few_points_and_keep_every_peak() -> None:
    step = np.arange(MILLION + 1)
    lr = 1e-3 + 1e-4 * np.cos(step / 5_000)
    peaks, dips = np.arange(999, MILLION, 12_345), np.arange(5_000, MILLION, 54_321)
    lr[peaks] = 2e-3 + 1e-9 * np.arange(len(peaks))
    lr[dips] = 1e-5 + 1e-9 * np.arange(len(dips))
    trace = trace_of([lr])
    trace.scale[:] = trace.lr / 1e-3
    for axes, values in zip(draw(trace, CAPTION, Style()).axes, (trace.lr, trace.scale), strict=True):
        x, y = points(axes.lines[0])
        assert len(x) < AT_MOST_A_FEW_THOUSAND
        assert {*peaks.tolist(), *dips.tolist()} <= set(x.astype(int).tolist())
        assert x[-1] == MILLION
        assert x[0] in {0, 1}
        assert np.array_equal(y, values[x.astype(int), 0])
