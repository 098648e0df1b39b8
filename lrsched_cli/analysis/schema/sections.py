"""The sections whose keys depend on a type: optimizers with their arguments, and schedulers with theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lrsched_cli.analysis.schema.values import NESTED, NULL, REFERENCE, argument, ref
from lrsched_cli.core.clock.run_length import LENGTHS
from lrsched_cli.core.families import FAMILIES
from lrsched_cli.core.families.library import LibraryFamily
from lrsched_cli.core.sections import OWN_SCHEDULER, LibraryScheduler, OptimizerSection, ParamGroup
from lrsched_cli.core.signatures import optimizer_arguments, optimizer_docs, optimizer_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lrsched_cli.analysis.schema.values import JsonSchema
    from lrsched_cli.core.signatures import Argument

DEFAULT_OPTIMIZER = OptimizerSection().type
OPTIMIZER, SCHEDULER = "any_optimizer", "any_scheduler"
_OWN, _LIBRARY = "SchedulerSection", LibraryScheduler.__name__

ONE_LENGTH: list[JsonSchema] = [
    {"required": [key], "properties": {key: {"not": NULL}, **dict.fromkeys(set(LENGTHS) - {key}, NULL)}}
    for key in LENGTHS
]
"""One for each length that ``steps`` as a mapping may say."""
NO_LENGTH: JsonSchema = {"properties": dict.fromkeys(LENGTHS, NULL)}


SAYS_WHICH: JsonSchema = {
    "anyOf": [
        {"required": ["match"], "properties": {"match": {"minItems": 1}}},
        {"required": ["dims_below"], "properties": {"dims_below": {"not": NULL}}},
    ]
}
"""What ``no_weight_decay`` cannot do without."""


def optimizer_definitions() -> dict[str, JsonSchema]:
    """For every optimizer of the installed torch its section, and a param group under it."""
    found: dict[str, JsonSchema] = {}
    for name in optimizer_names():
        arguments = optimizer_arguments(name)
        stated = _arguments(f"torch.optim.{name}", arguments, optimizer_docs(name), OptimizerSection)
        in_group = {key: ref(name, "properties", key) for key in stated if key not in ParamGroup.model_fields}
        shared = {"type": ref(OptimizerSection.__name__, "properties", "type")}
        shared["lr"] = ref(OptimizerSection.__name__, "properties", "lr")
        found[name] = _closed({**shared, **stated})
        found[group_under(name)] = _closed({**_fields_of(ParamGroup), **in_group})
    return found


def group_under(optimizer: str) -> str:
    """What the definition of a param group is called that belongs to an optimizer."""
    return f"group_under_{optimizer}"


def optimizer_section() -> JsonSchema:
    """Any optimizer: its type says which keys there are."""
    known = _one_of(optimizer_names(), "a class of torch.optim, or your own as package.module:Class")
    return {
        "type": "object",
        "description": "the optimizer's class in torch.optim, and its arguments",
        "properties": {"type": known},
        "allOf": [_if_type(name, then=ref(name)) for name in optimizer_names()],
    }


def scheduler_definitions() -> dict[str, JsonSchema]:
    """Every scheduler of the installed libraries: its keys, and those that it needs."""
    found: dict[str, JsonSchema] = {}
    for family in _libraries():
        for name in family.names():
            signature = family.signature(name, {})
            stated = _arguments(name, signature.arguments, family.docs(name), LibraryScheduler)
            metric = {"metric": ref(_LIBRARY, "properties", "metric")} if signature.metric else {}
            found[name] = _closed({"type": {"const": name}, **metric, **stated})
            needed = [key for key, one in signature.arguments.items() if one.required]
            no_metric = {"required": ["metric"], "properties": {"metric": NULL}}
            found[complete(name)] = {"required": [*needed, *metric], **({"not": no_metric} if metric else {})}
    return found


def complete(kind: str) -> str:
    """What the definition is called that says what a scheduler cannot do without."""
    return f"needed_by_{kind}"


def scheduler_section(description: str) -> JsonSchema:
    """Any scheduler: its type says which keys there are."""
    rules = [_if_type(name, then=ref(name)) for name in library_types()]
    return {
        "type": "object",
        "description": description,
        "properties": {"type": _one_of([OWN_SCHEDULER, *library_types()], "the scheduler's class")},
        "allOf": [_if_type(OWN_SCHEDULER, then=ref(_OWN)), *rules],
    }


def whole_sections() -> JsonSchema:
    """What holds where no base can have stated it: the default types, and what each type needs."""
    untyped = {"not": {"required": ["type"]}}
    needs = [_if_type(name, then=ref(complete(name))) for name in library_types() if _needs(name)]
    return {
        "steps": {"if": {"type": "object"}, "then": {"oneOf": ONE_LENGTH}},
        "no_weight_decay": {"if": {"type": "object"}, "then": SAYS_WHICH},
        "optimizer": {"if": untyped, "then": ref(DEFAULT_OPTIMIZER)},
        "scheduler": {"allOf": [{"if": untyped, "then": ref(_OWN)}, *needs]},
    }


def nested_scheduler() -> JsonSchema:
    """A part of another scheduler: any that is not this package's own and is stepped without a metric."""
    parts = [name for name in library_types() if not _signature(name).metric]
    both = [{"allOf": [ref(name), ref(complete(name))]} for name in parts]
    rules = [_if_type(name, then=then) for name, then in zip(parts, both, strict=True)]
    return {
        "type": "object",
        "required": ["type"],
        "properties": {"type": _one_of(parts, "the scheduler's class")},
        "allOf": rules,
    }


def definitions() -> dict[str, JsonSchema]:
    """All of them, by the names under which they refer to each other."""
    return {
        **optimizer_definitions(),
        **scheduler_definitions(),
        OPTIMIZER: optimizer_section(),
        SCHEDULER: scheduler_section(
            "the scheduler of all groups: this package's own, or another by its type"
        ),
        NESTED: nested_scheduler(),
    }


def library_types() -> list[str]:
    """Every scheduler of the installed libraries, as a file names it."""
    return [name for family in _libraries() for name in family.names()]


def _libraries() -> Iterable[LibraryFamily]:
    return (one for one in FAMILIES if isinstance(one, LibraryFamily))


def _signature(kind: str) -> Any:
    return next(one for one in _libraries() if kind in one.names()).signature(kind, {})


def _needs(kind: str) -> bool:
    signature = _signature(kind)
    return signature.metric or any(one.required for one in signature.arguments.values())


def _arguments(
    owner: str, arguments: Mapping[str, Argument], docs: Mapping[str, str], model: Any
) -> dict[str, JsonSchema]:
    """The arguments that are no fields of the section's model."""
    return {
        key: argument(one, docs.get(key, f"an argument of {owner}"))
        for key, one in arguments.items()
        if key not in model.model_fields
    }


def _fields_of(model: Any) -> dict[str, JsonSchema]:
    """The fields of a model by reference: each is told once."""
    names = [info.alias or name for name, info in model.model_fields.items()]
    return {name: ref(model.__name__, "properties", name) for name in names}


def _closed(properties: dict[str, JsonSchema]) -> JsonSchema:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _one_of(names: Iterable[str], description: str) -> JsonSchema:
    """One of the known types, or something of the user's own."""
    own = {"type": "string", "pattern": REFERENCE}
    return {"description": description, "anyOf": [{"enum": list(names)}, own]}


def _if_type(name: str, *, then: JsonSchema) -> JsonSchema:
    """A rule for the sections of a type."""
    return {"if": {"properties": {"type": {"const": name}}, "required": ["type"]}, "then": then}
