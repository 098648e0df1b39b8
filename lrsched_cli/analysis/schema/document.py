"""The JSON Schema (2020-12) of a schedule file, for editors that complete and check while typing.

It is made from the models that validate a file and from the signatures of the installed libraries, and
says all of it that a schema can say. What takes counting or arithmetic (two groups of one name, phases in
the wrong order, brackets in a formula) only ``load_schedule`` tells.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any

from lrsched_cli.analysis.schema.models import definitions_of
from lrsched_cli.analysis.schema.sections import (
    DEFAULT_OPTIMIZER,
    NO_LENGTH,
    ONE_LENGTH,
    OPTIMIZER,
    SAYS_WHICH,
    SCHEDULER,
    definitions,
    group_under,
    library_types,
    whole_sections,
)
from lrsched_cli.analysis.schema.values import FORMULA, NULL, formula, ref
from lrsched_cli.core.clock.run_length import RunLength
from lrsched_cli.core.config import Schedule
from lrsched_cli.core.families import FAMILIES
from lrsched_cli.core.sections import OWN_SCHEDULER
from lrsched_cli.core.signatures import optimizer_names

DIALECT = "https://json-schema.org/draft/2020-12/schema"
FILE_NAME = "lrsched.schema.json"
"""How the schema is called that lies beside a schedule file."""

_PHASES = 16
"""Of longer plans a schema only tells that one phase has no end, not that it must be the last."""

JsonSchema = dict[str, Any]


def schedule_schema() -> JsonSchema:
    """The whole document, with the versions of the libraries that it was made from."""
    models = {**definitions_of(RunLength), **definitions_of(Schedule)}
    top = models.pop(Schedule.__name__)
    found = {**models, **definitions(), FORMULA: formula()}
    found["SchedulerSection"]["properties"]["type"] = {"const": OWN_SCHEDULER}
    found["BatchPhase"] = _phase(found["BatchPhase"])
    found["RunLength"] = {**found["RunLength"], "oneOf": [*ONE_LENGTH, NO_LENGTH]}
    by_group = found["ParamGroup"]["properties"]["no_weight_decay"]
    by_group |= {"if": {"type": "object"}, "then": SAYS_WHICH}
    properties = {
        **top["properties"],
        "steps": _steps(top["properties"]["steps"]),
        "extends": _extends(),
        "batch_size": _batch_size(),
        "optimizer": ref(OPTIMIZER),
        "param_groups": {**top["properties"]["param_groups"], "minItems": 1},
        "scheduler": ref(SCHEDULER),
    }
    return {
        "$schema": DIALECT,
        "$comment": _made_by(),
        "title": "A schedule file of lrsched",
        "type": "object",
        "minProperties": 1,
        "properties": properties,
        "additionalProperties": False,
        "allOf": [*_group_rules(), _one_schedule_for_all(), _whole_files()],
        "$defs": dict(sorted(_reached(found, properties, _group_rules(), _whole_files()).items())),
    }


def _made_by() -> str:
    versions = [f"{one.name} {one.version()}" for one in FAMILIES if one.names() and one.version()]
    return f"Made by lrsched {version('lrsched-cli')} with {', '.join(versions[1:])}: lrsched schema"


def _extends() -> JsonSchema:
    return {
        "type": "string",
        "minLength": 1,
        "description": "a schedule file to start from, relative to this one; this file's keys win",
    }


def _phase(model: JsonSchema) -> JsonSchema:
    """A phase, which is said in one way or the other."""
    parts = ("per_device", "devices", "accumulate")
    size = {"required": ["size"], "properties": dict.fromkeys(parts, False) | {"size": {"not": NULL}}}
    product = {"required": ["per_device"], "properties": {"size": NULL, "per_device": {"not": NULL}}}
    return {**model, "anyOf": [size, product]}


def _steps(plain: JsonSchema) -> JsonSchema:
    """Updates, a length with its unit, or the mapping that says more of it."""
    description = f"{plain['description']}: a number, a text such as 90ep, or what makes it"
    return {
        "description": description,
        "if": {"type": "object"},
        "then": ref("RunLength"),
        "else": {**plain, "description": description},
    }


def _batch_size() -> JsonSchema:
    """A size, the three numbers that make it, or phases."""
    size = {**ref("BatchPhase", "properties", "size")}
    single = {**ref("BatchPhase"), "properties": {"until": NULL}}
    phase = {"if": {"type": "object"}, "then": ref("BatchPhase"), "else": {"allOf": [size, {"not": NULL}]}}
    ends = {"type": "object", "required": ["until"], "properties": {"until": {"not": NULL}}}
    one_without_end = {"contains": {"not": ends}, "minContains": 1, "maxContains": 1}
    phases = {"type": "array", "minItems": 1, "items": phase, **one_without_end, "allOf": _ends_before(ends)}
    return {
        "description": "effective batch size, in samples per update: a number, {per_device, devices, "
        "accumulate}, or a list of phases, each with until but the last; by default the batch factor is 1",
        "if": {"type": "object"},
        "then": single,
        "else": {"if": {"type": "array"}, "then": phases, "else": size},
    }


def _ends_before(ends: JsonSchema) -> list[JsonSchema]:
    """Which phase is the last a schema can only tell for lists of a known length."""
    return [
        {"if": {"minItems": items}, "then": {"prefixItems": [*[{}] * (items - 2), ends]}}
        for items in range(2, _PHASES + 1)
    ]


def _group_rules() -> list[JsonSchema]:
    """A param group takes the arguments of the file's optimizer."""
    rules = []
    for name in optimizer_names():
        chosen = {"required": ["optimizer"], "properties": {"optimizer": _of_type(name)}}
        if name == DEFAULT_OPTIMIZER:
            stated = {"required": ["type"], "properties": {"type": {"not": {"const": name}}}}
            inherited = {"required": ["extends"], "not": {**chosen}}
            chosen = {
                "not": {
                    "anyOf": [inherited, {"required": ["optimizer"], "properties": {"optimizer": stated}}]
                }
            }
        groups = {"items": {"if": {"type": "object"}, "then": ref(group_under(name))}}
        rules.append({"if": chosen, "then": {"properties": {"param_groups": groups}}})
    return rules


def _of_type(name: str) -> JsonSchema:
    return {"required": ["type"], "properties": {"type": {"const": name}}}


def _one_schedule_for_all() -> JsonSchema:
    """Other libraries' schedulers have no schedule for each group."""
    library = {"required": ["type"], "properties": {"type": {"enum": library_types()}}}
    groups = {"items": {"properties": {"scheduler": NULL}}}
    return {
        "if": {"required": ["scheduler"], "properties": {"scheduler": library}},
        "then": {"properties": {"param_groups": groups}},
    }


def _whole_files() -> JsonSchema:
    """What must stand in the file itself, where it starts from no other."""
    by_epoch = {"required": ["step_every"], "properties": {"step_every": {"const": "epoch"}}}
    data = {"type": "object", "required": ["dataset_size"], "properties": {"dataset_size": {"not": NULL}}}
    counted = {"required": ["steps", "batch_size"], "properties": {"steps": data}}
    stated = {"required": ["steps_per_epoch"], "properties": {"steps_per_epoch": {"not": NULL}}}
    return {
        "if": {"not": {"required": ["extends"]}},
        "then": {
            "properties": whole_sections(),
            "if": by_epoch,
            "then": {"if": {"not": counted}, "then": stated},
            "else": {"properties": {"steps_per_epoch": NULL}},
        },
    }


def _reached(known: dict[str, JsonSchema], *roots: Any) -> dict[str, JsonSchema]:
    """The definitions that something refers to."""
    found: dict[str, JsonSchema] = {}
    waiting: list[Any] = list(roots)
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            name = str(one.get("$ref", "")).removeprefix("#/$defs/").split("/")[0]
            if name in known and name not in found:
                found[name] = known[name]
                waiting.append(known[name])
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return found


def schema_text() -> str:
    """The document as text, ending in a line break."""
    return json.dumps(schedule_schema(), indent=1, ensure_ascii=False) + "\n"
