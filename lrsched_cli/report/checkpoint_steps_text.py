"""At which step a checkpoint stands, in words: who says what, and why two that differ may do so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lrsched_cli.core.numbers_text import whole_text

if TYPE_CHECKING:
    from lrsched_cli.analysis.checkpoint.inspection import CheckpointReport
    from lrsched_cli.analysis.checkpoint.steps import KnownStep, StepsReport

_WHO = {"scheduler": "the scheduler", "step": "the step entry", "optimizer": "the optimizer's counters"}


def steps_lines(report: CheckpointReport) -> list[str]:
    """What every part of the file says of the step, whether they agree, and what a difference may mean."""
    steps = report.steps
    said = "; ".join(_said(one) for one in steps.known)
    if len(steps.known) == 1:
        return [f"Steps: {said}. Nothing else in the file says at which step it stands."]
    lines = [f"Steps: {said}. They {'agree' if steps.agree else 'do not agree'}."]
    counted = {one.steps for one in steps.known if one.source == "optimizer"}
    # A step entry that says what the optimizer's counters say needs no explanation of its own.
    return lines + [
        _explained(one, report)
        for one in steps.known
        if one.reason and not (one.source == "step" and one.steps in counted)
    ]


def _said(one: KnownStep) -> str:
    fewest = f", of some parameters only {whole_text(one.fewest)}" if one.fewest is not None else ""
    return f"{_WHO[one.source]} {whole_text(one.steps)} ({one.where}{fewest})"


def _explained(one: KnownStep, report: CheckpointReport) -> str:
    who, first = _WHO[one.source], _WHO[report.steps.known[0].source]
    apart = f"{who} {'is' if one.source == 'step' else 'are'} {_distance(one.offset)} {first}"
    return f"{_capital(apart)}: {_reason(one, report.loop)}."


def _distance(offset: int) -> str:
    steps = "one step" if abs(offset) == 1 else f"{whole_text(abs(offset))} steps"
    return f"{steps} {'ahead of' if offset > 0 else 'behind'}"


def _reason(one: KnownStep, loop: str) -> str:
    order = ("optimizer.step()", "scheduler.step()")
    first, second = order if loop == "optimizer-first" else order[::-1]
    match one.reason:
        case "between the steps":
            return f"written between {first} and {second} (loop {loop}); write it after both"
        case "other loop order":
            other = "an update was skipped" if one.offset < 0 else "a scheduler step was left out"
            return (
                f"either {other}, or the run's loop is not {loop} as the schedule file says, and this was "
                f"written between {second} and {first}"
            )
        case "counted from 0":
            return "it may be counted from 0, or be written before it is counted up"
        case "counted ahead":
            return "it may be counted up before the scheduler steps"
        case "several scheduler steps per update":
            return (
                f"{one.factor} scheduler steps per update; is scheduler.step() called once per process, or "
                "once per micro-batch?"
            )
        case "several updates per scheduler step":
            return f"{one.factor} updates per scheduler step; is scheduler.step() called once per epoch?"
        case _:
            return _of_many(one)


def _of_many(one: KnownStep) -> str:
    if one.source == "optimizer" and one.offset < 0:
        return "updates were skipped (mixed precision does so), or the optimizer's state was not restored"
    if one.source == "optimizer":
        return "scheduler steps were left out, or the scheduler's state was not restored"
    return "it may count something else (samples, micro-batches, epochs); name another with --step-key"


def between_text(steps: StepsReport) -> str:
    """The usual cause, in brackets, where it is the one; else an empty text."""
    written_between = any(one.reason == "between the steps" for one in steps.known)
    return " (it was written between the two steps)" if written_between else ""


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
