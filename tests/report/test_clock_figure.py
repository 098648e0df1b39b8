"""The picture of a changed batch plan, by what is drawn in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lrsched_cli.analysis.plan_change import RULES, PlanChange, plan_change, plan_label, plan_override
from lrsched_cli.core.config import load_schedule
from lrsched_cli.report.clock_figure import Plan, change_caption, draw_change
from lrsched_cli.report.panels import Style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EPOCHS = "steps: {epochs: 3, dataset_size: 6400}\n"
REST = (
    "name: small\nbatch_size: {per_device: 8, devices: 8}\nloop: scheduler-first\n"
    "param_groups: [{name: trunk}, {name: head, lr: 0.01}]\n"
    "scheduler: {warmup_steps: 10%, T_0: 90%, eta_scal_min: 0.0, eta_scal_max: 1.0, base_batch_size: 64}\n"
)


class Drawn(NamedTuple):
    figure: Figure
    change: PlanChange


def drawn(text: str, style: Style | None = None) -> Drawn:
    Path("s.yaml").write_text(text)
    now = load_schedule("s.yaml")
    new = load_schedule("s.yaml", overrides=[plan_override(now, {"devices": 24})])
    change = plan_change(now, new)
    plans = [Plan(one, one.clock, plan_label(one)) for one in (now, new)]
    caption = change_caption(plans[0], plans[1], "0")
    return Drawn(draw_change(plans[0], plans[1], change, caption, style or Style()), change)


def test_every_group_is_drawn_as_it_is_and_by_each_rule() -> None:
    figure, change = drawn(EPOCHS + REST)
    upper, lower = figure.axes
    names = [f"{label}: {group}" for label in ("now", *RULES) for group in ("trunk", "head")]
    for axes in (upper, lower):
        assert [line.get_label() for line in axes.lines] == names
    traces = [change.now, *change.by_rule.values()]
    wanted = [trace.lr[trace.updates, group] for trace in traces for group in (0, 1)]
    for line, lrs in zip(lower.lines, wanted, strict=True):
        assert np.array_equal(np.asarray(line.get_ydata()), lrs)


def test_the_upper_panel_counts_epochs_and_the_lower_one_updates() -> None:
    upper, lower = drawn(EPOCHS + REST).figure.axes
    assert (upper.get_xlabel(), lower.get_xlabel()) == ("epochs", "update")
    ends = [[float(np.asarray(line.get_xdata())[-1]) for line in axes.lines] for axes in (upper, lower)]
    assert ends == [[3.0] * 8, [300.0] * 2 + [102.0] * 6]
    assert (upper.get_xlim(), lower.get_xlim()) == ((0, 3), (0, 300))


def test_without_epochs_the_upper_panel_counts_samples() -> None:
    upper, _ = drawn("steps: {samples: 19200}\n" + REST).figure.axes
    assert upper.get_xlabel() == "samples"
    assert upper.get_xlim() == (0, 19_200)


def test_title_and_legend_say_which_plan_is_which() -> None:
    figure, _ = drawn(EPOCHS + REST, Style(dark=True, log_y=True))
    texts = {text.get_text() for text in figure.texts}
    assert any(text.startswith("small: 8 × 8 × 1 = 64 → 8 × 24 × 1 = 192") for text in texts)
    assert {"now: 8 × 8 × 1 = 64", "new: 8 × 24 × 1 = 192", "sqrt (the file's)", "trunk", "head"} <= texts
    assert [axes.get_yscale() for axes in figure.axes] == ["log", "log"]


def test_a_small_page_holds_the_same_curves() -> None:
    figure, _ = drawn(EPOCHS + REST, Style(width=4, height=3))
    assert [len(axes.lines) for axes in figure.axes] == [8, 8]


def many_groups(last: str) -> str:
    groups = "".join(f"  - {{name: g{one}, lr: {0.9**one}}}\n" for one in range(20))
    head, rest = REST.split("param_groups", 1)
    return f"{EPOCHS}{head}param_groups:\n{groups}  - {{name: head, {last}}}\n{rest.partition(chr(10))[2]}"


def test_of_many_groups_those_alike_are_drawn_once() -> None:
    figure, _ = drawn(many_groups("scheduler: {warmup_steps: 0}"))
    names = [f"{label}: {group}" for label in ("now", *RULES) for group in ("g0", "head")]
    assert [line.get_label() for line in figure.axes[0].lines] == names
    texts = {text.get_text() for text in figure.texts}
    assert {"param group (+ others alike)", "g0 +19", "head"} <= texts


def test_of_many_groups_that_differ_six_are_drawn() -> None:
    groups = "".join(f"  - {{name: g{one}, scheduler: {{warmup_steps: {one}}}}}\n" for one in range(9))
    head, rest = REST.split("param_groups", 1)
    figure, _ = drawn(f"{EPOCHS}{head}param_groups:\n{groups}{rest.partition(chr(10))[2]}")
    assert len(figure.axes[0].lines) == 4 * 6
    assert "3 more not drawn" in {text.get_text() for text in figure.texts}


def test_the_foot_has_counts_as_they_are_written() -> None:
    Path("s.yaml").write_text(EPOCHS + REST)
    now = load_schedule("s.yaml")
    new = load_schedule("s.yaml", overrides=[plan_override(now, {"devices": 24}), "scheduler.gamma=0.5"])
    before, after = (Plan(one, one.clock, plan_label(one)) for one in (now, new))
    settings = change_caption(before, after, "0").settings.split(" · ")
    assert {"warmup_steps 10%", "T_0 90%", "γ 0.5"} <= set(settings)
    assert not any("30" in one or "270" in one for one in settings)


def test_the_foot_has_each_count_once() -> None:
    library = "{type: transformers.cosine, num_warmup_steps: 1ep, num_training_steps: 100%}"
    Path("s.yaml").write_text(f"{EPOCHS}batch_size: {{per_device: 4}}\nscheduler: {library}\n")
    now = load_schedule("s.yaml")
    new = load_schedule("s.yaml", overrides=[plan_override(now, {"devices": 2})])
    before, after = (Plan(one, one.clock, plan_label(one)) for one in (now, new))
    settings = change_caption(before, after, "0").settings
    assert settings == "transformers.cosine · num_warmup_steps 1ep · num_training_steps 100%"


def test_logarithmic_lrs_go_a_few_decades_down() -> None:
    figure, _ = drawn(EPOCHS + REST.replace("eta_scal_min: 0.0", "eta_scal_min: 1e-9"), Style(log_y=True))
    low, high = figure.axes[0].get_ylim()
    assert high / low < 1e5


def test_numbers_below_the_panels_keep_off_the_legend() -> None:
    figure, _ = drawn(EPOCHS + REST)
    figure.canvas.draw()
    legend = min(text.get_window_extent().x0 for text in figure.texts if text.get_text() == "param group")
    for axes in figure.axes:
        right = max(one.get_window_extent().x1 for one in axes.get_xticklabels())
        assert right < legend


def test_without_a_batch_size_both_runs_are_drawn_as_they_are() -> None:
    Path("s.yaml").write_text("steps: 30\n")
    now, new = (load_schedule("s.yaml", overrides=one) for one in ((), ("scheduler.warmup_steps=9",)))
    before, after = (Plan(one, one.clock, plan_label(one)) for one in (now, new))
    caption = change_caption(before, after, "0")
    figure = draw_change(before, after, plan_change(now, new), caption, Style())
    assert [line.get_label() for line in figure.axes[0].lines] == ["now: default", "new: default"]
    assert [axes.get_xlabel() for axes in figure.axes] == ["% of the run", "update"]
    assert (caption.title, "by each batch rule" in caption.subtitle) == ("s: no batch size", False)


def test_the_title_of_a_narrow_page_is_whole() -> None:
    figure, _ = drawn(EPOCHS + REST, Style(width=4, height=3))
    assert {"small: 64 → 192", "300 → 102 updates"} <= {text.get_text() for text in figure.texts}
