"""The arguments of another library's scheduler, as a file states them: what they take, and what is wrong.

An argument's annotation says what a file gives for it: one that mentions ``Callable`` takes formulas of the
step, one that mentions schedulers takes a list of ``scheduler`` sections. So a class that a later version
brings along needs no change here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from lrsched_cli.core.expressions import Expression
from lrsched_cli.core.messages import did_you_mean, shown, unknown_key
from lrsched_cli.errors import ExpressionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lrsched_cli.core.families.family import Family, Finding, Path
    from lrsched_cli.core.signatures import Argument

_NAMES = re.compile(r"\w+")
_MULTIPLIERS = {"T_mult", "num_cycles", "epochs"}
"""Whole numbers of which none is a length in steps; ``epochs`` goes with ``steps_per_epoch``."""

OURS = ("type", "metric")
"""Keys of a section that are no arguments."""


class Signature(NamedTuple):
    """What a file can state for a type; ``open``: and anything else. ``metric``: its ``step`` takes one."""

    arguments: Mapping[str, Argument]
    open: bool = False
    metric: bool = False


def is_function(argument: Argument) -> bool:
    """Whether a file gives formulas for it."""
    return "Callable" in argument.annotation


def is_schedulers(argument: Argument) -> bool:
    """Whether a file gives scheduler sections for it: one, or a list of them."""
    return "Scheduler" in argument.annotation


def counts_steps(argument: Argument) -> bool:
    """Whether it takes a number of steps, or numbers of them: any whole number that multiplies nothing."""
    if argument.name in _MULTIPLIERS or is_function(argument):
        return False
    return "int" in _NAMES.findall(argument.annotation) or (
        not argument.annotation and type(argument.default) is int
    )


def takes_one_alone(argument: Argument) -> bool:
    """Whether it takes a scheduler that is in no list, as a class of the user's own may."""
    return not any(word in argument.annotation.lower() for word in ("list", "sequence", "iterable", "tuple"))


def for_files(arguments: Mapping[str, Argument]) -> dict[str, Argument]:
    """The arguments without those that only a program can give: the optimizer, and where a run resumes."""
    return {
        key: one
        for key, one in arguments.items()
        if key not in {"self", "optimizer", "last_epoch"} and "Optimizer" not in one.annotation
    }


def stated_findings(section: Mapping[str, Any], path: Path, signature: Signature) -> Iterator[Finding]:
    """Unknown and missing arguments, and values of another kind."""
    known = signature.arguments
    for key, value in section.items():
        if key in known:
            yield from _value_findings(value, (*path, key), known[key])
        elif key not in OURS and not signature.open:
            yield (*path, key), unknown_key(key, [*_known_keys(signature), *known]), True
    for key, one in known.items():
        if one.required and key not in section:
            yield (*path, key), f"is missing; {section['type']} needs it", False
    yield from _metric_findings(section, path, needed=signature.metric)


def _value_findings(value: Any, path: Path, argument: Argument) -> Iterator[Finding]:
    if is_schedulers(argument) or any(is_section(one) for _, one in each(value, path)):
        yield from _schedulers_findings(value, path, one_alone=takes_one_alone(argument))
    elif is_function(argument):
        yield from _function_findings(value, path, argument)
    elif wanted := argument.wrong(value):
        yield path, f"must be {wanted} (got {shown(value)})", False


def is_import(value: Any) -> bool:
    """Whether a value names a function of the user's own."""
    return isinstance(value, dict) and value.keys() == {"import"} and isinstance(value["import"], str)


def is_section(value: Any) -> bool:
    """Whether a value describes a scheduler."""
    return isinstance(value, dict) and isinstance(value.get("type"), str)


def unknown_type(kind: str, library: str, known: tuple[str, ...]) -> str:
    """The sentence for a type that its library does not have, with another library's where that has it."""
    from lrsched_cli.core.families import FAMILIES  # noqa: PLC0415 - this module is part of it

    names = [name for family in FAMILIES for name in family.names()]
    elsewhere = next((name for name in names if kind and name.endswith(f".{kind}")), None)
    meant = did_you_mean(kind, known) if elsewhere is None else f"; did you mean {elsewhere}?"
    return f"{shown(kind)} is no scheduler of {library}{meant}"


def _known_keys(signature: Signature) -> list[str]:
    return ["type", *(["metric"] if signature.metric else [])]


def family_for(section: Mapping[str, Any]) -> Any:
    """The family of the scheduler that a section describes."""
    from lrsched_cli.core.families import family_of  # noqa: PLC0415 - this module is part of it

    family: Family = family_of(str(section["type"]))
    return family


def each(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """The entries of a list, or the value itself, each with its place."""
    if isinstance(value, list | tuple):
        yield from (((*path, index), one) for index, one in enumerate(value))
    else:
        yield path, value


def parts_of(section: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, Any]]:
    """The schedulers that a section is made of, each with its place."""
    for key, value in section.items():
        for place, one in each(value, (*path, key)):
            if key not in OURS and is_section(one):
                yield place, one


def _schedulers_findings(value: Any, path: Path, *, one_alone: bool) -> Iterator[Finding]:
    if one_alone and is_section(value):
        yield from family_for(value).findings(value, path)
        return
    if not isinstance(value, list) or not value:
        yield path, f"must be a list of schedulers, each with its type (got {shown(value)})", False
        return
    for place, one in each(value, path):
        if not is_section(one):
            yield place, f"must be a scheduler: a mapping with a type (got {shown(one)})", False
            continue
        yield from family_for(one).findings(one, place)


def _function_findings(value: Any, path: Path, argument: Argument) -> Iterator[Finding]:
    if value is None and "None" in argument.annotation:
        return
    if isinstance(value, list) and "list" not in argument.annotation:
        yield path, f"must be one formula of the step (got {shown(value)})", False
        return
    for place, one in each(value, path):
        if isinstance(one, str):
            try:
                Expression(one)
            except ExpressionError as error:
                yield place, f"{error} (got {shown(one)})", False
        elif not is_import(one):
            wanted = 'a formula of step as text, or {import: "package.module:function"}'
            yield place, f"must be {wanted} (got {shown(one)})", False


def _metric_findings(section: Mapping[str, Any], path: Path, *, needed: bool) -> Iterator[Finding]:
    kind, at = section["type"], (*path, "metric")
    if needed and len(path) > 1:
        yield (
            (*path, "type"),
            f"{kind} needs a metric at each step, which a scheduler of schedulers has not",
            False,
        )
    elif needed and section.get("metric") is None:
        message = f"is missing; {kind} is stepped with one: a formula of step, or {{csv: FILE, column: NAME}}"
        yield at, message, False
    elif not needed and "metric" in section:
        yield at, f"{kind} takes no metric", True
