"""What is said of a checkpoint, in tables and lines, readable at 80 columns."""

from __future__ import annotations

import dataclasses
import io
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from lrsched_cli.analysis.checkpoint.groups import GroupReport, LRReading
from lrsched_cli.analysis.checkpoint.inspection import CheckpointReport, PartRead
from lrsched_cli.analysis.checkpoint.restore import LeavesPlan, NextUpdate, RestoreReport
from lrsched_cli.analysis.checkpoint.settings import Unlike
from lrsched_cli.analysis.checkpoint.steps import KnownStep, StepsReport
from lrsched_cli.report.checkpoint_steps_text import steps_lines
from lrsched_cli.report.checkpoint_tables import (
    checkpoint_parts,
    group_lines,
    groups_table,
    head_lines,
    next_parts,
    settings_parts,
    verdict,
)
from lrsched_cli.report.text import plain_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lrsched_cli.analysis.checkpoint.steps import Reason, Source

PLANNED = LRReading(1e-3, as_planned=True)


STEPS_AGREE = (
    "Steps: the scheduler 25 (scheduler.where); the optimizer's counters 25 (optimizer.where). They agree."
)


def group(name: str = "body", index: int = 0, **changed: Any) -> GroupReport:
    whole: dict[str, Any] = {
        "group": name,
        "index": index,
        "saved_name": name,
        "saved_index": index,
        "matched_by": "name",
        "planned": 1e-3,
        "optimizer": PLANNED,
        "scheduler": PLANNED,
        "restored": 1e-3,
        "agree": True,
        "dtype": "float64",
    }
    return GroupReport(**{**whole, **changed})


def said(source: Source, steps: int, offset: int = 0, reason: Reason | None = None, **more: Any) -> KnownStep:
    return KnownStep(source, f"{source}.where", steps, offset, reason, **more)


def restoring(
    upcoming: tuple[NextUpdate, ...] = (),
    compared: int = 0,
    leaves: LeavesPlan | None = None,
    messages: tuple[str, ...] = (),
    *,
    tried: bool = True,
) -> RestoreReport:
    return RestoreReport(tried=tried, next=upcoming, compared=compared, leaves_plan=leaves, messages=messages)


def report(*groups: GroupReport, **changed: Any) -> CheckpointReport:
    groups = groups or (group(),)
    lrs = tuple(1e-3 for _ in groups)
    whole: dict[str, Any] = {
        "path": "[b]c.pt",
        "schedule": "small",
        "loop": "optimizer-first",
        "end": 60,
        "followed": 60,
        "optimizer": PartRead("optimizer", "default"),
        "scheduler": PartRead("sched", "usual name"),
        "step_entry": None,
        "scheduler_class": "LRScheduler",
        "described": "LRScheduler",
        "steps": StepsReport(25, (said("scheduler", 25), said("optimizer", 25))),
        "groups": groups,
        "settings": (),
        "restore": restoring((NextUpdate(26, 25, lrs, lrs),), 35, None, ()),
    }
    return CheckpointReport(**{**whole, **changed})


def lines(*parts: Any) -> list[str]:
    return plain_text(*parts).splitlines()


def cells(*parts: Any) -> list[str]:
    """A table's rows without its rules, the cells one blank apart."""
    return [" ".join(line.split()) for line in lines(*parts) if set(line) != {"─"}]


def at(width: int, parts: Sequence[Any]) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=width, color_system=None, emoji=False, highlight=False)
    for part in parts:
        console.print(part, markup=False)
    return stream.getvalue()


def test_a_good_checkpoint_reads_like_this() -> None:
    assert lines(*checkpoint_parts(report(), 80)) == [
        "[b]c.pt: stands at scheduler step 25 of 60 (small)",
        "Read: optimizer from optimizer; scheduler from sched (found by its usual name); no step.",
        STEPS_AGREE,
        "",
        "LRs at step 25",
        "group     optimizer  scheduler  planned  restored  as planned",
        "─────────────────────────────────────────────────────────────",
        "body           1e-3       1e-3     1e-3      1e-3         yes",
        "",
        "Settings that differ: none",
        "",
        "The next updates after a restore, beside the planned ones",
        "update  step  body  planned",
        "───────────────────────────",
        "    26    25  1e-3     1e-3",
        (
            "A restore builds the scheduler from the schedule file, then calls optimizer.load_state_dict and "
            "scheduler.load_state_dict."
        ),
        "All 35 updates to the end run at the planned LRs.",
        "",
        "[b]c.pt holds: a run goes on from it as small plans.",
    ]


def test_every_number_is_whole_at_80_columns() -> None:
    off = LRReading(0.00123456789, as_planned=False, ratio=1.23456789)
    groups = [
        group(f"a group of a long name {index}", index, planned=1.234e-5, optimizer=off, agree=False)
        for index in range(6)
    ]
    lrs = tuple(1.234e-5 for _ in groups)
    restore = restoring((NextUpdate(10_000_001, 10_000_000, lrs, lrs),), 1, None, ("x " * 99,))
    settings = (Unlike("optimizer", "a group of a long name 1", "weight_decay", 1.234e-5, 0.1, "checkpoint"),)
    text = at(80, checkpoint_parts(report(*groups, restore=restore, settings=settings), 80))
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    assert text.count("1.234e-5") == 6 + 12 + 2  # planned, next, the setting, and the line on all groups
    assert "10,000,001" in text


def test_a_checkpoint_beyond_the_schedule_is_told() -> None:
    beyond = report(steps=StepsReport(61, (said("scheduler", 61),)), followed=61)
    assert (
        lines(*head_lines(beyond))[0]
        == "[b]c.pt: stands at scheduler step 61, beyond step 60, the last of small"
    )


def test_what_is_not_there_is_told() -> None:
    assert lines(*head_lines(report(scheduler=None, scheduler_class=None)))[1:] == [
        "Read: optimizer from optimizer; no scheduler; no step.",
        (
            "The file has no scheduler's state. Resumed without one, the schedule begins anew: restore "
            "it from a file of its own, or call scheduler.step() once for every step that was taken."
        ),
    ]
    assert lines(*head_lines(report(optimizer=None)))[2:] == [
        "The file has no optimizer's state: what is in its param groups is not known."
    ]
    whole = report(optimizer=PartRead("", "whole file"), step_entry=PartRead("n", "given"))
    assert lines(*head_lines(whole))[1].startswith("Read: the whole file as the optimizer's state; scheduler")
    assert lines(*head_lines(whole))[1].endswith("step from n.")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("StepLR", "looks like that of torch's StepLR"),
        ("LRScheduler", "looks like that of lrsched's LRScheduler"),
        ("transformers.greedy", "looks like that of transformers.greedy"),
        ("", "is of a class unknown here"),
    ],
)
def test_a_state_of_another_class_is_told(name: str, words: str) -> None:
    untried = restoring((NextUpdate(26, 25, (1e-3,), None),), 0, None, (), tried=False)
    found = report(scheduler_class=name, described="CosineAnnealingLR", restore=untried)
    line = lines(*head_lines(found))[2]
    assert line == (
        f"The scheduler's state {words}; the schedule file describes CosineAnnealingLR. Steps and LRs are "
        "compared, a restore cannot be tried."
    )


@pytest.mark.parametrize(
    ("one", "loop", "words"),
    [
        (
            said("optimizer", 26, 1, "between the steps"),
            "optimizer-first",
            (
                "The optimizer's counters are one step ahead of the scheduler: written between "
                "optimizer.step() and scheduler.step() (loop optimizer-first); write it after both."
            ),
        ),
        (
            said("optimizer", 24, -1, "between the steps"),
            "scheduler-first",
            (
                "The optimizer's counters are one step behind the scheduler: written between "
                "scheduler.step() and optimizer.step() (loop scheduler-first); write it after both."
            ),
        ),
        (
            said("optimizer", 24, -1, "other loop order"),
            "optimizer-first",
            (
                "either an update was skipped, or the run's loop is not optimizer-first as the schedule file "
                "says, and this was written between scheduler.step() and optimizer.step()"
            ),
        ),
        (
            said("optimizer", 26, 1, "other loop order"),
            "scheduler-first",
            "either a scheduler step was left out, or the run's loop is not scheduler-first",
        ),
        (
            said("step", 24, -1, "counted from 0"),
            "optimizer-first",
            "The step entry is one step behind the scheduler: it may be counted from 0",
        ),
        (said("step", 26, 1, "counted ahead"), "optimizer-first", "it may be counted up before"),
        (said("step", 2600, 2575, "apart"), "optimizer-first", "2,575 steps ahead of the scheduler: it may"),
        (said("optimizer", 20, -5, "apart"), "optimizer-first", "5 steps behind the scheduler: updates were"),
        (said("optimizer", 30, 5, "apart"), "optimizer-first", "scheduler steps were left out"),
        (
            said("optimizer", 5, -20, "several scheduler steps per update", factor=5),
            "optimizer-first",
            "5 scheduler steps per update; is scheduler.step() called once per process",
        ),
        (
            said("optimizer", 100, 75, "several updates per scheduler step", factor=4),
            "optimizer-first",
            "4 updates per scheduler step; is scheduler.step() called once per epoch?",
        ),
    ],
)
def test_steps_that_do_not_agree_are_explained(one: KnownStep, loop: str, words: str) -> None:
    first, second = steps_lines(report(steps=StepsReport(25, (said("scheduler", 25), one)), loop=loop))
    assert first.endswith("They do not agree.")
    assert words in second


def test_a_step_entry_that_counts_updates_needs_no_words_of_its_own() -> None:
    known = (
        said("scheduler", 25),
        said("step", 26, 1, "counted ahead"),
        said("optimizer", 26, 1, "between the steps"),
    )
    found = steps_lines(report(steps=StepsReport(25, known)))
    assert len(found) == 2
    assert found[1].startswith("The optimizer's counters")


def test_a_single_number_and_counters_that_differ_are_told() -> None:
    assert steps_lines(report(steps=StepsReport(25, (said("optimizer", 25, fewest=20),)))) == [
        (
            "Steps: the optimizer's counters 25 (optimizer.where, of some parameters only 20). Nothing "
            "else in the file says at which step it stands."
        )
    ]


@pytest.mark.parametrize(
    ("found_at", "words"),
    [
        (24, "the LR of the step before (step 24)"),
        (26, "the LR of the step after (step 26)"),
        (0, "the LR of step 0, before any step is taken"),
        (1234, "the LR of step 1,234"),
    ],
)
def test_an_lr_of_another_step_is_told(found_at: int, words: str) -> None:
    off = LRReading(2e-3, as_planned=False, found_at=found_at, ratio=2.0)
    groups = [group(name, index, optimizer=off, agree=False) for index, name in enumerate(("a", "b"))]
    assert lines(*group_lines(report(*groups))) == [
        "All groups: scheduler and optimizer do not hold the same LR.",
        f"All groups: the optimizer holds {words}.",
    ]


def test_an_lr_that_belongs_nowhere_is_told_to_its_last_digit() -> None:
    twice = LRReading(2e-3, as_planned=False, ratio=2.0)
    ulp = LRReading(0.0010000000000000002, as_planned=False, ratio=1.0000000000000002)
    alone = LRReading(2e-3, as_planned=False)
    changed = report(
        group("a", 0, optimizer=twice, scheduler=twice),
        group("b", 1, scheduler=ulp, agree=False),
        group("c", 2, optimizer=None, scheduler=alone, agree=None, planned=0.0),
    )
    assert lines(*group_lines(changed)) == [
        "a: optimizer and scheduler hold 2e-3, 2 times the planned 1e-3.",
        "b: scheduler and optimizer do not hold the same LR.",
        "b: the scheduler holds 1.0000000000000002e-3, not 1e-3.",
        "c: the scheduler holds 2e-3, not 0.",
    ]
    assert cells(groups_table(changed))[1:] == [
        "a 2e-3 2e-3 1e-3 1e-3 no",
        "b 1e-3 1e-3 1e-3 1e-3 no",
        "c - 2e-3 0 1e-3 no",
    ]


def test_long_lists_are_cut() -> None:
    off = [LRReading(index * 1e-3, as_planned=False, ratio=float(index)) for index in range(2, 52)]
    many = report(*(group(f"g{i}", i, optimizer=one, scheduler=one) for i, one in enumerate(off)))
    assert cells(groups_table(many))[-1] == "10 more … … … … …"
    assert lines(*group_lines(many))[-1] == "10 more lines like these."
    assert verdict(many) == "[b]c.pt does not hold: its LRs are not those of step 25."
    settings = [Unlike("optimizer", "a", f"k{index}", index, None, "checkpoint") for index in range(50)]
    assert cells(*settings_parts(settings))[-1] == "10 more … … … …"


def test_how_groups_were_matched_is_told() -> None:
    found = report(
        group("body", 0, saved_name=None, saved_index=1, matched_by="order", dtype="float32"),
        group("[b]head", 1, saved_name="top", saved_index=0, matched_by="order"),
    )
    assert lines(*group_lines(found)) == [
        "Matched by order, not by name: body with (unnamed), [b]head with top.",
        "LRs in float32 tensors: the planned ones are rounded to that.",
        (
            "In another order than in the schedule file: body, [b]head. torch restores param groups by "
            "order, so each of them would get another one's settings."
        ),
    ]
    assert verdict(found).endswith("does not hold: its param groups are in another order.")


def test_settings_that_differ_stand_with_who_wins() -> None:
    settings = [
        Unlike("optimizer", "body", "weight_decay", 0.01, 0.1, "checkpoint"),
        Unlike("optimizer", "head", "weight_decay", 0.01, 0.1, "checkpoint"),
        Unlike("optimizer", "head", "betas", (0.9, 0.999), None, "checkpoint"),
        Unlike("scheduler", None, "T_0", 20, 30, "checkpoint"),
        Unlike("scheduler", None, "custom_lambda", saved=False, file=True, wins="file"),
    ]
    assert cells(*settings_parts(settings)) == [
        "Settings that differ, and which one wins after a restore",
        "setting group checkpoint in file wins",
        "optimizer weight_decay body, head 1e-2 0.1 checkpoint",
        "optimizer betas head 0.9, 0.999 not set checkpoint",
        "scheduler T_0 all 20 30 checkpoint",
        "scheduler custom_lambda all no yes file",
        "T_0 is only the length of the first cycle: the state brings the current one, T_i.",
    ]


def test_the_next_updates_of_many_groups_take_several_tables() -> None:
    groups = [group(f"g{index}", index) for index in range(5)]
    narrow = lines(*next_parts(report(*groups), 80))
    assert [line.split() for line in narrow if line.startswith("update")] == [
        ["update", "step", "g0", "planned", "g1", "planned"],
        ["update", "step", "g2", "planned", "g3", "planned"],
        ["update", "step", "g4", "planned"],
    ]
    assert sum(line.startswith("update") for line in lines(*next_parts(report(*groups), 10_000))) == 1


def test_without_a_restore_only_the_plan_is_shown() -> None:
    restore = restoring((NextUpdate(26, 25, (1e-3,), None),), 0, None, (), tried=False)
    found = report(restore=restore, scheduler=None, scheduler_class=None)
    assert cells(*next_parts(found, 80)) == [
        "The next updates as planned",
        "update step body",
        "26 25 1e-3",
    ]
    assert verdict(found) == "[b]c.pt holds as far as it goes: its LRs are those of step 25 of small."


def test_at_the_end_no_update_is_left() -> None:
    restore = restoring((), 0, None, ())
    assert lines(*next_parts(report(restore=restore), 80)) == ["No update is left: small ends at step 60."]


def test_where_a_restored_run_leaves_the_plan_is_told_with_what_the_load_warned_of() -> None:
    leaves = LeavesPlan(1031, 1030, "body", 2e-3, 1e-3)
    restore = restoring(report().restore.next, 35, leaves, ("another gamma",))
    found = report(restore=restore)
    assert lines(*next_parts(found, 80))[-2:] == [
        "It warns: another gamma",
        "Update 1,031 is the first that does not run as planned: body at 2e-3, planned 1e-3.",
    ]
    assert verdict(found) == "[b]c.pt does not hold: a restored run leaves the plan at update 1,031."


def test_the_verdict_has_every_reason() -> None:
    off = LRReading(2e-3, as_planned=False)
    steps = StepsReport(25, (said("scheduler", 25), said("optimizer", 26, 1, "between the steps")))
    assert verdict(report(group(optimizer=off, agree=False), steps=steps)) == (
        "[b]c.pt does not hold: the steps in it do not agree (it was written between the two steps); "
        "scheduler and optimizer do not agree; its LRs are not those of step 25."
    )


def test_a_report_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        report().end = 3  # type: ignore[misc]
