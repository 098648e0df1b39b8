"""Another batch plan for the same file, and the LRs by each batch rule."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lrsched_cli.analysis.plan_change import RULES, plan_change, plan_label, plan_override
from lrsched_cli.analysis.trace import dry_run
from lrsched_cli.core.config import Schedule, load_schedule
from lrsched_cli.errors import UsageError

if TYPE_CHECKING:
    from lrsched_cli.analysis.trace import Trace

EIGHT = """\
steps: {epochs: 3, dataset_size: 6400}
batch_size: {per_device: 8, devices: 8}
loop: scheduler-first
optimizer: {type: SGD, lr: 0.1}
"""
OWN = (
    EIGHT
    + "scheduler: {warmup_steps: 10%, T_0: 90%, eta_scal_min: 0.0, eta_scal_max: 1.0, base_batch_size: 64}\n"
)
LIBRARY = EIGHT + "scheduler: {type: CosineAnnealingLR, T_max: 100%}\n"
SCALED = {"linear": 3.0, "sqrt": math.sqrt(3), "blend": 0.5 * 3 + 0.5 * math.sqrt(3)}


def loaded(text: str, *overrides: str) -> Schedule:
    Path("s.yaml").write_text(text)
    return load_schedule("s.yaml", overrides=overrides)


def changed(text: str, **changes: int) -> tuple[Schedule, Schedule]:
    now = loaded(text)
    return now, loaded(text, plan_override(now, changes))


@pytest.mark.parametrize("text", [OWN, LIBRARY])
def test_the_lrs_follow_each_rule(text: str) -> None:
    now, new = changed(text, devices=24)
    found = plan_change(now, new)
    assert (now.steps, new.steps) == (300, 102)
    for rule in found.rules:
        assert rule.factor_now == 1.0
        assert rule.factor_new == pytest.approx(SCALED[rule.rule])
        (group,) = rule.groups
        assert group.peak_now.lr == pytest.approx(0.1, rel=0.02)
        assert group.ratio == group.peak_new.lr / group.peak_now.lr
        assert group.peak_new.lr == pytest.approx(0.1 * SCALED[rule.rule], rel=0.02)
    assert {label: trace.steps for label, trace in found.by_rule.items()} == dict.fromkeys(RULES, 102)


def test_the_present_run_is_that_of_the_file() -> None:
    now, new = changed(OWN, accumulate=2)
    found = plan_change(now, new)
    assert found.now.lr.tobytes() == dry_run(now).lr.tobytes()
    assert [one.rule for one in found.rules if one.is_the_files] == ["sqrt"]
    assert found.by_rule["sqrt"].lr.tobytes() == dry_run(new).lr.tobytes()


def test_a_librarys_lrs_are_multiplied_whole() -> None:
    now, new = changed(LIBRARY, devices=16)
    found = plan_change(now, new)
    assert (found.by_rule["linear"].lr == 2.0 * dry_run(new).lr).all()
    assert not any(one.is_the_files for one in found.rules)


def test_a_group_with_a_rule_of_its_own_follows_the_tried_one() -> None:
    groups = "param_groups: [{name: a}, {name: b, scheduler: {batch_size_mode: linear}}]\n"
    now, new = changed(OWN + groups, devices=16)
    sqrt = plan_change(now, new).by_rule["sqrt"]
    assert (sqrt.lr[1:, 0] == sqrt.lr[1:, 1]).all()


def test_phases_keep_their_ends_in_the_unit_in_which_they_are_written() -> None:
    text = (
        "steps: {epochs: 4, dataset_size: 640}\n"
        "batch_size: [{until: 1ep, per_device: 4, devices: 8}, {until: 30, per_device: 8, devices: 8}, "
        "{per_device: 16, devices: 8, accumulate: 2}]\n"
    )
    now, new = changed(text, devices=16)
    assert [phase.until for phase in now.batch_size] == [20, 30, None]
    assert [phase.until for phase in new.batch_size] == [10, 30, None]
    assert [phase.effective_size for phase in new.batch_size] == [64, 128, 512]


def test_the_full_batch_is_what_a_growing_plan_grows_to() -> None:
    text = LIBRARY.replace(
        "{per_device: 8, devices: 8}", "[{until: 10, per_device: 2, devices: 8}, {per_device: 8, devices: 8}]"
    )
    now, new = changed(text, per_device=16)
    assert [one.factor_new for one in plan_change(now, new).rules if one.rule == "linear"] == [2.0]


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        ("", "--devices: s has no batch_size to change"),
        ("batch_size: 256\n", "--devices: s gives its batch size as 256; write it as {per_device: "),
    ],
)
def test_a_plan_without_parts_cannot_be_changed(plan: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        plan_override(loaded(f"steps: 10\n{plan}"), {"devices": 2})


@pytest.mark.parametrize("batch", ["", "batch_size: 8\n"])
def test_without_a_batch_size_no_rule_applies_and_the_new_run_stands_alone(batch: str) -> None:
    now, new = loaded(f"steps: 10\n{batch}"), loaded("steps: 10\n", "scheduler.warmup_steps=5")
    found = plan_change(now, new)
    assert (list(found.rules), list(found.by_rule)) == ([], ["new"])
    assert found.new.lr.tobytes() == dry_run(new).lr.tobytes() != found.now.lr.tobytes()


def test_a_row_is_one_rule_before_and_after() -> None:
    now, new = changed(OWN.replace("{per_device: 8,", "{per_device: 32,"), devices=16)
    assert (now.batch_plan.sizes, new.batch_plan.sizes) == ((256,), (512,))
    for rule in plan_change(now, new).rules:
        (group,) = rule.groups
        assert rule.factor_now > 1
        assert group.peak_now.lr == pytest.approx(0.1 * rule.factor_now, rel=0.05)
        assert group.ratio == pytest.approx(rule.factor_new / rule.factor_now, rel=0.05)


def test_another_base_or_rule_is_that_of_the_new_run() -> None:
    now, new = loaded(OWN), loaded(OWN, "scheduler.base_batch_size=32", "scheduler.batch_size_mode=blend")
    found = plan_change(now, new)
    assert [(one.factor_now, one.factor_new) for one in found.rules if one.rule == "linear"] == [(1.0, 2.0)]
    assert [one.rule for one in found.rules if one.is_the_files] == ["sqrt"]
    assert [one.rule for one in found.rules if one.is_the_changed_ones] == ["blend"]
    assert found.by_rule["blend"].lr.tobytes() == dry_run(new).lr.tobytes()


def test_no_run_is_made_twice() -> None:
    now, new = changed(OWN, devices=16)
    runs: list[Schedule] = []

    def step(schedule: Schedule) -> Trace:
        runs.append(schedule)
        return dry_run(schedule)

    plan_change(now, new, step)
    assert len(runs) == len({one.fingerprint for one in runs}) == 6


@pytest.mark.parametrize(
    ("plan", "label"),
    [
        ("{per_device: 16, devices: 8, accumulate: 4}", "16 × 8 × 4 = 512"),
        ("4096", "4,096"),
        ("[{until: 5, size: 2}, {size: 4}]", "… 4"),
        ("null", "no batch size"),
    ],
)
def test_a_plan_in_a_few_words(plan: str, label: str) -> None:
    assert plan_label(loaded(f"batch_size: {plan}\n")) == label
