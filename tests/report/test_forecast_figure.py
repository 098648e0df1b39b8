"""The picture of a forecast, read back from the Figure's own data."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb

from lrsched_cli import load_schedule
from lrsched_cli.analysis.forecast.forecasting import forecast
from lrsched_cli.report.forecast_figure import draw_forecast, forecast_caption
from lrsched_cli.report.panels import Style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from lrsched_cli.analysis.forecast.forecasting import Forecast

PLANS = ("old plan", "really", "new plan")
TWO: dict[str, Any] = {
    "name": "two",
    "steps": 120,
    "loop": "scheduler-first",
    "param_groups": [{"name": "body", "lr": 1e-3}, {"name": "head", "lr": 3e-3, "scheduler": {"T_0": 15}}],
    "scheduler": {"warmup_steps": 10, "T_0": 20, "T_mult": 2, "gamma": 0.9},
}


def resumed(save_at: int, *overrides: str, **changes: Any) -> Forecast:
    Path("two.yaml").write_text(json.dumps({**TWO, **changes}))
    return forecast(load_schedule("two.yaml"), load_schedule("two.yaml", overrides=overrides), save_at)


def drawn(found: Forecast, **style: Any) -> Figure:
    figure = draw_forecast(found, forecast_caption(found, "1.2.3"), Style(**{"dpi": 100, **style}))
    figure.draw_without_rendering()
    return figure


def curves(axes: Axes) -> dict[str, Line2D]:
    return {str(line.get_label()): line for line in axes.lines if str(line.get_label()).startswith(PLANS)}


def points(line: Line2D) -> tuple[list[float], list[float]]:
    return np.asarray(line.get_xdata()).tolist(), np.asarray(line.get_ydata()).tolist()


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.texts]


def test_each_group_has_three_curves_over_the_updates() -> None:
    found = resumed(60, "scheduler.T_mult=3", "steps=150")
    upper, _ = drawn(found).axes
    lines = curves(upper)
    assert set(lines) == {f"{plan} {group}" for plan in PLANS for group in (0, 1)}
    for group in (0, 1):
        assert points(lines[f"really {group}"]) == (
            list(range(1, 151)),
            found.curves.really[:, group].tolist(),
        )
        assert points(lines[f"new plan {group}"])[1] == found.curves.new[:, group].tolist()
        x, y = points(lines[f"old plan {group}"])
        assert (x[0], x[-1], y) == (60, 120, found.curves.old[59:, group].tolist())
    assert upper.get_xlim() == (1, 150)


def test_plans_differ_in_line_style_and_groups_in_colour_and_marker() -> None:
    lines = curves(drawn(resumed(60, "scheduler.T_mult=3")).axes[0])
    dashes = {repr(lines[f"{plan} 0"]._unscaled_dash_pattern) for plan in PLANS}  # type: ignore[attr-defined]
    assert len(dashes) == 3
    for group in (0, 1):
        assert len({to_hex(lines[f"{plan} {group}"].get_color()) for plan in PLANS}) == 1
    assert lines["really 0"].get_color() != lines["really 1"].get_color()
    assert lines["really 0"].get_marker() != lines["really 1"].get_marker()
    assert lines["really 0"].get_linewidth() > 2 * lines["new plan 0"].get_linewidth()


def test_the_lower_panel_divides_by_the_old_plan_from_the_save_point_on() -> None:
    found = resumed(60, "param_groups.body.lr=2e-3")
    _, lower = drawn(found).axes
    x, y = points(curves(lower)["really 0"])
    assert (x[0], x[-1]) == (61, 120)
    assert y == (found.curves.really[60:, 0] / found.curves.old[60:, 0]).tolist()
    assert y == pytest.approx([2.0] * 60)
    assert lower.get_ylabel() == "÷ old plan"
    assert lower.get_xlabel() == "update"


def test_a_ratio_to_nothing_is_left_out() -> None:
    found = resumed(30, "scheduler.gamma=0.5", scheduler={"warmup_steps": 2, "T_0": 10, "eta_scal_min": 0.0})
    found.curves.old.setflags(write=True)
    found.curves.old[40] = 0.0
    x, y = points(curves(drawn(found).axes[1])["really 0"])
    assert 41 not in x
    assert np.isfinite(y).all()


@pytest.mark.parametrize("save_at", [1, 60, 119])
def test_the_save_point_is_a_labelled_hairline_in_both_panels(save_at: int) -> None:
    figure = drawn(resumed(save_at, "scheduler.gamma=0.5"))
    for axes in figure.axes:
        assert [save_at + 0.5, save_at + 0.5] in [points(line)[0] for line in axes.lines]
    (label,) = [text for text in figure.texts if text.get_text() == f"saved after update {save_at}"]
    box, panel = label.get_window_extent(), figure.axes[0].get_window_extent()
    assert box.x0 >= panel.x0 - 1
    assert box.x1 <= panel.x1 + 1
    assert box.y0 >= panel.y1


def test_the_words_say_what_happens_and_which_settings_differ() -> None:
    found = resumed(60, "scheduler.gamma=0.5", "name=other")
    words = texts(drawn(found))
    for one in ("two, resumed as other", "The new plan, from update 61 on.", "scheduler.gamma 0.9 → 0.5"):
        assert one in words
    caption = forecast_caption(found, "1.2.3")
    assert caption.stamp == f"lrsched 1.2.3 · {caption.fingerprint[:8]}"
    assert "two, resumed with another plan" in texts(drawn(resumed(60, "scheduler.gamma=0.5")))


def test_the_fingerprint_is_that_of_what_is_drawn() -> None:
    prints = [
        forecast_caption(resumed(save_at, gamma), "1").fingerprint
        for save_at, gamma in itertools.product((60, 61), ("scheduler.gamma=0.5", "scheduler.gamma=0.6"))
    ]
    assert len(set(prints)) == 4
    assert forecast_caption(resumed(60, "scheduler.gamma=0.5"), "1").fingerprint == prints[0]


def test_the_legend_names_plans_and_groups_and_one_group_needs_no_name() -> None:
    assert {"plan", *PLANS, "param group", "body", "head"} <= set(texts(drawn(resumed(60, "steps=130"))))
    alone = texts(drawn(resumed(60, "steps=130", param_groups=[{"name": "all", "lr": 1e-3}])))
    assert "all" not in alone
    assert "param group" not in alone


def test_groups_with_the_same_curves_share_a_line_and_a_name() -> None:
    groups = [{"name": "a", "lr": 1e-3}, {"name": "b", "lr": 1e-3}, {"name": "c", "lr": 2e-3}]
    figure = drawn(resumed(60, "scheduler.gamma=0.5", param_groups=groups))
    assert set(curves(figure.axes[0])) == {f"{plan} {group}" for plan in PLANS for group in (0, 2)}
    assert "a, b" in texts(figure)


def test_an_old_plan_that_has_ended_has_no_curve() -> None:
    figure = drawn(resumed(120, "steps=150"))
    assert set(curves(figure.axes[0])) == {f"{plan} {group}" for plan in PLANS[1:] for group in (0, 1)}
    assert [text.get_text() for text in figure.axes[1].texts] == ["the old plan has ended"]


def test_equal_plans_have_no_difference() -> None:
    assert [text.get_text() for text in drawn(resumed(60)).axes[1].texts] == ["no difference"]


def test_dark_and_logarithmic_pictures_are_so() -> None:
    found = resumed(60, "scheduler.gamma=0.5")
    figure = drawn(found, dark=True, log_y=True)
    assert figure.axes[0].get_yscale() == "log"
    assert max(to_rgb(figure.get_facecolor())) < 0.2
    assert min(to_rgb(drawn(found).get_facecolor())) == 1


@pytest.mark.parametrize("size", [(8.0, 5.0), (4.0, 3.0), (20.0, 12.0)])
def test_nothing_leaves_the_page(size: tuple[float, float]) -> None:
    found = resumed(60, "scheduler.T_mult=3", "optimizer.weight_decay=0.5", "optimizer.eps=1e-3")
    figure = drawn(found, width=size[0], height=size[1])
    page = figure.bbox
    for text in figure.texts:
        box = text.get_window_extent()
        assert not text.get_text() or (box.x0 >= page.x0 and box.x1 <= page.x1), text.get_text()
