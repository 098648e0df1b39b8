"""The schedule file as a whole, and ``load_schedule``, which reads one and tells all that is wrong."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, ValidationError

from lrsched_cli.core.batch_plan import BatchPlan
from lrsched_cli.core.factors import end_of_cycle
from lrsched_cli.core.findings import beyond_the_fields, import_references
from lrsched_cli.core.messages import message_for
from lrsched_cli.core.parameters import Parameters, Section
from lrsched_cli.core.sections import (
    MAX_STEPS,
    BatchPhase,
    FileName,
    ImportSection,
    Label,
    OptimizerSection,
    ParamGroup,
    SchedulerSection,
    Steps,
    batch_phases,
)
from lrsched_cli.core.signatures import optimizer_arguments
from lrsched_cli.core.sources import override_number, read_source
from lrsched_cli.core.user_code import import_function
from lrsched_cli.errors import Problem, ScheduleFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import torch

    from lrsched_cli.core.scheduler import LRScheduler
    from lrsched_cli.core.yaml_tree import Node

__all__ = ["MAX_STEPS", "Schedule", "load_schedule"]

_EMPTY = "is empty; a schedule file is a mapping of settings, such as `scheduler: {T_0: 100}`"
_NO_MAPPING = "must be a mapping of settings, such as `scheduler: {T_0: 100}`"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a schedule was read from: what ``load_schedule`` was given, and what stood on standard input."""

    config: str
    overrides: tuple[str, ...]
    trust: bool
    stdin: str | None = None


class Schedule(Section):
    """A validated, frozen schedule: made by :func:`load_schedule`."""

    name: FileName
    description: Label | None = None
    steps: Steps | None = Field(None, description="scheduler steps of a dry run")
    batch_size: Annotated[tuple[BatchPhase, ...], BeforeValidator(batch_phases)] = ()
    loop: Literal["optimizer-first", "scheduler-first"] = "optimizer-first"
    optimizer: OptimizerSection = OptimizerSection()
    param_groups: tuple[ParamGroup, ...] = (ParamGroup(name="default"),)
    scheduler: SchedulerSection = SchedulerSection()

    _root: Node | None = PrivateAttr(default=None)
    _origin: Origin | None = PrivateAttr(default=None)
    _imported: dict[str, Callable[[int], float]] = PrivateAttr(default_factory=dict)

    @property
    def origin(self) -> Origin | None:
        """What ``load_schedule`` was called with, for another process to read the same; None if not by it."""
        return self._origin

    @property
    def total_steps(self) -> int:
        """Scheduler steps of a dry run: as stated, else through the end of every group's fourth cycle."""
        return self.steps or self._end_of_fourth_cycle()

    def _end_of_fourth_cycle(self) -> int:
        schedules = [self.parameters_of(group) for group in self.param_groups]
        ends = [end_of_cycle(4, one.warmup_steps, one.T_0, one.T_mult) for one in schedules]
        return max(1, *ends)

    @property
    def batch_plan(self) -> BatchPlan:
        """Which batch size at which step."""
        if not self.batch_size:
            return BatchPlan()
        return BatchPlan(
            sizes=tuple(phase.effective_size for phase in self.batch_size),
            ends=tuple(phase.until for phase in self.batch_size if phase.until is not None),
        )

    def parameters_of(self, group: ParamGroup) -> Parameters:
        """The parameters that a group's schedule runs under: its own over those of all groups."""
        own = group.scheduler.model_dump(include=group.scheduler.model_fields_set) if group.scheduler else {}
        both = {**self.scheduler.model_dump(include=set(Parameters.model_fields)), **own}
        return Parameters(**{key: value for key, value in both.items() if key in Parameters.model_fields})

    def base_lr(self, group: ParamGroup) -> float:
        """A group's base LR: its own, else the optimizer section's, else torch's default for the class."""
        for stated in (group.lr, self.optimizer.lr):
            if stated is not None:
                return stated
        return float(optimizer_arguments(self.optimizer.type)["lr"].default)

    @property
    def fingerprint(self) -> str:
        """A hash (64 hex digits) of every setting, however it was written down."""
        dumped = self.model_dump(by_alias=True)
        for stated, group in zip(dumped["param_groups"], self.param_groups, strict=True):
            if group.scheduler is not None:  # what a group leaves out is not its default
                stated["scheduler"] = group.scheduler.model_dump(include=group.scheduler.model_fields_set)
        settings = json.dumps(_with_plain_numbers(dumped), sort_keys=True, default=repr)
        return hashlib.sha256(settings.encode()).hexdigest()

    def problem_at(self, path: tuple[str | int, ...], message: str) -> Problem:
        """Say what turned out to be wrong with a setting, at the place where it is written."""
        if self._root is None:
            return Problem(self.name, 0, 0, ".".join(map(str, path)), message)
        return self._root.problem_at(path, message)

    def custom_lambda_of(self, group: ParamGroup | None = None) -> Callable[[int], float] | None:
        """The custom factor as a function of the step: that of all groups, or one group's own."""
        holder = self.scheduler if group is None else group.scheduler
        stated = holder.custom_lambda if holder else None
        return self._imported[stated.import_] if isinstance(stated, ImportSection) else stated

    def build_optimizer(self, model: torch.nn.Module) -> torch.optim.Optimizer:
        """The configured optimizer over ``model``, its param groups made by the file's patterns.

        Raises ScheduleFileError for a pattern that matches nothing, a parameter that no pattern
        matches, a group that stays empty, and settings that torch refuses.
        """
        from lrsched_cli.core.build import build_optimizer  # noqa: PLC0415 - imports torch

        return build_optimizer(self, model)

    def build_scheduler(self, optimizer: torch.optim.Optimizer) -> LRScheduler:
        """The configured scheduler over ``optimizer``, whose groups carry this file's names."""
        from lrsched_cli.core.build import build_scheduler  # noqa: PLC0415 - imports torch

        return build_scheduler(self, optimizer)


def load_schedule(config: str | Path, *, overrides: Sequence[str] = (), trust: bool = False) -> Schedule:
    """Read and validate a schedule; nothing of it is run.

    Args:
        config: a path, the name of a shipped schedule (``"default"``), or ``"-"`` for standard input.
        overrides: settings laid over the file, such as ``"scheduler.gamma=0.9"``; groups go by name.
        trust: allow the file to import functions of yours (``custom_lambda: {import: ...}``).

    Raises:
        ScheduleFileError: with every problem of the file, each at its line and column.
    """
    source = read_source(config, overrides)
    schedule = _validated(source.root, source.default_name, list(source.problems), trust=trust)
    schedule._origin = Origin(str(config), tuple(overrides), trust, source.stdin)
    return schedule


def _validated(root: Node, default_name: str, problems: list[Problem], *, trust: bool) -> Schedule:
    if not isinstance(root.value, dict):
        problems.append(root.position.problem("", _NO_MAPPING if root.value is not None else _EMPTY))
        raise ScheduleFileError(problems)
    data = root.plain()
    known = len(problems)
    unreadable = {(problem.file, problem.line, problem.column) for problem in problems}
    schedule: Schedule | None = None
    try:
        schedule = Schedule.model_validate({"name": default_name, **data})
    except ValidationError as error:
        for one in error.errors():
            path = one["loc"]
            message = message_for(one, Schedule, ["extends"])
            problems.append(root.problem_at(path, message, at_key=one["type"] == "extra_forbidden"))
    for path, message, at_key in beyond_the_fields(data, trust=trust):
        problems.append(root.problem_at(path, message, at_key=at_key))
    if problems or schedule is None:
        # A value that could not even be read has been told of; what stands in for it is nobody's mistake.
        told = [
            problem
            for index, problem in enumerate(problems)
            if index < known or (problem.file, problem.line, problem.column) not in unreadable
        ]
        raise ScheduleFileError(sorted(set(told), key=_file_order(root)), hint=_hint(told))
    schedule._root = root
    schedule._imported.update(_imports(root))
    return schedule


def _imports(root: Node) -> dict[str, Callable[[int], float]]:
    imported: dict[str, Callable[[int], float]] = {}
    problems = []
    for path, reference in import_references(root.plain()):
        try:
            imported[reference] = import_function(reference)
        except ValueError as error:
            problems.append(root.problem_at(path, str(error)))
    if problems:
        raise ScheduleFileError(problems)
    return imported


def _with_plain_numbers(value: Any) -> Any:
    """The same data with every number a float, so that 0 and 0.0 are one setting."""
    if isinstance(value, dict):
        return {key: _with_plain_numbers(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_with_plain_numbers(one) for one in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _file_order(root: Node) -> Callable[[Problem], tuple[int, int, str, int, int]]:
    """The file itself first, then those that it extends, then the overrides as they were given."""

    def key(problem: Problem) -> tuple[int, int, str, int, int]:
        override = override_number(problem.file)
        rank = 0 if problem.file == root.position.file else 2 if override else 1
        return rank, override, problem.file, problem.line, problem.column

    return key


def _hint(problems: list[Problem]) -> str:
    if any("--trust" in problem.message for problem in problems):
        return "Give --trust only for files whose code you would run yourself."
    return ""
