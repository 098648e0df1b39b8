"""The schedule file as frozen models, and ``load_schedule``, which reads one and tells all that is wrong."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from lrsched_cli.core.batch_plan import BatchPlan
from lrsched_cli.core.expressions import Expression
from lrsched_cli.core.factors import end_of_cycle
from lrsched_cli.core.messages import did_you_mean, message_for, shown, unknown_key
from lrsched_cli.core.parameters import Parameters, Plain, RealFrom0, Section, WholeFrom0, WholeFrom1
from lrsched_cli.core.signatures import Argument, optimizer_arguments, optimizer_names
from lrsched_cli.core.sources import read_source
from lrsched_cli.core.user_code import import_function, what_it_runs
from lrsched_cli.errors import ExpressionError, Problem, ScheduleFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    import torch

    from lrsched_cli.core.scheduler import LRScheduler
    from lrsched_cli.core.yaml_source import Node, Position

MAX_STEPS = 10_000_000
"""The longest dry run, in scheduler steps: the real scheduler takes each of them."""

OWN_SCHEDULER = "LRScheduler"
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_LARGEST_PARAMETER = 2**53


def _file_name(value: str) -> str:
    if not _FILE_NAME.fullmatch(value):
        raise ValueError(
            "names the output files: letters, digits, '.', '_' and '-', not starting with '.' or '-', "
            f"100 at most (got {shown(value)})"
        )
    return value


def _printable(value: str) -> str:
    if not value.strip() or not value.isprintable():
        raise ValueError(f"must be text on one line, without control characters (got {shown(value)})")
    return value


Text = Annotated[str, Field(strict=True)]
FileName = Annotated[Text, BeforeValidator(lambda value: _file_name(value) if isinstance(value, str) else value)]
Label = Annotated[Text, BeforeValidator(lambda value: _printable(value) if isinstance(value, str) else value)]
Steps = Annotated[int, Plain, Field(strict=True, ge=1, le=MAX_STEPS)]


class BatchPhase(Section):
    """A batch size, in samples, through scheduler step ``until``; or the three numbers that make it."""

    until: WholeFrom1 | None = None
    size: WholeFrom1 | None = None
    per_device: WholeFrom1 | None = None
    devices: WholeFrom1 | None = None
    accumulate: WholeFrom1 | None = None

    @model_validator(mode="after")
    def _one_way_of_saying_it(self) -> BatchPhase:
        parts = {"per_device", "devices", "accumulate"} & self.model_fields_set
        if self.size is not None and parts:
            raise ValueError(f"gives both size and {min(parts)}; give one or the other")
        if self.size is None and self.per_device is None:
            raise ValueError("needs a size, or per_device (with devices and accumulate)")
        return self

    @property
    def effective_size(self) -> int:
        """Samples per update."""
        return self.size or (self.per_device or 1) * (self.devices or 1) * (self.accumulate or 1)


def _phases(value: Any) -> Any:
    if value is None:
        return ()
    if isinstance(value, dict):
        return (value,)
    if isinstance(value, list):
        return tuple({"size": one} if not isinstance(one, dict) else one for one in value)
    return ({"size": value},)


class OptimizerSection(Section):
    """The optimizer's class, and its arguments under torch's own names."""

    model_config = ConfigDict(extra="allow")

    type: Text = "Adam"
    lr: RealFrom0 | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """The arguments for the class, but ``lr``; lists as tuples, as torch wants them."""
        return _settings(self.model_extra)


def _settings(extra: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        key: tuple(value) if isinstance(value, list) else value for key, value in (extra or {}).items()
    }


class ImportSection(Section):
    """A function of the user's own, as ``package.module:function``; it runs only where that is allowed."""

    import_: Text = Field(alias="import")


def _custom_lambda(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return Expression(value)
        except ExpressionError as error:
            raise ValueError(f"{error} (got {shown(value)})") from None
    if value is None or isinstance(value, dict | Expression | ImportSection):
        return value
    raise ValueError(
        f'must be a formula of step as text, {{import: "package.module:function"}} or null (got {shown(value)})'
    )


class GroupScheduler(Parameters):
    """A schedule's parameters with the custom factor; for one group, only those that it states count."""

    custom_lambda: Annotated[
        Expression | ImportSection | None, BeforeValidator(_custom_lambda)
    ] = None


class SchedulerSection(GroupScheduler):
    """The schedule of all groups."""

    type: Text = OWN_SCHEDULER


class ParamGroup(Section):
    """A param group: its base LR, the parameters that belong to it, and what differs from the rest."""

    model_config = ConfigDict(extra="allow")

    name: Label
    lr: RealFrom0 | None = None
    shapes: dict[Label, tuple[WholeFrom0, ...]] = Field(default={}, description="dummy parameters")
    match: tuple[Label, ...] = Field(default=(), description="glob patterns on parameter names")
    scheduler: GroupScheduler | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """The optimizer's arguments that this group states for itself."""
        return _settings(self.model_extra)


class Schedule(Section):
    """A validated, frozen schedule: made by :func:`load_schedule`."""

    name: FileName
    description: Label | None = None
    steps: Steps | None = Field(None, description="scheduler steps of a dry run")
    batch_size: Annotated[tuple[BatchPhase, ...], BeforeValidator(_phases)] = ()
    loop: Literal["optimizer-first", "scheduler-first"] = "optimizer-first"
    optimizer: OptimizerSection = OptimizerSection()
    param_groups: tuple[ParamGroup, ...] = (ParamGroup(name="default"),)
    scheduler: SchedulerSection = SchedulerSection()

    _root: Node | None = PrivateAttr(default=None)
    _imported: dict[str, Callable[[int], float]] = PrivateAttr(default_factory=dict)

    @property
    def total_steps(self) -> int:
        """Scheduler steps of a dry run: as stated, else through the end of the fourth cycle of every group."""
        return self.steps or self._end_of_fourth_cycle()

    def _end_of_fourth_cycle(self) -> int:
        schedules = [self.scheduler, *(self.parameters_of(group) for group in self.param_groups)]
        return max(
            1, *(end_of_cycle(4, one.warmup_steps, one.T_0, one.T_mult) for one in schedules)
        )

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
        settings = json.dumps(self.model_dump(by_alias=True), sort_keys=True, default=repr)
        return hashlib.sha256(settings.encode()).hexdigest()

    def problem_at(self, path: tuple[str | int, ...], message: str) -> Problem:
        """Say what turned out to be wrong with a setting, at the place where it is written."""
        return _problem(self._root, path, message) if self._root else Problem(self.name, 0, 0, "", message)

    def custom_lambda_of(self, group: ParamGroup | None = None) -> Callable[[int], float] | None:
        """The custom factor as a function of the step: of all groups, or as one group's own schedule has it."""
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


def load_schedule(
    config: str | Path, *, overrides: Sequence[str] = (), trust: bool = False
) -> Schedule:
    """Read and validate a schedule; nothing of it is run.

    Args:
        config: a path, the name of a shipped schedule (``"default"``), or ``"-"`` for standard input.
        overrides: settings laid over the file, such as ``"scheduler.gamma=0.9"``; groups go by name.
        trust: allow the file to import functions of yours (``custom_lambda: {import: ...}``).

    Raises:
        ScheduleFileError: with every problem of the file, each at its line and column.
    """
    source = read_source(config, overrides)
    return _validated(source.root, source.default_name, list(source.problems), trust=trust)


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
            problems.append(_problem(root, path, message, at_key=one["type"] == "extra_forbidden"))
    for path, message, at_key in _beyond_the_model(data, trust=trust):
        problems.append(_problem(root, path, message, at_key=at_key))
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


_EMPTY = "is empty; a schedule file is a mapping of settings, such as `scheduler: {T_0: 100}`"
_NO_MAPPING = "must be a mapping of settings, such as `scheduler: {T_0: 100}`"

_Finding = tuple[tuple[str | int, ...], str, bool]
"""Where (a path of keys), what is wrong, and whether it is the key itself that is wrong."""


def _beyond_the_model(data: dict[str, Any], *, trust: bool) -> Iterator[_Finding]:
    """What no single field can know. ``data`` is as it was read, so every part may be of a wrong kind."""
    yield from _optimizer_findings(data)
    yield from _group_findings(data.get("param_groups"))
    yield from _phase_findings(data.get("batch_size"))
    scheduler_type = _mapping(data.get("scheduler")).get("type", OWN_SCHEDULER)
    if isinstance(scheduler_type, str) and scheduler_type != OWN_SCHEDULER:
        message = f"{shown(scheduler_type)} is not supported; {OWN_SCHEDULER} is the one scheduler so far"
        yield ("scheduler", "type"), message, False
    if not trust:
        yield from _import_findings(data)


def _optimizer_findings(data: dict[str, Any]) -> Iterator[_Finding]:
    optimizer = _mapping(data.get("optimizer"))
    name = optimizer.get("type", OptimizerSection().type)
    if not isinstance(name, str):
        return
    if name not in optimizer_names():
        message = f"{shown(name)} is no optimizer of torch.optim{did_you_mean(name, optimizer_names())}"
        yield ("optimizer", "type"), message, False
        return
    arguments = optimizer_arguments(name)
    yield from _argument_findings(("optimizer",), optimizer, OptimizerSection, arguments)
    for index, group in enumerate(_list(data.get("param_groups"))):
        yield from _argument_findings(("param_groups", index), _mapping(group), ParamGroup, arguments)


def _argument_findings(
    path: tuple[str | int, ...],
    section: dict[str, Any],
    model: type[Section],
    arguments: dict[str, Argument],
) -> Iterator[_Finding]:
    for key, value in section.items():
        if key in model.model_fields:
            continue
        if key not in arguments:
            yield (*path, key), unknown_key(key, [*model.model_fields, *arguments]), True
        elif wanted := arguments[key].wrong(value):
            yield (*path, key), f"must be {wanted} (got {shown(value)})", False


def _group_findings(groups: Any) -> Iterator[_Finding]:
    if groups == []:
        yield ("param_groups",), "is an empty list; leave it out for one group of all parameters", False
    seen: dict[str, int] = {}
    for index, group in enumerate(_list(groups)):
        name = _mapping(group).get("name")
        if isinstance(name, str) and name in seen:
            message = f"{shown(name)} is the name of group {seen[name]} too; each group needs its own"
            yield ("param_groups", index, "name"), message, False
        elif isinstance(name, str):
            seen[name] = index
        for parameter, shape in _mapping(_mapping(group).get("shapes")).items():
            if isinstance(shape, list) and _elements(shape) > _LARGEST_PARAMETER:
                message = "has more elements than any tensor can hold"
                yield ("param_groups", index, "shapes", parameter), message, False


def _elements(shape: list[Any]) -> int:
    elements = 1
    for size in shape:
        if isinstance(size, int):
            elements *= min(size, _LARGEST_PARAMETER + 1)
    return elements


def _phase_findings(plan: Any) -> Iterator[_Finding]:
    if plan == []:
        yield ("batch_size",), "is an empty list; give a size, phases or null", False
    phases = [_mapping(phase) for phase in _list(plan)]
    before = 0
    for index, phase in enumerate(phases):
        until = phase.get("until")
        last = index == len(phases) - 1
        if last and until is not None:
            yield ("batch_size", index, "until"), "the last phase has no end; leave until out", False
        elif not last and until is None:
            yield ("batch_size", index), "needs until, the last step of the phase; only the last phase has none", False
        elif isinstance(until, int) and not last:
            if until <= before:
                message = f"must be above {before}, where the phase before ends (got {until})"
                yield ("batch_size", index, "until"), message, False
            before = max(before, until)
    if isinstance(plan, dict) and plan.get("until") is not None:
        yield ("batch_size", "until"), "a single phase has no end; leave until out", False


def _import_findings(data: dict[str, Any]) -> Iterator[_Finding]:
    for path, reference in _import_references(data):
        yield path, f"{what_it_runs(reference)}; allow it with --trust (trust=True)", False


def _import_references(data: dict[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    holders: list[tuple[tuple[str | int, ...], Any]] = [(("scheduler",), data.get("scheduler"))]
    for index, group in enumerate(_list(data.get("param_groups"))):
        holders.append((("param_groups", index, "scheduler"), _mapping(group).get("scheduler")))
    for path, holder in holders:
        stated = _mapping(_mapping(holder).get("custom_lambda")).get("import")
        if isinstance(stated, str):
            yield (*path, "custom_lambda", "import"), stated


def _imports(root: Node) -> dict[str, Callable[[int], float]]:
    imported: dict[str, Callable[[int], float]] = {}
    problems = []
    for path, reference in _import_references(root.plain()):
        try:
            imported[reference] = import_function(reference)
        except ValueError as error:
            problems.append(_problem(root, path, str(error)))
    if problems:
        raise ScheduleFileError(problems)
    return imported


def _problem(
    root: Node, path: Sequence[str | int], message: str, *, at_key: bool = False
) -> Problem:
    """A problem at the deepest node of ``path`` that the file holds."""
    position, parent, words = root.position, root, []
    for part, node in root.steps_to(tuple(path)):
        at = parent.key_positions.get(str(part)) if isinstance(parent.value, dict) else None
        position = at if at_key and at is not None else node.position
        name = node.value.get("name") if isinstance(part, int) and isinstance(node.value, dict) else None
        named = name is not None and isinstance(name.value, str) and words == ["param_groups"]
        words.append(f"{name.value}" if named and name is not None else str(part))
        parent = node
    if isinstance(parent.value, dict):
        words += [str(part) for part in path[len(words) :]]
    return position.problem(".".join(words), message)


def _file_order(root: Node) -> Callable[[Problem], tuple[int, str, int, int]]:
    def key(problem: Problem) -> tuple[int, str, int, int]:
        rank = 0 if problem.file == root.position.file else 2 if problem.file.startswith("--set") else 1
        return rank, problem.file, problem.line, problem.column

    return key


def _hint(problems: list[Problem]) -> str:
    if any("--trust" in problem.message for problem in problems):
        return "Give --trust only for files whose code you would run yourself."
    return ""


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
