"""A schedule as a Python script that builds the same optimizer and scheduler."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import indent
from typing import TYPE_CHECKING

from lrsched_cli.core.patterns import REGULAR
from lrsched_cli.core.script.script import PACKAGE, Script, bracketed, call, literal
from lrsched_cli.core.sections import LibraryScheduler, ParamGroup
from lrsched_cli.core.visible_text import visible
from lrsched_cli.errors import ScheduleFileError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lrsched_cli.core.config import Schedule

_REST = "only one group can take the rest"
_GROUPING = """\
    groups = [{**group, "params": []} for group in PARAM_GROUPS]
    for name, parameter in model.named_parameters():
        fitting = [i for i, some in enumerate(PATTERNS) if any(fnmatchcase(name, one) for one in some)]
        groups[FIRST]["params"].append(parameter)
"""


@dataclass(frozen=True, slots=True)
class PythonText:
    """A script. ``plain``: it needs only the libraries that it uses, and nothing of this package."""

    name: str
    plain: bool
    code: str


def python_text(schedule: Schedule, source: str, version: str) -> PythonText:
    """The script for a schedule that was read from ``source``, made by this ``version``.

    Raises ScheduleFileError where two groups take the rest of a model's parameters, UsageError where the
    script would have to read a file that is standard input.
    """
    script = Script()
    if _needs_the_file(schedule):
        optimizer, scheduler = _by_the_file(schedule, script)
    else:
        optimizer = _optimizer_lines(schedule, script)
        scheduler = _scheduler_lines(schedule, script)
    plain = not script.needs_package
    lines = [
        *(f"# {line}".rstrip() for line in _head(schedule, source, version, plain=plain)),
        "",
        *script.import_lines(),
        "",
        "",
        *script.function_lines(),
        *optimizer,
        "",
        "",
        *scheduler,
        "",
        "",
        *(f"# {line}".rstrip() for line in _loop(schedule)),
    ]
    return PythonText(schedule.name, plain, "\n".join(lines) + "\n")


def _head(schedule: Schedule, source: str, version: str, *, plain: bool) -> Iterator[str]:
    # Python looks for the name of an encoding in the first two lines: a schedule's own words come after them.
    yield f"Made by lrsched export (lrsched {version})"
    yield ""
    what = f"{schedule.optimizer.type} under {schedule.scheduler.type}"
    yield f"{schedule.name}: {schedule.description or what}"
    yield f"from {visible(source)}"
    if not plain:
        yield f"It needs lrsched (pip install lrsched-cli) for {package_serves(schedule)}."


def package_serves(schedule: Schedule) -> str:
    """What the script of a schedule takes from this package, where it takes anything."""
    rules = [*schedule.expanding_rules, *([f"{REGULAR} patterns"] if _has_regular_patterns(schedule) else [])]
    return ", ".join(rules) or schedule.scheduler.type


def _needs_the_file(schedule: Schedule) -> bool:
    """Whether rules divide the param groups that only this package knows; they stay in the file."""
    return bool(schedule.expanding_rules) or _has_regular_patterns(schedule)


def _has_regular_patterns(schedule: Schedule) -> bool:
    return any(one.startswith(REGULAR) for group in schedule.param_groups for one in group.match)


def _by_the_file(schedule: Schedule, script: Script) -> tuple[list[str], list[str]]:
    origin = schedule.origin
    if origin is None or origin.stdin is not None:
        raise UsageError(f"{package_serves(schedule)}: the script reads the file; give it by its path")
    more = {"overrides": literal(list(origin.overrides))} if origin.overrides else {}
    more |= {"trust": "True"} if origin.trust else {}
    load = call(script.name(PACKAGE, "load_schedule"), [literal(origin.config)], more)
    optimizer = ["def build_optimizer(model):", _returned("SCHEDULE.build_optimizer(model)")]
    scheduler = ["def build_scheduler(optimizer):", _returned("SCHEDULE.build_scheduler(optimizer)")]
    return [f"SCHEDULE = {load}", "", "", *optimizer], scheduler


def _optimizer_lines(schedule: Schedule, script: Script) -> list[str]:
    settings = schedule.optimizer.settings
    kind = _optimizer_class(schedule, script)
    stated = {} if schedule.optimizer.lr is None else {"lr": schedule.optimizer.lr}
    arguments = {key: literal(value) for key, value in (stated | settings).items()}
    head = "def build_optimizer(model):"
    if _is_one_group_of_all(schedule):
        return [head, _returned(call(kind, ["model.parameters()"], arguments))]
    script.name("fnmatch", "fnmatchcase")
    groups = [
        literal({"name": group.name, "lr": schedule.base_lr(group), **group.settings})
        for group in schedule.param_groups
    ]
    rest = _rest(schedule)
    first = "fitting[0]" if rest is None else f"(fitting or [{rest}])[0]"
    return [
        "# A parameter goes to the first group with a pattern that fits its name, else to the one without.",
        f"PARAM_GROUPS = {bracketed('[', groups, ']')}",
        f"PATTERNS = {bracketed('[', [literal(list(one.match)) for one in schedule.param_groups], ']')}",
        "",
        "",
        head,
        *_GROUPING.replace("FIRST", first).splitlines(),
        _returned(call(kind, ["groups"], arguments)),
    ]


def _optimizer_class(schedule: Schedule, script: Script) -> str:
    if schedule.imported_optimizer is not None:
        return script.reference(schedule.optimizer.type)
    return f"{script.module('torch')}.optim.{schedule.optimizer.type}"


def _is_one_group_of_all(schedule: Schedule) -> bool:
    """Whether the one group says nothing that the optimizer does not; its name then serves no one."""
    (first, *others) = schedule.param_groups
    return not others and first == ParamGroup(name=first.name, shapes=first.shapes)


def _rest(schedule: Schedule) -> int | None:
    """The index of the group that takes what no pattern fits; None where every group has patterns."""
    groups = schedule.param_groups
    rest = [index for index, group in enumerate(groups) if not group.match]
    if len(rest) > 1:
        message = f"has no match, like {groups[rest[0]].name!r}; {_REST}"
        raise ScheduleFileError([schedule.problem_at(("param_groups", one), message) for one in rest[1:]])
    return rest[0] if rest else None


def _scheduler_lines(schedule: Schedule, script: Script) -> list[str]:
    return ["def build_scheduler(optimizer):", _returned(schedule.family.written(schedule, script))]


def _returned(expression: str) -> str:
    return indent(f"return {expression}", "    ")


def _loop(schedule: Schedule) -> list[str]:
    """The training loop, as the file says it is."""
    every = schedule.updates_per_step
    step = f"scheduler.step({_step_argument(schedule)})"
    first = schedule.loop == "scheduler-first"
    if every > 1:
        before, after = f"update % {every} == 0", f"(update + 1) % {every} == 0"
        step = f"if {before if first else after}:\n        {step}"
    steps = "UPDATES" if schedule.steps is None else str(schedule.steps)
    update = ["loss.backward()", "optimizer.step()"]
    body = [step, *update] if first else [*update, step]
    return [
        f"The training loop ({schedule.loop}):",
        "",
        f"for update in range({steps}):",
        *(line for one in [*body, "optimizer.zero_grad()"] for line in f"    {one}".splitlines()),
        *_batch_lines(schedule),
    ]


def _step_argument(schedule: Schedule) -> str:
    section = schedule.scheduler
    if isinstance(section, LibraryScheduler):
        return "" if section.metric is None else "metric"
    sizes = schedule.batch_plan.sizes
    return "" if sizes == (None,) else f"batch_size={sizes[0] if len(sizes) == 1 else 'batch_size'}"


def _batch_lines(schedule: Schedule) -> list[str]:
    plan = schedule.batch_plan
    if len(plan.sizes) == 1:
        return []
    phases = [f"{size} through step {end:,}" for size, end in zip(plan.sizes, plan.ends, strict=False)]
    return ["", f"batch_size: {', '.join(phases)}, then {plan.sizes[-1]}"]
