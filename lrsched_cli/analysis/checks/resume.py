"""Rules 13: settings that do not survive a resume as people expect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lrsched_cli.analysis.checks.rule import rule
from lrsched_cli.analysis.checks.words import lr

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lrsched_cli.analysis.checks.rule import Found
    from lrsched_cli.analysis.plan import Plan
    from lrsched_cli.core.families.resume_notes import Fate


@rule("LRS131", "note")
def checkpoint_wins(plan: Plan) -> Iterator[Found]:
    """A checkpoint silently overrides the file on resume.

    The state of the scheduler holds these settings, and ``load_state_dict`` puts them back: who lengthens the
    run in the file and resumes, goes on under the old plan, and nothing says so. ``lrsched verify-resume
    --resume-set`` shows what happens.

    Triggers::

        steps: 1000
        optimizer: {type: SGD, lr: 0.1}
        scheduler: {type: CosineAnnealingLR, T_max: 1000}

    Silent::

        steps: 999
        loop: scheduler-first
        scheduler: {warmup_steps: 100, T_0: 300}
    """
    stored = _settings(plan, "in the checkpoint")
    for path, value in stored[:1]:
        others = ", ".join(dict.fromkeys(str(one[-1]) for one, _ in stored[1:]))
        more = f" (so are {others})" if others else ""
        yield (
            path,
            (
                f"{path[-1]} {value} is stored in the checkpoint{more}: on resume the saved value wins, and a"
                " changed one in the file is silently ignored; lrsched verify-resume --resume-set"
                f" {'.'.join(map(str, path))}=… shows it"
            ),
        )


@rule("LRS132", "note")
def file_wins(plan: Plan) -> Iterator[Found]:
    """A formula is not in the checkpoint.

    Functions are not saved. A resumed run takes the formula that stands in the file by then: from the second
    update after the resume on where the library writes no LR on loading, and the LR jumps there if the
    formula has changed.

    Triggers::

        steps: 1000
        optimizer: {lr: 1e-3}
        scheduler: {type: LambdaLR, lr_lambda: "1 - step / 1000"}

    Silent::

        steps: 1000
        optimizer: {lr: 1e-3}
        scheduler: {type: PolynomialLR, total_iters: 1000}
    """
    for path, _ in _settings(plan, "not in the checkpoint")[:1]:
        yield (
            path,
            (
                f"{path[-1]} is not stored in the checkpoint: a resumed run takes what the file says by then,"
                " and the LR jumps where that has changed; keep the file with the checkpoint"
            ),
        )


@rule("LRS133", "note")
def order_matters(plan: Plan) -> Iterator[Found]:
    """Restored in another order, the schedule goes on from a wrong LR.

    The class multiplies the LR that it finds. Built after ``optimizer.load_state_dict``, it applies its first
    factor once more to the LR that was restored, and no later step takes that back (docs/resume.md has the
    table). One that runs others in a row writes the LR of its step 0 there instead, and goes on from that.
    Build optimizer and scheduler first, then load both states.

    Triggers::

        steps: 1000
        optimizer: {type: SGD, lr: 0.1}
        scheduler: {type: LinearLR, start_factor: 0.1, total_iters: 100}

    Silent::

        steps: 1000
        optimizer: {type: SGD, lr: 0.1}
        scheduler: {type: StepLR, step_size: 300}
    """
    end = "build both first, then load both states"
    for path, kind in _settings(plan, "set back in another order"):
        yield (
            path,
            (
                f"a {kind} that is built after optimizer.load_state_dict sets the LR back to that of step 0,"
                f" {lr(max(plan.course.lrs(0)))}, and a resumed run goes on from there, until a milestone at"
                f" best; {end}"
            ),
        )
    for path, kind in _settings(plan, "lost in another order"):
        pairs = zip(plan.course.lrs(0), plan.base_lrs, strict=True)
        shares = [first / base for first, base in pairs if base]
        if not shares or shares[0] == 1:
            continue  # the first factor changes nothing
        yield (
            path,
            (
                f"a {kind} that is built after optimizer.load_state_dict leaves a resumed run at"
                f" {shares[0]:.3g} × the planned LR for good; {end}"
            ),
        )


def _settings(plan: Plan, fate: Fate) -> list[tuple[tuple[str | int, ...], object]]:
    schedule = plan.schedule
    known = schedule.family.settings(schedule)
    return [
        (note.path, known.get(".".join(map(str, note.path[1:])), ""))
        for note in schedule.family.resume_notes(schedule)
        if note.fate == fate
    ]


CHECKS = (checkpoint_wins, file_wins, order_matters)
