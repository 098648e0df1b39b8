"""What a resume check is about: a schedule, or a factory of the user's."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from lrsched_cli.analysis.resume.save_points import turning_points_in, turning_points_of
from lrsched_cli.core.config import MAX_STEPS, Schedule
from lrsched_cli.core.parameters import LARGEST_WHOLE
from lrsched_cli.core.user_code import import_function
from lrsched_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lrsched_cli.analysis.resume.training import Factory, SchedulerStep, Training

    Loop = Literal["optimizer-first", "scheduler-first"]

FACTORY_STEPS = 200


@dataclass(frozen=True, slots=True)
class Subject:
    """What is trained: its name, its loop, its updates, and the seed of its gradients.

    ``job_fields`` tell another process how to build the same; empty where it cannot.
    """

    name: str
    loop: Loop
    steps: int
    seed: int
    training: Callable[[], Training]
    turning_points: Callable[[], dict[int, str]]
    job_fields: dict[str, Any]

    @property
    def is_fresh(self) -> bool:
        """Whether it is resumed in a fresh process."""
        return bool(self.job_fields)


def subject_of(
    subject: Schedule | Factory | str,
    *,
    steps: int | None,
    step: SchedulerStep | str | None,
    loop: Loop | None,
    seed: int,
) -> Subject:
    """The subject that the arguments of ``verify_resume`` describe; UsageError where they do not fit."""
    whole = isinstance(steps, int) and not isinstance(steps, bool)
    if steps is not None and not (whole and 1 <= steps <= MAX_STEPS):
        raise UsageError(f"steps must be a whole number from 1 to {MAX_STEPS:,} (got {steps!r})")
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed <= LARGEST_WHOLE:
        raise UsageError(f"seed must be a whole number from 0 to {LARGEST_WHOLE:,} (got {seed!r})")
    if loop not in {None, "optimizer-first", "scheduler-first"}:
        raise UsageError(f"loop must be optimizer-first or scheduler-first (got {loop!r})")
    if not isinstance(subject, Schedule):
        return _of_factory(subject, step, loop or "optimizer-first", steps or FACTORY_STEPS, seed)
    if step is not None or loop is not None:
        raise UsageError("step and loop are for a factory; a schedule has a loop of its own")
    return _of_schedule(subject, steps or subject.total_steps, seed)


def _of_schedule(schedule: Schedule, steps: int, seed: int) -> Subject:
    def training() -> Training:
        from lrsched_cli.analysis.resume.training import training_of  # noqa: PLC0415 - imports torch

        return training_of(schedule, steps, seed)

    def turning_points() -> dict[int, str]:
        from lrsched_cli.analysis.trace import dry_run  # noqa: PLC0415 - as above

        return turning_points_of(dry_run(schedule, steps), schedule.batch_plan.ends)

    origin = schedule.origin
    fields = (
        {} if origin is None else {"origin": dataclasses.asdict(origin), "fingerprint": schedule.fingerprint}
    )
    return Subject(schedule.name, schedule.loop, steps, seed, training, turning_points, fields)


def _of_factory(
    factory: Factory | str, step: SchedulerStep | str | None, loop: Loop, steps: int, seed: int
) -> Subject:
    build = _imported(factory)
    scheduler_step = None if step is None else _imported(step)
    fields: dict[str, Any] = {}
    if isinstance(factory, str):
        if step is not None and not isinstance(step, str):
            raise UsageError(
                "a factory given by its name is called in another process; name its step as well"
            )
        fields = {"factory": factory, "step": step, "scheduler_first": loop == "scheduler-first"}

    def training() -> Training:
        from lrsched_cli.analysis.resume.training import factory_training  # noqa: PLC0415 - imports torch

        return factory_training(
            build, scheduler_step, scheduler_first=loop == "scheduler-first", steps=steps, seed=seed
        )

    def turning_points() -> dict[int, str]:
        from lrsched_cli.analysis.resume.reference import lrs_by_step  # noqa: PLC0415 - as above

        return turning_points_in(lrs_by_step(training()))

    name = factory if isinstance(factory, str) else getattr(factory, "__name__", type(factory).__name__)
    return Subject(name, loop, steps, seed, training, turning_points, fields)


def _imported(function: Callable[..., Any] | str) -> Callable[..., Any]:
    if not isinstance(function, str):
        return function
    try:
        return import_function(function)
    except ValueError as error:
        raise UsageError(str(error)) from None
