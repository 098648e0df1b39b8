"""What the first updates get: held against the conventions that people measured by hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lrsched_cli import dry_run, load_schedule
from lrsched_cli.analysis.first_updates import first_updates
from lrsched_cli.report.first_updates_text import first_updates_lines, first_updates_table, sentence
from lrsched_cli.report.text import plain_text

if TYPE_CHECKING:
    from lrsched_cli.analysis.first_updates import FirstUpdates

BASE = "steps: 40\noptimizer: {type: SGD, lr: 1.0}\n"
OWN = "scheduler: {warmup_steps: 4, T_0: 36, warmup_scale_min: 0, eta_scal_min: 0, eta_scal_max: 1}\n"
FLOOR = "scheduler: {warmup_steps: 20, T_0: 36, warmup_scale_min: 0.2, eta_scal_min: 0, eta_scal_max: 1}\n"


def begins(text: str) -> FirstUpdates:
    Path("s.yaml").write_text(BASE + text, encoding="utf-8")
    (found,) = first_updates(dry_run(load_schedule("s.yaml")))
    return found


def transformers(name: str, **more: float) -> str:
    further = "".join(f", {key}: {value}" for key, value in more.items())
    return f"scheduler: {{type: transformers.{name}, num_warmup_steps: 4{further}}}\n"


@pytest.mark.parametrize(
    ("text", "lrs", "peak_update", "convention"),
    [
        (transformers("linear", num_training_steps=40), (0, 0.25, 0.5, 0.75, 1), 5, "from zero"),
        (transformers("constant_with_warmup"), (0, 0.25, 0.5, 0.75, 1), 5, "from zero"),
        (
            transformers("cosine_warmup_with_min_lr", num_training_steps=40, min_lr=0.1),
            (0.25, 0.5, 0.75, 1),
            4,
            "from one",
        ),
        (f"loop: scheduler-first\n{OWN}", (0.25, 0.5, 0.75, 1), 4, "from one"),
        (
            "scheduler: {type: LinearLR, start_factor: 0.5, total_iters: 4}",
            (0.5, 0.625, 0.75, 0.875, 1),
            5,
            "from a floor",
        ),
        ("scheduler: {type: OneCycleLR, max_lr: 1.0, total_steps: 41}", (0.04,), 13, "other"),
    ],
)
def test_each_convention_is_recognised(
    text: str, lrs: tuple[float, ...], peak_update: int, convention: str
) -> None:
    found = begins(text)
    assert found.lrs[: len(lrs)] == pytest.approx(lrs)
    assert (found.peak_update, found.convention, found.before_warmup) == (peak_update, convention, False)
    assert found.at_zero == int(convention == "from zero")


def test_an_update_before_the_warm_up_is_told_apart_from_it() -> None:
    found = begins(OWN)
    assert found.lrs[:5] == pytest.approx((1, 0.25, 0.5, 0.75, 1))
    assert (found.before_warmup, found.peak_update, found.convention) == (True, 5, "from one")
    assert sentence(found) == (
        "Update 1 runs before the warm-up, at 4 times the LR that update 2 begins it with. "
        "Update 5 is the first at the peak; update u gets (u - 1)/4 of it."
    )


@pytest.mark.parametrize(("loop", "first", "last"), [("scheduler-first", 1, 4), ("optimizer-first", 2, 5)])
def test_a_floor_that_holds_the_first_updates_is_counted(loop: str, first: int, last: int) -> None:
    found = begins(f"loop: {loop}\n{FLOOR}")
    assert (found.held, found.convention) == (4, "other")  # 1/20 to 4/20 stand at the floor of 0.2
    assert f"Updates {first} to {last} run at the floor of the warm-up." in sentence(found)


@pytest.mark.parametrize("text", ["scheduler: {type: StepLR, step_size: 3}", "scheduler: {warmup_steps: 0}"])
def test_a_schedule_without_warm_up_says_so(text: str) -> None:
    found = begins(text)
    assert (found.peak_update, found.convention, found.at_zero, found.held) == (1, None, 0, 0)
    assert sentence(found) == "There is no warm-up: update 1 runs at the first LR of the schedule."


def test_a_warm_up_beyond_the_run_never_reaches_its_peak() -> None:
    found = begins("scheduler: {type: LinearLR, start_factor: 0.1, total_iters: 400}")
    assert (found.peak_update, found.convention) == (None, None)
    assert sentence(found) == "The warm-up does not end within the run."


def test_several_updates_at_zero_are_counted() -> None:
    found = begins('scheduler: {type: LambdaLR, lr_lambda: "max(0, min(step - 2, 5)) / 5"}')
    assert (found.at_zero, found.peak_update) == (3, 8)
    assert sentence(found).startswith("Updates 1 to 3 run at LR 0 and change nothing.")


def test_a_run_of_one_update_has_a_first_one() -> None:
    Path("s.yaml").write_text(BASE + OWN, encoding="utf-8")
    (found,) = first_updates(dry_run(load_schedule("s.yaml"), 1))
    assert found.lrs == (1.0,)


def test_groups_that_begin_alike_share_a_line() -> None:
    groups = "param_groups: [{name: a, lr: 1.0}, {name: b, lr: 0.5}]\n"
    Path("s.yaml").write_text(BASE + groups + transformers("linear", num_training_steps=40), encoding="utf-8")
    found = first_updates(dry_run(load_schedule("s.yaml")))
    assert [one.plain for one in first_updates_lines(found)] == [sentence(found[0])]
    table = plain_text(first_updates_table(found))
    assert [line.split() for line in table.splitlines()[2:]] == [
        ["a", "0", "0.25", "0.5", "0.75", "1", "1", "5"],
        ["b", "0", "0.125", "0.25", "0.375", "0.5", "0.5", "5"],
    ]


def test_groups_that_begin_otherwise_have_a_line_each() -> None:
    text = (
        "param_groups: [{name: a, scheduler: {warmup_steps: 0}}, {name: b}]\nscheduler: {warmup_steps: 9}\n"
    )
    Path("s.yaml").write_text(BASE + text, encoding="utf-8")
    lines = [one.plain for one in first_updates_lines(first_updates(dry_run(load_schedule("s.yaml"))))]
    assert [line.partition(":")[0] for line in lines] == ["a", "b"]
