"""The picture of a comparison, read back from the Figure's own data."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D

from lrsched_cli import compare, dry_run, load_schedule
from lrsched_cli.analysis.setting_differences import SettingDifference
from lrsched_cli.analysis.stored_trace import StoredTrace
from lrsched_cli.report.captions import Caption
from lrsched_cli.report.compare_caption import comparison_caption
from lrsched_cli.report.compare_figure import draw_comparison
from lrsched_cli.report.panels import Style

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CAPTION = Caption("a title", "a subtitle", "some settings", "lrsched 1.2.3 · abcd1234", "f" * 64)
MILLION = 1_000_000


def stored(*columns: Any, names: Sequence[str] = (), steps: Sequence[int] = ()) -> StoredTrace:
    lr = np.column_stack([np.asarray(column, dtype=np.float64) for column in columns])
    step = np.asarray(steps or range(len(lr)), dtype=np.float64)
    return StoredTrace("made", tuple(names) or tuple(f"g{i}" for i in range(len(columns))), step, lr)


def many(files: int, groups: int, rows: int = 80) -> dict[str, StoredTrace]:
    return {
        f"file{file}": stored(
            *(np.linspace(1e-3 * (group + 1), 1e-5 * (file + 1), rows) for group in range(groups))
        )
        for file in range(files)
    }


def drawn(
    traces: Mapping[str, Any], *, ratio: bool = False, loop: Any = "scheduler-first", **style: Any
) -> Figure:
    comparison = compare(traces, stored_loop=loop)
    figure = draw_comparison(traces, comparison, CAPTION, Style(**{"dpi": 100, **style}), ratio=ratio)
    figure.draw_without_rendering()
    return figure


def curves(axes: Axes) -> dict[str, Line2D]:
    return {str(line.get_label()): line for line in axes.lines if ": " in str(line.get_label())}


def points(line: Line2D) -> tuple[list[float], list[float]]:
    return np.asarray(line.get_xdata()).tolist(), np.asarray(line.get_ydata()).tolist()


def legend(figure: Figure) -> list[str]:
    right = figure.axes[0].get_position().x1
    texts = [
        text for text in figure.texts if text.get_position()[0] > right and text.get_position()[1] > 0.05
    ]
    return [text.get_text() for text in texts if text.get_text()]


def samples(figure: Figure) -> list[Line2D]:
    return [one for one in [*figure.lines, *figure.artists] if isinstance(one, Line2D)]


def dashes(line: Line2D) -> tuple[float, ...]:
    pattern = line._unscaled_dash_pattern[1]  # type: ignore[attr-defined]
    return tuple(round(one * line.get_linewidth(), 6) for one in pattern or ())


def outside_the_page(figure: Figure) -> list[str]:
    boxes = [(text.get_text(), text.get_window_extent()) for text in figure.texts if text.get_text()]
    page = figure.bbox
    return [
        text
        for text, box in boxes
        if box.x0 < page.x0 or box.x1 > page.x1 or box.y0 < page.y0 or box.y1 > page.y1
    ]


def overlapping(figure: Figure) -> list[tuple[str, str]]:
    boxes = [(text.get_text(), text.get_window_extent()) for text in figure.texts if text.get_text()]
    return [(one, other) for (one, a), (other, b) in itertools.combinations(boxes, 2) if a.overlaps(b)]


def test_five_files_of_three_groups_have_a_colour_per_file_and_a_line_style_per_group() -> None:
    upper, _ = drawn(many(5, 3)).axes
    lines = curves(upper)
    assert list(lines) == [f"file{file}: g{group}" for file in range(5) for group in range(3)]
    colours = [
        {to_hex(lines[f"file{file}: g{group}"].get_color()) for group in range(3)} for file in range(5)
    ]
    assert all(len(one) == 1 for one in colours)
    assert len(set.union(*colours)) == 5
    styles = [{dashes(lines[f"file{file}: g{group}"]) for file in range(5)} for group in range(3)]
    assert all(len(one) == 1 for one in styles)
    assert len(set.union(*styles)) == 3


def test_many_files_still_have_a_colour_each() -> None:
    upper, _ = drawn(many(12, 1)).axes
    assert len({to_hex(line.get_color()) for line in curves(upper).values()}) == 12


def test_files_differ_without_colour_too() -> None:
    lines = list(curves(drawn(many(5, 1)).axes[0]).values())
    assert lines[0].get_linewidth() > 2 * lines[1].get_linewidth()
    assert len({line.get_marker() for line in lines[1:]}) == 4
    marked = [set(np.atleast_1d(np.asarray(line.get_markevery())).tolist()) for line in lines[1:]]
    assert all(marked)
    assert all(one.isdisjoint(other) for one, other in itertools.combinations(marked, 2))


def test_the_legend_names_files_and_groups_beside_the_panels() -> None:
    figure = drawn(many(5, 3))
    assert legend(figure) == ["file", *(f"file{i}" for i in range(5)), "param group", "g0", "g1", "g2"]
    assert len(samples(figure)) == 8
    lines = curves(figure.axes[0])
    assert [sample.get_color() for sample in samples(figure)[:5]] == [
        lines[f"file{i}: g0"].get_color() for i in range(5)
    ]
    assert [dashes(sample) for sample in samples(figure)[5:]] == [
        dashes(lines[f"file1: g{i}"]) for i in range(3)
    ]


def test_a_single_group_needs_no_legend_of_groups() -> None:
    assert legend(drawn(many(2, 1))) == ["file", "file0", "file1"]


def test_a_file_that_equals_the_first_is_marked_and_lies_on_it() -> None:
    one = stored([1.0, 2.0, 3.0])
    figure = drawn({"a": one, "b": one})
    assert legend(figure) == ["file", "a", "b (equal)"]
    upper, lower = figure.axes
    assert points(curves(upper)["a: g0"]) == points(curves(upper)["b: g0"])
    assert [text.get_text() for text in lower.texts] == ["no difference"]


def test_groups_matched_by_order_share_a_line_style_and_an_entry() -> None:
    figure = drawn(
        {
            "a": stored([1.0, 2.0], [3.0, 4.0], names=["x", "y"]),
            "b": stored([1.0, 2.0], [3.0, 4.0], names=["y", "z"]),
        }
    )
    assert legend(figure)[-2:] == ["x / z", "y"]
    lines = curves(figure.axes[0])
    assert dashes(lines["a: x"]) == dashes(lines["b: z"]) != dashes(lines["a: y"]) == dashes(lines["b: y"])


def test_a_group_without_a_match_has_a_line_style_of_its_own() -> None:
    lines = {
        "a": stored([1.0, 2.0]),
        "b": stored([1.0, 2.0], [5.0, 6.0]),
        "c": stored([1.0, 2.0], [7.0, 8.0]),
    }
    figure = drawn(lines)
    assert legend(figure)[-2:] == ["g0", "g1"]
    upper, lower = figure.axes
    assert dashes(curves(upper)["b: g1"]) == dashes(curves(upper)["c: g1"]) != dashes(curves(upper)["a: g0"])
    assert list(curves(lower)) == ["b: g0", "c: g0"]


@pytest.mark.parametrize(("ratio", "expected"), [(False, [1.0, -1.0]), (True, [1.5, 0.75])])
def test_the_lower_panel_shows_the_distance_to_the_first(ratio: bool, expected: list[float]) -> None:  # noqa: FBT001
    upper, lower = drawn({"a": stored([9.0, 2.0, 4.0]), "b": stored([9.0, 3.0, 3.0])}, ratio=ratio).axes
    assert lower.get_ylabel() == ("ratio" if ratio else "difference")
    assert upper.get_ylabel() == "learning rate"
    assert points(curves(lower)["b: g0"]) == ([1.0, 2.0], expected)
    low, high = lower.get_ylim()
    assert low < min(expected) < max(expected) < high
    assert upper.get_xlim() == lower.get_xlim() == (0, 2)


def test_the_distance_is_shown_at_common_steps_alone() -> None:
    traces = {"a": stored([1.0, 2.0, 3.0, 4.0]), "b": stored([5.0, 5.0, 5.0], steps=[1, 3, 6])}
    upper, lower = drawn(traces).axes
    assert points(curves(lower)["b: g0"]) == ([1.0, 3.0], [3.0, 1.0])
    assert upper.get_xlim() == (0, 6)


def test_a_ratio_to_zero_is_left_out() -> None:
    _, lower = drawn({"a": stored([1.0, 0.0, 2.0, 0.0]), "b": stored([1.0, 1.0, 1.0, 0.0])}, ratio=True).axes
    assert points(curves(lower)["b: g0"]) == ([2.0], [0.5])


def test_ratios_far_apart_are_logarithmic() -> None:
    far, near = ({"a": stored([1.0, 1.0, 1.0]), "b": stored([1.0, ratio, 1.0])} for ratio in (500.0, 2.0))
    assert drawn(far, ratio=True).axes[1].get_yscale() == "log"
    assert drawn(near, ratio=True).axes[1].get_yscale() == "linear"
    low, high = drawn(far, ratio=True).axes[1].get_ylim()
    assert low < 1
    assert high > 500


@pytest.mark.parametrize(("loop", "first"), [("scheduler-first", 1), ("optimizer-first", 0)])
def test_row_0_is_drawn_only_where_an_update_runs_at_it_in_all(loop: str, first: int) -> None:
    traces = {"a": stored([1.0, 2.0, 3.0]), "b": stored([1.0, 2.0, 4.0])}
    for axes in drawn(traces, loop=loop).axes:
        assert {points(line)[0][0] for line in curves(axes).values()} == {first}
    mixed = {"c": dry_run(load_schedule("default"), 5), **traces}
    assert points(curves(drawn(mixed, loop=loop).axes[0])["b: g0"])[0][0] == 1


@pytest.mark.parametrize("size", [(8.0, 5.0), (3.0, 3.0), (16.0, 9.0)], ids=["usual", "small", "large"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_all_texts_stay_on_the_page_and_apart(size: tuple[float, float], *, dark: bool) -> None:
    traces = {f"{name}-of-a-schedule-with-a-long-name": one for name, one in many(5, 3).items()}
    figure = drawn(traces, width=size[0], height=size[1], dark=dark)
    assert outside_the_page(figure) == []
    assert overlapping(figure) == []


def test_of_more_entries_than_fit_the_rest_is_counted() -> None:
    figure = drawn(many(40, 30, rows=3))
    assert outside_the_page(figure) == []
    more = legend(figure)[-1]
    assert more.startswith("+")
    # Two headings and a blank line are entries too.
    assert int(more[1:].split()[0]) + len(legend(figure)) - 1 in {40 + 30 + 2, 40 + 30 + 3}


def test_a_logarithmic_picture_has_logarithmic_lrs() -> None:
    assert drawn(many(2, 1), log_y=True).axes[0].get_yscale() == "log"


def test_equal_lrs_of_zero_and_below_draw() -> None:
    for values in ([0.0, 0.0, 0.0], [-1.0, -2.0, -1.0], [1e-320, 2e-320, 1e-320], [1e300, -1e300, 1e300]):
        for ratio, log_y in itertools.product((False, True), repeat=2):
            figure = drawn({"a": stored(values), "b": stored(values[::-1])}, ratio=ratio, log_y=log_y)
            for axes in figure.axes:
                assert np.isfinite(axes.get_ylim()).all()


def test_an_ulp_apart_still_draws() -> None:
    values = [1e-3, 1e-3, 1e-3]
    for ratio in (False, True):
        _, lower = drawn(
            {"a": stored(values), "b": stored([*values[:2], np.nextafter(1e-3, 1)])}, ratio=ratio
        ).axes
        low, high = lower.get_ylim()
        assert low < high
        assert [text.get_text() for text in lower.texts] == []


def test_names_are_drawn_literally() -> None:
    figure = drawn({"$x": stored([1.0, 2.0], [1.0, 3.0], names=["$a$", "_b"]), "\\frac{": stored([1.0, 2.0])})
    assert {"$x", "\\frac{", "$a$ / g0", "_b"} <= set(legend(figure))
    assert not any(text.get_parse_math() for text in figure.texts)


def test_a_million_steps_draw_few_points_and_keep_their_peak() -> None:
    values = np.full(MILLION, 1e-3)
    other = values.copy()
    other[543_210] = 5e-3
    for axes in drawn({"a": stored(values), "b": stored(other)}).axes:
        x, y = points(curves(axes)["b: g0"])
        assert len(x) < 8_000
        assert x[int(np.argmax(y))] == 543_210


def test_the_caption_says_who_what_and_why() -> None:
    traces = many(2, 1)
    settings = [
        SettingDifference("scheduler.gamma", (0.97001, 0.97)),
        SettingDifference("batch_size", (None, "64")),
    ]
    caption = comparison_caption(traces, settings, "1.2.3", ratio=True)
    assert caption.title == "file0 and file1"
    assert caption.subtitle == "learning rates, and below the ratio to file0"
    assert caption.settings == "scheduler.gamma 0.97001 | 0.97 · batch_size - | 64"
    assert caption.stamp == f"lrsched 1.2.3 · {caption.fingerprint[:8]}"
    assert comparison_caption(many(5, 1), [], "1", ratio=False).title == "file0 and 4 others"


def test_the_hash_is_that_of_what_is_drawn() -> None:
    def fingerprint(*values: float) -> str:
        return comparison_caption(
            {"a": stored(values), "b": stored(values)}, [], "1", ratio=False
        ).fingerprint

    assert fingerprint(1.0, 2.0) == fingerprint(1.0, 2.0) != fingerprint(1.0, np.nextafter(2.0, 3))


def with_momentum(*columns: Sequence[float], changing: bool = True) -> StoredTrace:
    made = stored(*([1e-3] * len(column) for column in columns))
    return replace(made, settings={"momentum": np.array(columns).T} if changing else {})


def test_settings_that_change_have_a_panel_below_in_the_looks_of_their_files() -> None:
    traces = {
        "a": with_momentum([0.9, 0.8, 0.7], [0.5, 0.5, 0.5]),
        "b": with_momentum([0.9, 0.9, 0.7], [0.5, 0.6, 0.5]),
        "c": with_momentum([0.9, 0.8, 0.7], [0.5, 0.5, 0.5], changing=False),
    }
    figure = drawn(traces, loop="optimizer-first")
    upper, lower, momentum = figure.axes
    assert [axes.get_ylabel() for axes in figure.axes] == ["learning rate", "difference", "momentum"]
    assert list(curves(momentum)) == ["a: g0", "a: g1", "b: g0", "b: g1"]
    assert list(curves(lower)) == ["b: g0", "b: g1", "c: g0", "c: g1"]
    assert points(curves(momentum)["b: g1"]) == ([0, 1, 2], [0.5, 0.6, 0.5])
    for name, line in curves(momentum).items():
        assert line.get_color() == curves(upper)[name].get_color()
        assert dashes(line) == dashes(curves(upper)[name])
    assert upper.get_position().y0 > lower.get_position().y1
    assert lower.get_position().y0 > momentum.get_position().y1
    assert outside_the_page(figure) == []


def test_the_caption_names_settings_that_change_and_the_hash_is_theirs_too() -> None:
    plain, one, other = (
        {"a": with_momentum([0.9, 0.8]), "b": with_momentum(values, changing=changing)}
        for values, changing in (([0.9, 0.8], False), ([0.9, 0.8], True), ([0.9, 0.7], True))
    )
    captions = [comparison_caption(traces, [], "1", ratio=False) for traces in (plain, one, other)]
    assert {one.subtitle for one in captions} == {
        "learning rates, and below the difference to a; then momentum"
    }
    assert len({one.fingerprint for one in captions}) == 3


def test_settings_without_a_panel_are_named_at_the_foot() -> None:
    made = stored([1.0, 2.0])
    names = [f"s{number}" for number in range(5)]
    trace = replace(made, settings={name: np.array([[0.0], [1.0]]) for name in names})
    figure = drawn({"a": trace, "b": trace})
    assert [axes.get_ylabel() for axes in figure.axes][2:] == names[:3]
    assert "not drawn, but changing too: s3, s4 · some settings" in [text.get_text() for text in figure.texts]


def test_the_x_axis_counts_updates_where_schedulers_step_every_epoch(tmp_path: Any) -> None:
    scheduler = "scheduler: {type: StepLR, step_size: 1}"
    texts = {
        "every": f"steps: 6\n{scheduler}",
        "epoch": f"steps: 6\nstep_every: epoch\nsteps_per_epoch: 2\n{scheduler}",
        "long": f"steps: 6\nstep_every: epoch\nsteps_per_epoch: 3\n{scheduler}",
    }
    traces = {}
    for name, text in texts.items():
        (tmp_path / f"{name}.yaml").write_text(text)
        traces[name] = dry_run(load_schedule(tmp_path / f"{name}.yaml"))

    def label(*names: str) -> str:
        return drawn({name: traces[name] for name in names}).axes[-1].get_xlabel()

    traces["again"] = traces["epoch"]
    assert label("every", "epoch") == label("epoch", "long") == "update"
    assert label("epoch", "again") == "update (a scheduler step every 2)"
