"""The ledger of a run: what is counted, and where the schedule turns."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from lrsched_cli.analysis.ledger import Count, Ledger, PhaseCount, ledger
from lrsched_cli.analysis.trace import dry_run
from lrsched_cli.core.clock.clock import Moment
from lrsched_cli.core.clock.timeline import Tally
from lrsched_cli.core.config import load_schedule

# 100 samples in shares of 34 (two repeated), cut into 9 micro-batches, the last of 2; two make an update.
SMALL = """\
name: small
steps: {epochs: 4, dataset_size: 100, tokens_per_sample: 10}
batch_size: {per_device: 4, devices: 3, accumulate: 2}
loop: scheduler-first
scheduler: {warmup_steps: 1ep, T_0: 1ep, T_mult: 1}
"""


def counted(text: str, steps: int | None = None) -> Ledger:
    Path("s.yaml").write_text(text)
    schedule = load_schedule("s.yaml")
    return ledger(schedule, dry_run(schedule, steps))


def test_an_epoch_and_the_whole_run_are_counted() -> None:
    found = counted(SMALL)
    epoch = Tally(updates=5, micro_batches=9, samples=102, repeated=2)
    assert found.phases == (PhaseCount(1, 20, 4, 3, 2, 24, epoch),)
    assert found.total == Tally(updates=20, micro_batches=36, samples=408, repeated=8)
    assert found.end == Moment(20, Fraction(1), Fraction(4), 408, 4080)


def test_counts_in_other_units_are_remembered_as_they_were_written() -> None:
    assert counted(SMALL).counts == (
        Count("steps", "4ep", 20, exact=True),
        Count("scheduler.warmup_steps", "1ep", 5, exact=True),
        Count("scheduler.T_0", "1ep", 5, exact=True),
    )
    groups = "steps: {samples: 100}\nbatch_size: 8\nparam_groups: [{name: head, scheduler: {T_0: 9sa}}]\n"
    assert counted(groups).counts == (
        Count("steps", "100sa", 13, exact=False),
        Count("param_groups.head.scheduler.T_0", "9sa", 2, exact=False),
    )


def test_turns_stand_in_every_unit() -> None:
    turns = counted(SMALL).turns
    assert [(one.what, one.at) for one in turns] == [
        ("warm-up ends", Moment(5, Fraction(1, 4), Fraction(1), 102, 1020)),
        ("restart 1", Moment(10, Fraction(1, 2), Fraction(2), 204, 2040)),
        ("restart 2", Moment(15, Fraction(3, 4), Fraction(3), 306, 3060)),
        ("restart 3", Moment(20, Fraction(1), Fraction(4), 408, 4080)),
    ]
    assert {one.groups for one in turns} == {()}


def test_a_turn_of_some_groups_names_them() -> None:
    groups = "param_groups: [{name: trunk}, {name: head, scheduler: {warmup_steps: 7}}]\n"
    turns = counted(SMALL + groups).turns
    named = {(one.what, one.at.update): one.groups for one in turns}
    assert named["warm-up ends", 5] == ("trunk",)
    assert named["warm-up ends", 7] == ("head",)


def test_a_librarys_scheduler_turns_where_its_lrs_do() -> None:
    text = (
        "steps: {epochs: 6, dataset_size: 64}\nbatch_size: 8\noptimizer: {type: SGD, lr: 1.0}\n"
        "scheduler: {type: MultiStepLR, milestones: [2ep, 4ep]}\n"
    )
    assert [(one.what, one.at.update) for one in counted(text).turns] == [("turn", 16), ("turn", 32)]


@pytest.mark.parametrize(
    ("scheduler", "turns"),
    [
        ("type: StepLR, step_size: 2ep, gamma: 0.5", [("turn", 16), ("turn", 32)]),
        (
            "type: CosineAnnealingWarmRestarts, T_0: 2ep",
            [("restart 1", 16), ("restart 2", 32), ("restart 3", 48)],
        ),
        ("type: LinearLR, start_factor: 0.1, total_iters: 2ep", [("warm-up ends", 16)]),
        ("type: PolynomialLR, total_iters: 4ep", [("turn", 32)]),
        ("type: ConstantLR, factor: 0.5, total_iters: 9", [("warm-up ends", 9)]),
    ],
)
def test_the_row_before_a_jump_is_no_turn(scheduler: str, turns: list[tuple[str, int]]) -> None:
    text = (
        "steps: {epochs: 6, dataset_size: 64}\nbatch_size: 8\noptimizer: {type: SGD, lr: 1.0}\n"
        f"scheduler: {{{scheduler}}}\n"
    )
    assert [(one.what, one.at.update) for one in counted(text).turns] == turns
    by_epoch = f"step_every: epoch\n{text}"
    if scheduler.startswith("type: StepLR"):
        assert [(one.what, one.at.update) for one in counted(by_epoch).turns] == turns


def test_a_warm_up_that_the_run_ends_in_does_not_end() -> None:
    assert counted(SMALL, steps=4).turns == ()
    rising = "steps: 9\nscheduler: {type: LinearLR, start_factor: 0.1, total_iters: 20}\n"
    assert counted(rising).turns == ()


def test_the_files_length_is_not_that_of_another_run() -> None:
    assert "steps" not in {one.key for one in counted(SMALL, steps=7).counts}


def test_a_growing_batch_is_counted_phase_by_phase() -> None:
    found = counted(
        "steps: {epochs: 3, dataset_size: 100}\n"
        "batch_size: [{until: 1ep, size: 10}, {until: 1000, size: 25}, {size: 50}]\n"
    )
    assert [(one.first_update, one.last_update, one.size) for one in found.phases] == [
        (1, 10, 10),
        (11, 18, 25),
    ]
    assert found.end == Moment(18, Fraction(1), Fraction(3), 300, None)


def test_a_shorter_dry_run_is_a_shorter_run() -> None:
    found = counted(SMALL, steps=7)
    assert found.end == Moment(7, Fraction(1), Fraction(7, 5), 150, 1500)
    assert found.total is not None
    assert (found.total.updates, found.total.repeated) == (7, 2)


def test_without_a_batch_plan_only_updates_are_known() -> None:
    found = counted("steps: 30\nscheduler: {warmup_steps: 10%}\n")
    assert (found.run, found.phases, found.total) == (None, (), None)
    assert found.end == Moment(30, Fraction(1), None, None, None)
    assert found.turns[0].at == Moment(3, Fraction(1, 10), None, None, None)
