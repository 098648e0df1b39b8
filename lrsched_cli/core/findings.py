"""What is wrong with a file beyond its single fields: each check a function over the data as read.

The data may be of any shape here; a part of a wrong kind is passed over, since the models tell of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lrsched_cli.core.messages import did_you_mean, shown, unknown_key
from lrsched_cli.core.sections import OWN_SCHEDULER, OptimizerSection, ParamGroup
from lrsched_cli.core.signatures import Argument, optimizer_arguments, optimizer_names
from lrsched_cli.core.user_code import what_it_runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lrsched_cli.core.parameters import Section

_LARGEST_PARAMETER = 2**53

Path = tuple[str | int, ...]
"""Keys and indices from the top of the file to a setting."""

Finding = tuple[Path, str, bool]
"""Where (a path of keys), what is wrong, and whether it is the key itself that is wrong."""


def beyond_the_fields(data: dict[str, Any], *, trust: bool) -> Iterator[Finding]:
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


def _optimizer_findings(data: dict[str, Any]) -> Iterator[Finding]:
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
    path: Path,
    section: dict[str, Any],
    model: type[Section],
    arguments: dict[str, Argument],
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
    """Every function of the user's own that the file names, and where."""
    holders: list[tuple[Path, Any]] = [(("scheduler",), data.get("scheduler"))]
    for index, group in enumerate(_list(data.get("param_groups"))):
        holders.append((("param_groups", index, "scheduler"), _mapping(group).get("scheduler")))
    for path, holder in holders:
        stated = _mapping(_mapping(holder).get("custom_lambda")).get("import")
        if isinstance(stated, str):
            yield (*path, "custom_lambda", "import"), stated


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
