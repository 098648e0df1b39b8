"""The schedule file as a whole, and ``load_schedule``, which reads one and tells all that is wrong."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, ValidationError

from lrsched_cli.core.batch_plan import BatchPlan
from lrsched_cli.core.clock.clock import Clock
from lrsched_cli.core.clock.step_counts import StepCounts, resolve_step_counts
from lrsched_cli.core.clock.timeline import Timeline
from lrsched_cli.core.families import family_of
from lrsched_cli.core.files.metric_column import read_metric_column
from lrsched_cli.core.findings import beyond_the_fields, import_references, of_imported
from lrsched_cli.core.messages import keys_of, message_for
from lrsched_cli.core.parameters import Section, WholeFrom1
from lrsched_cli.core.sections import (
    MAX_STEPS,
    AnyScheduler,
    BatchPhase,
    CsvColumn,
    FileName,
    Label,
    LayerDecay,
    LibraryScheduler,
    NoWeightDecay,
    OptimizerSection,
    ParamGroup,
    SchedulerSection,
    Steps,
    batch_phases,
)
from lrsched_cli.core.signatures import Argument, arguments_but_the_first, optimizer_arguments
from lrsched_cli.core.sources import override_number, read_source
from lrsched_cli.core.user_code import import_function
from lrsched_cli.core.visible_text import visible
from lrsched_cli.core.yaml_source import read_yaml
from lrsched_cli.errors import MAX_TOLD, Problem, ScheduleFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import torch

    from lrsched_cli.core.clock.run_length import RunLength
    from lrsched_cli.core.clock.step_counts import WrittenCount
    from lrsched_cli.core.families.family import Family
    from lrsched_cli.core.families.family import Path as Place
    from lrsched_cli.core.yaml_tree import Node

__all__ = ["MAX_STEPS", "Schedule", "load_schedule"]

_EMPTY = "is empty; a schedule file is a mapping of settings, such as `scheduler: {T_0: 100}`"
_NO_MAPPING = "must be a mapping of settings, such as `scheduler: {T_0: 100}`"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a schedule was read from: what ``load_schedule`` was given, and what stood on standard input.

    ``model`` is what ``with_model`` was given on top, None where the groups are those of the file.
    """

    config: str
    overrides: tuple[str, ...]
    trust: bool
    stdin: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Expanded:
    """What a schedule with a model's groups comes from.

    ``stated`` is the schedule as the file states it, ``groups`` the index of each group's group in it.
    """

    stated: Schedule
    groups: tuple[int, ...]


class Schedule(Section):
    """A validated, frozen schedule: made by :func:`load_schedule`."""

    name: FileName
    description: Label | None = None
    steps: Steps | None = Field(None, description="updates of a dry run, each with a scheduler step")
    step_every: Literal["update", "epoch"] = Field("update", description="when the scheduler is stepped")
    steps_per_epoch: WholeFrom1 | None = Field(None, description="updates of an epoch")
    batch_size: Annotated[tuple[BatchPhase, ...], BeforeValidator(batch_phases)] = ()
    loop: Literal["optimizer-first", "scheduler-first"] = "optimizer-first"
    optimizer: OptimizerSection = OptimizerSection()
    param_groups: tuple[ParamGroup, ...] = (ParamGroup(name="default"),)
    scheduler: AnyScheduler = SchedulerSection()
    model: Label | None = Field(None, description="the file that names the parameters")
    no_weight_decay: NoWeightDecay | None = None
    layer_decay: LayerDecay | None = None

    _root: Node | None = PrivateAttr(default=None)
    _origin: Origin | None = PrivateAttr(default=None)
    _step_counts: StepCounts = PrivateAttr(default_factory=StepCounts)
    _imported: dict[str, Any] = PrivateAttr(default_factory=dict)
    _metric_column: tuple[float, ...] = PrivateAttr(default=())
    _expanded_from: Expanded | None = PrivateAttr(default=None)

    @property
    def origin(self) -> Origin | None:
        """What ``load_schedule`` was called with, for another process to read the same; None if not by it."""
        return self._origin

    @property
    def family(self) -> Family:
        """The library that the scheduler is from."""
        return family_of(self.scheduler.type)

    @property
    def updates_per_step(self) -> int:
        """How many updates a scheduler step is for: those of an epoch, or one."""
        return self.steps_per_epoch or 1

    @property
    def total_steps(self) -> int:
        """Updates of a dry run: as stated, else as many as show all of the schedule.

        Raises ScheduleFileError where only the file can say how many, and does not.
        """
        if self.steps is not None:
            return self.steps
        scheduler_steps = self.family.scheduler_steps(self)
        if scheduler_steps is None:
            message = f"is missing; how long a run with {self.scheduler.type} is, only you can say"
            raise ScheduleFileError(
                [self.problem_at(("steps",), message)], "Give steps in the file, or --steps."
            )
        return scheduler_steps * self.updates_per_step

    @property
    def batch_plan(self) -> BatchPlan:
        """Which batch size at which step."""
        if not self.batch_size:
            return BatchPlan()
        return BatchPlan(
            sizes=tuple(phase.effective_size for phase in self.batch_size),
            ends=tuple(phase.until for phase in self.batch_size if phase.until is not None),
        )

    @property
    def clock(self) -> Clock:
        """Where each update stands in epochs, samples and tokens, as far as the file says."""
        run = self._step_counts.run
        timeline = None
        if self.batch_size:
            timeline = Timeline(run.dataset_size, run.loading) if run is not None else Timeline()
            for phase in self.batch_size:
                timeline.begin(phase.device_plan)
                if phase.until is not None:
                    timeline.end(phase.until)
        if run is None:
            return Clock(timeline, updates=self.total_steps)
        return Clock(timeline, run.tokens_per_sample, run.rounding, self.total_steps)

    @property
    def run_length(self) -> RunLength | None:
        """What ``steps`` says of the data and the loop; None where it is a plain number."""
        return self._step_counts.run

    def key_of(self, path: Place) -> str:
        """The dotted key of a setting as the file has it, groups by name."""
        return ".".join(map(str, path)) if self._root is None else self._root.problem_at(path, "").key

    @property
    def written_counts(self) -> Mapping[Place, WrittenCount]:
        """The counts of steps that the file gives in other units, by their place."""
        return self._step_counts.written

    def base_lr(self, group: ParamGroup) -> float:
        """A group's base LR: its own, else the optimizer section's, else torch's default for the class."""
        for stated in (group.lr, self.optimizer.lr):
            if stated is not None:
                return stated
        return float(self.optimizer_arguments["lr"].default)

    @property
    def optimizer_arguments(self) -> dict[str, Argument]:
        """What the optimizer's class takes, by name, but its first argument."""
        kind = self.optimizer.type
        own = self._imported.get(kind)
        return optimizer_arguments(kind) if own is None else arguments_but_the_first(own)[0]

    @property
    def imported_optimizer(self) -> Callable[..., Any] | None:
        """The optimizer's class where it is one of the user's own, None where it is one of torch's."""
        return self._imported.get(self.optimizer.type)

    @property
    def fingerprint(self) -> str:
        """A hash (64 hex digits) of every setting, however it was written down."""
        dumped = self.model_dump(by_alias=True)
        for stated, group in zip(dumped["param_groups"], self.param_groups, strict=True):
            if group.scheduler is not None:  # what a group leaves out is not its default
                stated["scheduler"] = group.scheduler.model_dump(include=group.scheduler.model_fields_set)
        settings = json.dumps(_with_plain_numbers(dumped), sort_keys=True, default=repr)
        return hashlib.sha256(settings.encode()).hexdigest()

    def problem_at(self, path: tuple[str | int, ...], message: str, *, at_key: bool = False) -> Problem:
        """Say what turned out to be wrong with a setting, at the place of its value, or at its key."""
        if self._expanded_from is not None and path[0] == "param_groups" and len(path) > 1:
            path = ("param_groups", self._expanded_from.groups[int(path[1])], *path[2:])
        if self._root is None:
            return Problem(self.name, 0, 0, ".".join(map(str, path)), message)
        return self._root.problem_at(path, message, at_key=at_key)

    def imported(self, reference: str) -> Any:
        """What a trusted file names as ``package.module:name``."""
        return self._imported[reference]

    @property
    def all_imported(self) -> Mapping[str, Any]:
        """Everything of the user's own that the file names."""
        return self._imported

    @property
    def metric_column(self) -> tuple[float, ...]:
        """The metric of each scheduler step, where the file takes it from a CSV."""
        return self._metric_column

    def build_optimizer(self, model: torch.nn.Module) -> torch.optim.Optimizer:
        """The configured optimizer over ``model``, its param groups made by the file's patterns and rules.

        Raises ScheduleFileError for a pattern that matches nothing, a parameter that no pattern
        matches, tied weights in two groups, a group that stays empty, a rule that finds nothing, and
        settings that torch refuses. Warns (ScheduleFileWarning) of a pattern that has no effect.
        """
        from lrsched_cli.core.build import build_optimizer  # noqa: PLC0415 - imports torch

        return build_optimizer(self, model)

    def build_scheduler(self, optimizer: torch.optim.Optimizer) -> Any:
        """The configured scheduler over ``optimizer``, whose groups carry this file's names.

        It is of the class that ``scheduler.type`` names; this package's LRScheduler by default. Raises
        ScheduleFileError for settings that the library refuses.
        """
        from lrsched_cli.core.build import build_scheduler  # noqa: PLC0415 - imports torch

        return build_scheduler(self, optimizer)

    def with_model(self, model: str | Path | torch.nn.Module | None = None) -> Schedule:
        """The same schedule with the param groups that its patterns and rules make of a model's parameters.

        Args:
            model: a module, or the file that names its parameters (``.safetensors``, its ``.index.json``, a
                checkpoint of torch's, a ``.txt`` of names); default: what the file states under ``model``.

        Raises ScheduleFileError as ``build_optimizer`` does, and for a file that cannot be read.
        """
        from lrsched_cli.core.model_source import schedule_with_model  # noqa: PLC0415 - imports this module

        return schedule_with_model(self, model)

    @property
    def expanding_rules(self) -> list[str]:
        """The rules that divide groups by a model's parameters and are still waiting for one."""
        holders = [] if self._expanded_from is not None else [self, *self.param_groups]
        rules = ("no_weight_decay", "layer_decay")
        return [rule for rule in rules if any(getattr(one, rule) is not None for one in holders)]

    def expanded(self, groups: Sequence[ParamGroup], origins: Sequence[int]) -> Schedule:
        """The same schedule with these groups; ``origins`` is the index of each one's group in the file."""
        stated = self.as_stated
        schedule = stated.model_copy(update={"param_groups": tuple(groups)})
        schedule._expanded_from = Expanded(stated, tuple(origins))
        return schedule

    @property
    def as_stated(self) -> Schedule:
        """The schedule with the groups of the file, whatever model has been laid over it."""
        return self if self._expanded_from is None else self._expanded_from.stated


def load_schedule(config: str | Path, *, overrides: Sequence[str] = (), trust: bool = False) -> Schedule:
    """Read and validate a schedule; nothing of it is run.

    Args:
        config: a path, the name of a shipped schedule (``"default"``), or ``"-"`` for standard input.
        overrides: settings laid over the file, such as ``"scheduler.gamma=0.9"``; groups go by name.
        trust: allow the file to import code of yours (``custom_lambda: {import: ...}``, an optimizer).

    Raises:
        ScheduleFileError: with every problem of the file, each at its line and column.
    """
    source = read_source(config, overrides)
    schedule = _validated(source.root, source.default_name, list(source.problems), trust=trust)
    schedule._origin = Origin(str(config), tuple(overrides), trust, source.stdin)
    return schedule


def schedule_from_text(text: str, name: str) -> Schedule:
    """Read and validate a schedule that stands in no file; it imports nothing of the user's own.

    No other process can read it again, so a check of its resume stays in this one. Raises
    ScheduleFileError, with ``name`` in place of the file, for every problem.
    """
    root, problems = read_yaml(text, name)
    return _validated(root, name, list(problems), trust=False)


def _validated(root: Node, default_name: str, problems: list[Problem], *, trust: bool) -> Schedule:
    if not isinstance(root.value, dict):
        problems.append(root.position.problem("", _NO_MAPPING if root.value is not None else _EMPTY))
        raise ScheduleFileError(problems)
    counts = resolve_step_counts(root)
    problems += counts.problems
    known = len(problems)
    unreadable = {(problem.file, problem.line, problem.column) for problem in problems}
    unreadable |= {(place.file, place.line, place.column) for place in counts.stand_ins}
    data = root.plain()
    schedule: Schedule | None = None
    try:
        schedule = Schedule.model_validate({"name": visible(default_name), **data})  # it may be no text
    except ValidationError as error:
        for index, one in enumerate(error.errors()[:MAX_TOLD], start=1):
            path = keys_of(one)
            message = (
                message_for(one, Schedule, ["extends"])
                if index < MAX_TOLD
                else f"and so on: the first {MAX_TOLD - 1} problems of single settings are told"
            )
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
        raise ScheduleFileError(sorted(dict.fromkeys(told), key=_file_order(root)), hint=_hint(told))
    schedule._root = root
    schedule._step_counts = counts
    schedule._imported.update(_imports(root))
    schedule._metric_column = _metric_column(schedule.scheduler, root)
    return schedule


def _imports(root: Node) -> dict[str, Any]:
    imported: dict[str, Any] = {}
    data, problems = root.plain(), []
    for path, reference in import_references(data):
        if path == ("model",):
            continue  # imported where a command wants to know it; a training brings its model itself
        try:
            imported[reference] = import_function(reference)
        except ValueError as error:
            problems.append(root.problem_at(path, str(error)))
    if not problems:
        problems = [
            root.problem_at(path, message, at_key=at_key)
            for path, message, at_key in of_imported(data, imported)
        ]
    if problems:
        raise ScheduleFileError(sorted(problems, key=_file_order(root)))
    return imported


def _metric_column(scheduler: SchedulerSection | LibraryScheduler, root: Node) -> tuple[float, ...]:
    """The numbers of the CSV that a metric is taken from, which lies beside the file that names it."""
    if not isinstance(scheduler, LibraryScheduler) or not isinstance(scheduler.metric, CsvColumn):
        return ()
    *_, (_, node) = root.steps_to(("scheduler", "metric"))
    try:
        return read_metric_column(scheduler.metric, node.position.file)
    except ValueError as error:
        raise ScheduleFileError([root.problem_at(("scheduler", "metric"), str(error))]) from None


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
