"""The JSON Schema of single values: numbers as people write them, formulas, a library's arguments."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from lrsched_cli.core.clock.units import LONGEST, UNITS, written_pattern
from lrsched_cli.core.expressions import FUNCTIONS, MAX_LENGTH, VALUES
from lrsched_cli.core.families.arguments import counts_steps, is_function, is_schedulers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lrsched_cli.core.signatures import Argument, Kind

JsonSchema = dict[str, Any]

FORMULA, IMPORT, NESTED = "formula", "ImportSection", "part_of_a_scheduler"
REFERENCE = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$"
"""Something of the user's own, as ``package.module:name``."""

NULL: JsonSchema = {"type": "null"}

_GROUPED = {
    "integer": r"^[-+]?[1-9][0-9]*(_[0-9]+)+$",
    "number": r"^[-+]?[1-9][0-9]*(_[0-9]+)+\.?[0-9]*([eE][-+]?[0-9]+)?$",
}
_WORDS = {"integer": "must be a whole number", "number": "must be a number"}
_TYPES = {"float": "number", "int": "integer", "bool": "boolean", "str": "string", "None": "null"}


def ref(name: str, *path: str) -> JsonSchema:
    """A reference to a definition, or to a part of it."""
    return {"$ref": "/".join(["#", "$defs", name, *path])}


def formula() -> JsonSchema:
    """A formula of ``step``: the words and signs of the language. How they fit together it cannot say."""
    names = ", ".join([*VALUES, *FUNCTIONS])
    words = "|".join([*VALUES, "and", "or", "not", "if", "else", f"({'|'.join(FUNCTIONS)})(?=\\s*\\()"])
    decimal = r"([0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)([eE][-+]?[0-9_]+)?"
    number = rf"(?<![\w.])({decimal}|0[xX](_?[0-9a-fA-F])+|0[oO](_?[0-7])+|0[bB](_?[01])+)(?![\w.])"
    token = rf"\s|\b({words})(?!\w)|{number}|[-+*/%(),]|[<>](?![<>])=?|[=!]="
    return {
        "type": "string",
        "description": f"a formula of step; there are {names}, + - * / // % **, comparisons, "
        "and or not, x if c else y",
        "maxLength": MAX_LENGTH,
        "pattern": rf"^(?=\s*\S)(?![\s\S]*[-+*/%<>=,(]\s*$)({token})*$",
        "patternErrorMessage": "is no formula: something in it is not part of the language",
    }


def as_written(schema: JsonSchema) -> JsonSchema:
    """Numbers may have their digits grouped (``1_000``), which other readers of YAML take for text."""
    kinds = as_list(schema.get("type"))
    number = next((kind for kind in kinds if kind in _GROUPED), None)
    if number is None or "string" in kinds:
        return schema
    grouped = {"type": [*kinds, "string"], "pattern": _GROUPED[number]}
    return {**schema, **grouped, "patternErrorMessage": _WORDS[number]}


def with_units(schema: JsonSchema, units: Iterable[str] = UNITS) -> JsonSchema:
    """A number that may also be written in a unit: ``5ep``; 0 of it where the number may be 0."""
    kinds = as_list(schema.get("type"))
    number = next((kind for kind in kinds if kind in _GROUPED), None)
    if number is None or ("string" in kinds and "pattern" not in schema):
        return schema
    if schema.get("default", ...) is None and "null" not in kinds:  # what is left out cannot be written
        schema = {key: value for key, value in schema.items() if key != "default"}
    above_0 = "exclusiveMinimum" in schema or schema.get("minimum", 0) > 0
    unit = written_pattern(units, above_0=above_0)
    return {
        **schema,
        "type": [*kinds, *([] if "string" in kinds else ["string"])],
        "pattern": f"{_GROUPED[number]}|{unit}",
        "maxLength": LONGEST,
        "patternErrorMessage": f"{_WORDS[number]}, or one with a unit: {', '.join(units)}",
    }


def argument(stated: Argument, description: str = "") -> JsonSchema:
    """What a file may give for an argument of a library's class or function."""
    found = _values(stated)
    if description:
        found["description"] = description
    if _is_json(stated.default):
        default = stated.default
        found["default"] = list(default) if isinstance(default, tuple) else default
    return found


def _values(stated: Argument) -> JsonSchema:
    found = _kinds(stated)
    if not counts_steps(stated):
        return found
    options = [with_units(_with_unit_entries(one)) for one in found.get("anyOf", [found])]
    return {"anyOf": options} if "anyOf" in found else options[0]


def _with_unit_entries(schema: JsonSchema) -> JsonSchema:
    return {**schema, "items": with_units(schema["items"])} if "items" in schema else schema


def _kinds(stated: Argument) -> JsonSchema:
    if is_schedulers(stated):
        return {"type": "array", "minItems": 1, "items": ref(NESTED)}
    if is_function(stated):
        one: list[JsonSchema] = [ref(FORMULA), ref(IMPORT)]
        several = [{"type": "array", "items": {"anyOf": one}}] if "list" in stated.annotation else []
        none = [{"type": "null"}] if "None" in stated.annotation else []
        return {"anyOf": [*one, *several, *none]}
    simple = [_TYPES[one] for one in stated.kinds if isinstance(one, str)]
    schemas = [_of_kind(one) for one in stated.kinds if not isinstance(one, str)]
    if simple:
        schemas.insert(0, as_written({"type": simple if len(simple) > 1 else simple[0]}))
    return {"anyOf": schemas} if len(schemas) > 1 else dict(*schemas)


def _of_kind(kind: Kind) -> JsonSchema:
    match kind:
        case ("choices", choices):
            return {"enum": list(choices)}
        case ("list", of):
            return {"type": "array", "items": as_written({"type": _TYPES[str(of)]})}
    entry = as_written({"type": ["number", "null"]})
    return {"type": "array", "items": entry, "minItems": kind, "maxItems": kind}


def as_list(value: Any) -> list[Any]:
    """What ``type`` says, as a list."""
    return value if isinstance(value, list) else [] if value is None else [value]


def _is_json(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return all(map(_is_json, value))
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, bool | int | str)
