"""The words around a picture."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lrsched_cli import LRScheduler, dry_run, load_schedule
from lrsched_cli.analysis.look_ahead import look_ahead
from lrsched_cli.report.captions import Caption, schedule_caption, scheduler_caption

STEPS = 40


def caption_of(yaml: str) -> Caption:
    Path("one.yaml").write_text(yaml, encoding="utf-8")
    schedule = load_schedule("one.yaml")
    return schedule_caption(schedule, dry_run(schedule, STEPS), "1.2.3")


def test_the_default_schedule_is_said_in_one_line() -> None:
    schedule = load_schedule("default")
    caption = schedule_caption(schedule, dry_run(schedule, STEPS), "1.2.3")
    assert caption == Caption(
        title="default",
        subtitle="Adam · batch 128 (×1.41) · warm-up 200 linear · restarts T₀ 100 ×2 · γ 0.9",
        settings="loop scheduler-first",
        stamp=f"lrsched 1.2.3 · {schedule.fingerprint[:8]}",
        fingerprint=schedule.fingerprint,
    )


def test_title_and_fingerprint_are_the_schedules() -> None:
    caption = caption_of("{name: a-name, optimizer: {type: SGD}}")
    assert caption.title == "a-name"
    assert caption.subtitle.startswith("SGD · ")
    assert caption.fingerprint == load_schedule("one.yaml").fingerprint
    assert caption.stamp == f"lrsched 1.2.3 · {caption.fingerprint[:8]}"


def test_defaults_go_unsaid() -> None:
    assert caption_of("{name: plain}").settings == ""


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("warmup_steps: 0", "no warm-up"),
        ("warmup_steps: 12000", "warm-up 12k linear"),
        ("{warmup_steps: 7, warmup_type: cosine}", "warm-up 7 cosine"),
        ("T_0: 1500", "restarts T₀ 1.5k ×2"),
        ("{T_0: 30, T_mult: 1}", "restarts T₀ 30"),
        ("{T_0: 30, T_mult: 3}", "restarts T₀ 30 ×3"),
        ("gamma: 0.85", "γ 0.85"),
        ("gamma: 1.0", "γ 1"),
    ],
)
def test_the_course_stands_in_the_subtitle(setting: str, said: str) -> None:
    setting = setting if setting.startswith("{") else f"{{{setting}}}"
    caption = caption_of(f"scheduler: {setting}")
    assert said in caption.subtitle.split(" · ")
    assert caption.settings == ""


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("warmup_scale_min: 0.25", "warmup_scale_min 0.25"),
        ("eta_scal_min: 0.0", "eta_scal_min 0"),
        ("eta_scal_max: 1.5", "eta_scal_max 1.5"),
        ("base_batch_size: 32", "base_batch_size 32"),
        ("batch_size_mode: blend", "batch_size_mode blend"),
        ('custom_lambda: "1 / step"', "custom_lambda 1 / step"),
    ],
)
def test_every_other_setting_that_differs_stands_in_the_footer(setting: str, said: str) -> None:
    assert caption_of(f"scheduler: {{{setting}}}").settings == said


def test_the_loop_stands_in_the_footer_where_it_is_not_pytorchs() -> None:
    assert caption_of("loop: optimizer-first").settings == ""
    assert caption_of("loop: scheduler-first").settings == "loop scheduler-first"


def test_a_groups_own_schedule_stands_in_the_footer() -> None:
    caption = caption_of("param_groups: [{name: a}, {name: b, scheduler: {T_0: 9, gamma: 0.5}}]")
    assert caption.settings == "b: T_0 9, gamma 0.5"


def test_an_imported_factor_is_said_by_its_path() -> None:
    Path("one.yaml").write_text('scheduler: {custom_lambda: {import: "math:sqrt"}}', encoding="utf-8")
    schedule = load_schedule("one.yaml", trust=True)
    caption = schedule_caption(schedule, dry_run(schedule, STEPS), "1.2.3")
    assert caption.settings == "custom_lambda math:sqrt"


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ("64", "batch 64 (×1)"),
        ("{per_device: 16, devices: 4, accumulate: 4}", "batch 256 (×2)"),
        ("[{until: 9, size: 64}, {size: 256}]", "batch 64 → 256 (×1 → ×2)"),
        (
            "[{until: 2, size: 1}, {until: 4, size: 4}, {until: 6, size: 16}, {size: 64}]",
            "batch 1 → … → 64 (×0.125 → … → ×1)",
        ),
    ],
)
def test_batch_sizes_come_with_their_factors(plan: str, said: str) -> None:
    assert said in caption_of(f"batch_size: {plan}").subtitle.split(" · ")


def test_a_run_without_a_batch_size_says_nothing_of_it() -> None:
    assert "batch" not in caption_of("{name: plain}").subtitle


def test_batch_sizes_that_return_are_told_in_their_order() -> None:
    said = caption_of("batch_size: [{until: 3, size: 64}, {until: 6, size: 256}, {size: 64}]").subtitle
    assert "64 → 256 → 64" in said


def test_a_look_ahead_says_which_steps_it_shows() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    scheduler = LRScheduler(optimizer, warmup_steps=0, T_0=30, gamma=0.5, eta_scal_max=3.0)
    for _ in range(1200):
        scheduler.step()
    trace = look_ahead(scheduler, 300)
    caption = scheduler_caption(scheduler.parameters, trace)
    assert caption.title == "LRScheduler"
    assert caption.subtitle == "steps 1.2k to 1.5k · no warm-up · restarts T₀ 30 ×2 · γ 0.5"
    assert caption.settings == "eta_scal_max 3"
    assert caption.fingerprint == caption.stamp == ""
