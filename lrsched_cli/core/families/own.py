"""The project's own ``LRScheduler``: the default, and the one with a schedule for each group."""

from __future__ import annotations

import math
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from lrsched_cli.core.expansion import by_expanded_name
from lrsched_cli.core.expressions import Expression
from lrsched_cli.core.factors import end_of_cycle
from lrsched_cli.core.families.family import NOT_SAVED, NOT_TOLD, Example, View
from lrsched_cli.core.families.own_course import own_course
from lrsched_cli.core.families.resume_notes import ResumeNote
from lrsched_cli.core.law import Factors, Position
from lrsched_cli.core.numbers_text import count_text, lr_text
from lrsched_cli.core.parameters import DEFAULTS, Parameters
from lrsched_cli.core.script.script import PACKAGE, bracketed, call, literal
from lrsched_cli.core.sections import (
    OWN_SCHEDULER,
    GroupScheduler,
    ImportSection,
    SchedulerSection,
    as_written,
)
from lrsched_cli.errors import CustomLambdaError, ExpressionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import torch

    from lrsched_cli.core.config import Schedule
    from lrsched_cli.core.families.course import Course
    from lrsched_cli.core.families.family import Finding, Holder, Path
    from lrsched_cli.core.scheduler import LRScheduler
    from lrsched_cli.core.script.script import Script
    from lrsched_cli.core.sections import ParamGroup

_FULL_CYCLES = 4
_IN_THE_HEADLINE = {"warmup_steps", "warmup_type", "T_0", "T_mult", "gamma"}
_COUNTS = ("warmup_steps", "T_0")
_NO_FACTORS = (math.nan,) * len(Factors._fields)


class OwnFamily:
    """This package's scheduler."""

    name = "lrsched"

    def has(self, kind: str) -> bool:
        """Whether it is this package's own."""
        return kind == OWN_SCHEDULER

    def names(self) -> tuple[str, ...]:
        """The one type."""
        return (OWN_SCHEDULER,)

    def version(self) -> str | None:
        """This package's."""
        return version("lrsched-cli")

    def missing(self) -> str:
        """Nothing: it is this package."""
        return ""

    def findings(self, section: Mapping[str, Any], path: Path) -> Iterator[Finding]:
        """Nothing: the fields of the section say it all. It cannot be part of another scheduler."""
        if section and len(path) > 1:
            yield (*path, "type"), f"{OWN_SCHEDULER} cannot be a part of another scheduler", False

    def imported_findings(self, *_: object) -> Iterator[Finding]:
        """Nothing: a function is a function."""
        yield from ()

    def references(self, section: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, str]]:
        """A custom factor of the user's."""
        stated = section.get("custom_lambda")
        if isinstance(stated, dict) and isinstance(stated.get("import"), str):
            yield (*path, "custom_lambda", "import"), stated["import"]

    def step_counts(self, section: Mapping[str, Any], path: Path) -> Iterator[Path]:
        """Warm-up and first cycle."""
        yield from ((*path, key) for key in _COUNTS if key in section)

    def settings(self, schedule: Schedule) -> dict[str, Any]:
        """Every parameter of all groups."""
        section = section_of(schedule)
        stated = {key: as_written(getattr(section, key)) for key in type(section).model_fields}
        return {"type": stated.pop("type"), **stated}

    def setting(self, holder: Holder, key: str) -> Any:
        """A parameter of all groups, or the one that a group runs under."""
        schedule, group = holder
        section = section_of(schedule)
        stated = section if group is None else parameters_of(schedule, schedule.param_groups[group])
        return getattr(stated, key, None)

    def with_setting(self, holder: Holder, key: str, other: Holder) -> Schedule | None:
        """None for a function of the user's, which only its own schedule has at hand."""
        (schedule, group), (_, other_group) = holder, other
        if not isinstance(other[0].scheduler, SchedulerSection):
            return None
        theirs = _stated_in(*other)
        if isinstance(theirs.get(key), ImportSection):
            return None
        if group is None or other_group is None:
            section = section_of(schedule).model_copy(update={key: getattr(other[0].scheduler, key)})
            return schedule.model_copy(update={"scheduler": section})
        ours = _stated_in(*holder)
        ours.pop(key, None)
        ours |= {key: theirs[key]} if key in theirs else {}
        groups = list(schedule.param_groups)
        groups[group] = groups[group].model_copy(
            update={"scheduler": GroupScheduler(**ours) if ours else None}
        )
        return schedule.model_copy(update={"param_groups": tuple(groups)})

    def with_batch_rule(self, schedule: Schedule, rule: str) -> Schedule | None:
        """For the groups that state one of their own, too."""
        changed = {"batch_size_mode": rule}
        groups = [
            group.model_copy(update={"scheduler": group.scheduler.model_copy(update=changed)})
            if group.scheduler is not None and "batch_size_mode" in group.scheduler.model_fields_set
            else group
            for group in schedule.param_groups
        ]
        section = section_of(schedule).model_copy(update=changed)
        return schedule.model_copy(update={"scheduler": section, "param_groups": tuple(groups)})

    def restored_setting(self, state: Mapping[str, Any], key: str, saved: Holder, restored: Holder) -> Any:
        """What the law goes on with. Of T_0 that is what the cycle's length has grown from."""
        if key == "custom_lambda":
            return NOT_SAVED
        group = restored[1]
        own = {} if group is None else state["groups"][group]
        if key != "T_0":
            return {**state["hyperparameters"], **own.get("overrides", {})}.get(key, NOT_TOLD)
        position = own or state
        for holder in (saved, restored):
            T_0, T_mult = (self.setting(holder, name) for name in ("T_0", "T_mult"))
            if position["T_i"] == T_0 * T_mult ** position["cycle"]:
                return T_0
        return None

    def headline(self, schedule: Schedule) -> list[str]:
        """Warm-up, restarts and decay."""
        return headline(section_of(schedule))

    def further_settings(self, schedule: Schedule) -> list[str]:
        """What else is not as by default, and the groups' own parameters."""
        own = [(group.name, group.scheduler) for group in schedule.param_groups]
        return [
            *further_settings(section_of(schedule)),
            *(f"{name}: {_stated(section)}" for name, section in own if section is not None),
        ]

    def scheduler_steps(self, schedule: Schedule) -> int | None:
        """Through the end of every group's fourth cycle."""
        each = [parameters_of(schedule, group) for group in schedule.param_groups]
        ends = [end_of_cycle(_FULL_CYCLES, one.warmup_steps, one.T_0, one.T_mult) for one in each]
        return max(1, *ends)

    def course(self, schedule: Schedule) -> Course | None:
        """By the law; groups without a schedule of their own share one."""
        shared = (*law_of(schedule), ("scheduler",))
        return own_course(
            schedule,
            [
                shared if group.scheduler is None else (*law_of(schedule, place), _place_of(place))
                for place, group in enumerate(schedule.param_groups)
            ],
        )

    def resume_notes(self, schedule: Schedule) -> Iterator[ResumeNote]:
        """Its state tells of every setting that differs, but a function is not saved."""
        places = [("scheduler",), *map(_place_of, range(len(schedule.param_groups)))]
        holders = [section_of(schedule), *(group.scheduler for group in schedule.param_groups)]
        for place, holder in zip(places, holders, strict=True):
            if holder is not None and holder.custom_lambda is not None:
                yield ResumeNote((*place, "custom_lambda"), "not in the checkpoint")

    def try_out(self, schedule: Schedule, scheduler_steps: int) -> None:
        """Call every formula of the step: importing torch takes longer than all of that."""
        for group in (None, *schedule.param_groups):
            formula = custom_lambda_of(schedule, group)
            if isinstance(formula, Expression):
                for step in range(1, scheduler_steps + 1):
                    try:
                        formula(step)
                    except ExpressionError as error:
                        message = f"custom_lambda failed at step {step}: {error}"
                        name = None if group is None else group.name
                        raise CustomLambdaError(message, step, name) from None

    def build(self, schedule: Schedule, optimizer: torch.optim.Optimizer) -> LRScheduler:
        """A group's own schedule goes to the optimizer's groups that come of it."""
        from lrsched_cli.core.scheduler import LRScheduler  # noqa: PLC0415 - imports torch

        names = [group.get("name") for group in optimizer.param_groups]
        overrides: dict[str | int, dict[str, Any]] = {
            name: {
                **group.scheduler.model_dump(include=group.scheduler.model_fields_set - {"custom_lambda"}),
                **_own_lambda(schedule, group),
            }
            for name, group in by_expanded_name(schedule, names).items()
            if group.scheduler is not None
        }
        return LRScheduler(
            optimizer,
            **section_of(schedule).model_dump(exclude={"type", "custom_lambda"}),
            custom_lambda=custom_lambda_of(schedule),
            group_overrides=overrides,
        )

    def written(self, schedule: Schedule, script: Script) -> str:
        """The class of this package, with every parameter."""
        section = section_of(schedule)
        arguments = _written(section.model_dump(exclude={"type", "custom_lambda"}))
        arguments |= _written_lambda(section, script)
        overrides = [
            f"{literal(group.name)}: {_written_override(group.scheduler, script)}"
            for group in schedule.param_groups
            if group.scheduler is not None
        ]
        if overrides:
            arguments["group_overrides"] = bracketed("{", overrides, "}")
        return call(script.name(PACKAGE, OWN_SCHEDULER), ["optimizer"], arguments)

    def stepper(self, schedule: Schedule) -> Callable[[Any, int, float | None], object]:
        """Its ``step`` takes the batch size."""
        del schedule
        return lambda scheduler, _, batch_size: scheduler.step(batch_size)

    def view(self, scheduler: LRScheduler) -> View | None:
        """Multiplier, factors and cycle state of every group."""

        def read() -> list[float]:
            row = scheduler.scales  # a list of its own
            for factors in scheduler.factors:
                row += factors or _NO_FACTORS
            for position in scheduler.positions:
                row += position
            return row

        return View(Factors._fields, Position._fields, read, lrs_only=True)

    def kind_of_state(self, state: Mapping[str, Any]) -> str:
        """Its states carry the version of their form; those of old carry the fields of the law."""
        return OWN_SCHEDULER if "format_version" in state or {"global_step", "T_cur"} <= state.keys() else ""

    def examples(self) -> Iterable[Example]:
        """Warm-up and restarts, as they are by default but shorter."""
        yield Example({"type": OWN_SCHEDULER, "warmup_steps": 7, "T_0": 10})


def law_of(schedule: Schedule, group: int | None = None) -> tuple[Parameters, Callable[[int], float] | None]:
    """The parameters and the custom factor of all groups, or those that one group runs under."""
    if group is None:
        return section_of(schedule), custom_lambda_of(schedule)
    own = schedule.param_groups[group]
    stated = own.scheduler is not None and "custom_lambda" in own.scheduler.model_fields_set
    return parameters_of(schedule, own), custom_lambda_of(schedule, own if stated else None)


def _place_of(group: int) -> Path:
    return ("param_groups", group, "scheduler")


def section_of(schedule: Schedule) -> SchedulerSection:
    """The scheduler section of a schedule of this family."""
    if not isinstance(schedule.scheduler, SchedulerSection):
        raise TypeError(f"{schedule.scheduler.type} is not {OWN_SCHEDULER}")
    return schedule.scheduler


def parameters_of(schedule: Schedule, group: ParamGroup) -> Parameters:
    """The parameters that a group's schedule runs under: its own over those of all groups."""
    own = group.scheduler.model_dump(include=group.scheduler.model_fields_set) if group.scheduler else {}
    both = {**section_of(schedule).model_dump(include=set(Parameters.model_fields)), **own}
    return Parameters(**{key: value for key, value in both.items() if key in Parameters.model_fields})


def custom_lambda_of(schedule: Schedule, group: ParamGroup | None = None) -> Callable[[int], float] | None:
    """The custom factor as a function of the step: that of all groups, or one group's own."""
    holder = section_of(schedule) if group is None else group.scheduler
    stated = holder.custom_lambda if holder else None
    if not isinstance(stated, ImportSection):
        return stated
    function: Callable[[int], float] = schedule.imported(stated.import_)
    return function


def _stated_in(schedule: Schedule, group: int | None) -> dict[str, Any]:
    """The parameters that a holder states itself."""
    own = section_of(schedule) if group is None else schedule.param_groups[group].scheduler
    return {} if own is None else {key: getattr(own, key) for key in own.model_fields_set}


def _own_lambda(schedule: Schedule, group: ParamGroup) -> dict[str, Any]:
    own = group.scheduler
    if own is None or "custom_lambda" not in own.model_fields_set:
        return {}
    return {"custom_lambda": custom_lambda_of(schedule, group)}


def _written(parameters: Mapping[str, Any]) -> dict[str, str]:
    return {key: literal(value) for key, value in parameters.items()}


def _written_lambda(section: GroupScheduler, script: Script) -> dict[str, str]:
    stated = section.custom_lambda
    if "custom_lambda" not in section.model_fields_set:
        return {}
    if isinstance(stated, Expression):
        return {"custom_lambda": script.formula("custom_lambda", stated)}
    return {"custom_lambda": "None" if stated is None else script.reference(stated.import_)}


def _written_override(own: GroupScheduler, script: Script) -> str:
    stated = _written(own.model_dump(include=own.model_fields_set - {"custom_lambda"}))
    stated |= _written_lambda(own, script)
    return bracketed("{", [f"{literal(key)}: {value}" for key, value in stated.items()], "}")


def headline(parameters: Parameters) -> list[str]:
    """Warm-up, restarts and decay in short phrases."""
    warmup = f"warm-up {count_text(parameters.warmup_steps)} {parameters.warmup_type}"
    times = f" ×{parameters.T_mult}" if parameters.T_mult > 1 else ""
    return [
        warmup if parameters.warmup_steps else "no warm-up",
        f"restarts T₀ {count_text(parameters.T_0)}{times}",
        f"γ {parameters.gamma:g}",
    ]


def further_settings(parameters: Parameters) -> list[str]:
    """The parameters that are not as by default and not in the headline."""
    found = [
        f"{key} {_shown(getattr(parameters, key))}"
        for key in Parameters.model_fields
        if key not in _IN_THE_HEADLINE and getattr(parameters, key) != getattr(DEFAULTS, key)
    ]
    custom = getattr(parameters, "custom_lambda", None)
    return [*found, f"custom_lambda {_shown(custom)}"] if custom is not None else found


def _stated(section: GroupScheduler) -> str:
    return ", ".join(f"{key} {_shown(getattr(section, key))}" for key in sorted(section.model_fields_set))


def _shown(value: Any) -> str:
    return lr_text(value) if isinstance(value, float) else str(as_written(value))
