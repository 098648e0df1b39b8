"""What is wrong with a file beyond its single fields: each check a function over the data as read.

The data may be of any shape here; a part of a wrong kind is passed over, since the models tell of it.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from lrsched_cli.core.families import family_of
from lrsched_cli.core.messages import did_you_mean, shown, unknown_key
from lrsched_cli.core.script.optimizer_code import arguments_of_reference, is_optimizer_reference
from lrsched_cli.core.sections import OWN_SCHEDULER, OptimizerSection, ParamGroup
from lrsched_cli.core.signatures import Argument, optimizer_arguments, optimizer_names
from lrsched_cli.core.user_code import is_reference, what_it_runs
from lrsched_cli.errors import MAX_TOLD

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lrsched_cli.core.families.family import Finding, Path
    from lrsched_cli.core.parameters import Section

_LARGEST_PARAMETER = 2**53
MAX_GROUPS = 2000
"""Param groups of a file; the time that torch takes to make them grows with the square of their number."""


def beyond_the_fields(data: dict[str, Any], *, trust: bool) -> Iterator[Finding]:
    """What no single field can know: the first two hundred, as each takes a search for what was meant.

    ``data`` is as it was read, so every part may be of a wrong kind.
    """
    found = _all_findings(data, trust=trust)
    yield from islice(found, MAX_TOLD - 1)
    for path, _, at_key in islice(found, 1):
        yield path, f"and so on: the first {MAX_TOLD - 1} such problems are told", at_key


def _all_findings(data: dict[str, Any], *, trust: bool) -> Iterator[Finding]:
    yield from _optimizer_findings(data, trust=trust)
    yield from _group_findings(data.get("param_groups"))
    yield from _phase_findings(data.get("batch_size"))
    yield from _scheduler_findings(data)
    yield from _clock_findings(data)
    if not trust:
        yield from _import_findings(data)


def _scheduler_findings(data: dict[str, Any]) -> Iterator[Finding]:
    section = _scheduler(data)
    if section["type"] == OWN_SCHEDULER:
        return
    yield from family_of(section["type"]).findings(section, ("scheduler",))
    for index, group in enumerate(_list(data.get("param_groups"))):
        if _mapping(group).get("scheduler") is not None:
            message = f"{section['type']} has no schedule for each group; {OWN_SCHEDULER} alone has"
            yield ("param_groups", index, "scheduler"), message, True


def _clock_findings(data: dict[str, Any]) -> Iterator[Finding]:
    by_epoch = data.get("step_every") == "epoch"
    if by_epoch and data.get("steps_per_epoch") is None:
        yield ("step_every",), "needs steps_per_epoch: how many updates an epoch has", False
    if not by_epoch and data.get("steps_per_epoch") is not None:
        yield ("steps_per_epoch",), "says nothing without step_every: epoch", True


def _scheduler(data: dict[str, Any]) -> dict[str, Any]:
    """The scheduler section with its type, this package's own where it states none that could be one."""
    section = _mapping(data.get("scheduler"))
    kind = section.get("type", OWN_SCHEDULER)
    return {**section, "type": kind if isinstance(kind, str) else OWN_SCHEDULER}


def _optimizer_findings(data: dict[str, Any], *, trust: bool) -> Iterator[Finding]:
    optimizer = _mapping(data.get("optimizer"))
    name = optimizer.get("type", OptimizerSection().type)
    if not isinstance(name, str):
        return
    if is_optimizer_reference(name):
        if not trust:
            return  # told with all else that would be imported
        try:
            arguments = arguments_of_reference(name, optimizer)
        except ValueError as error:
            yield ("optimizer", "type"), str(error), False
            return
    elif name not in optimizer_names():
        message = f"{shown(name)} is no optimizer of torch.optim{did_you_mean(name, optimizer_names())}"
        yield ("optimizer", "type"), message, False
        return
    else:
        arguments = optimizer_arguments(name)
    yield from _argument_findings(("optimizer",), optimizer, OptimizerSection, arguments)
    for index, group in enumerate(_list(data.get("param_groups"))):
        yield from _argument_findings(("param_groups", index), _mapping(group), ParamGroup, arguments)


def _argument_findings(
    path: Path,
    section: dict[str, Any],
    model: type[Section],
    arguments: Mapping[str, Argument],
) -> Iterator[Finding]:
    for key, value in section.items():
        if key in model.model_fields:
            continue
        if key not in arguments:
            yield (*path, key), unknown_key(key, [*model.model_fields, *arguments]), True
        elif wanted := arguments[key].wrong(value):
            yield (*path, key), f"must be {wanted} (got {shown(value)})", False


def _group_findings(groups: Any) -> Iterator[Finding]:
    if groups == []:
        yield ("param_groups",), "is an empty list; leave it out for one group of all parameters", False
    if len(_list(groups)) > MAX_GROUPS:
        message = f"lists {len(groups):,} groups; {MAX_GROUPS:,} are allowed, as torch takes ages for more"
        yield ("param_groups",), message, False
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


def _phase_findings(plan: Any) -> Iterator[Finding]:
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
            yield (
                ("batch_size", index),
                "needs until, the last step of the phase; only the last phase has none",
                False,
            )
        elif isinstance(until, int) and until >= 1 and not last:
            if until <= before:
                message = f"must be above {before}, where the phase before ends (got {until})"
                yield ("batch_size", index, "until"), message, False
            before = max(before, until)
    if isinstance(plan, dict) and plan.get("until") is not None:
        yield ("batch_size", "until"), "a single phase has no end; leave until out", False


def _import_findings(data: dict[str, Any]) -> Iterator[Finding]:
    for path, reference in import_references(data):
        yield path, f"{what_it_runs(reference)}; allow it with --trust (trust=True)", False


def import_references(data: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    """Every function or class of the user's own that the file names, and where."""
    model = data.get("model")
    if isinstance(model, str) and is_reference(model):
        yield ("model",), model
    optimizer = _mapping(data.get("optimizer")).get("type")
    if isinstance(optimizer, str) and is_optimizer_reference(optimizer):
        yield ("optimizer", "type"), optimizer
    section = _scheduler(data)
    yield from family_of(section["type"]).references(section, ("scheduler",))
    for index, group in enumerate(_list(data.get("param_groups"))):
        own = _mapping(_mapping(group).get("scheduler"))
        yield from family_of(OWN_SCHEDULER).references(own, ("param_groups", index, "scheduler"))


def of_imported(data: dict[str, Any], imported: dict[str, Any]) -> Iterator[Finding]:
    """What only the objects of the user's own tell, now that they are imported."""
    section = _scheduler(data)
    yield from family_of(section["type"]).imported_findings(section, ("scheduler",), imported)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
