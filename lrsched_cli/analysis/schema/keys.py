"""The settings that a schedule has, each by the key under which ``--set`` overrides it.

They are read off the JSON Schema, as it applies to what the file says: the arguments of its optimizer, of
its scheduler and of the parts of that, in each of its param groups.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lrsched_cli.analysis.schema.values import JsonSchema

_NO_OVERRIDE = {"extends"}


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting by its dotted key; ``values`` are texts that it may be set to: all of them, or what it is."""

    key: str
    description: str
    values: tuple[str, ...]


def settings_of(document: JsonSchema, data: Any) -> Iterator[Setting]:
    """Every setting of a file that reads as ``data``, stated or not, in the order of the schema."""
    yield from _below(document, [document], data if isinstance(data, dict) else {}, "")


def _below(document: JsonSchema, schemas: Iterable[JsonSchema], data: Any, prefix: str) -> Iterator[Setting]:
    applied = [one for schema in schemas for one in _applied(document, schema, data)]
    if isinstance(data, list):
        entries = [one["items"] for one in applied if isinstance(one.get("items"), dict)]
        for index, entry in enumerate(data):
            yield from _below(document, entries, entry, f"{prefix}{_entry_name(index, entry)}.")
        return
    children: dict[str, list[JsonSchema]] = {}
    for schema in applied:
        for key, child in schema.get("properties", {}).items():
            if isinstance(child, dict):
                children.setdefault(key, []).append(child)
    for key, child_schemas in children.items():
        if key not in _NO_OVERRIDE:
            value = data.get(key) if isinstance(data, dict) else None  # a file that is not one yet
            yield from _setting(document, child_schemas, value, f"{prefix}{key}")


def _setting(document: JsonSchema, schemas: list[JsonSchema], value: Any, key: str) -> Iterator[Setting]:
    """A setting, or those that it is made of."""
    section: Any = {} if value is None else value
    applied = [one for schema in schemas for one in _applied(document, schema, value)]
    if any(one.get("type") == "object" and "properties" in one for one in applied) or isinstance(value, list):
        found = (
            list(_below(document, schemas, section, f"{key}.")) if isinstance(section, dict | list) else []
        )
        yield from found
        if found:
            return
    said = next((one["description"] for one in applied if "description" in one), "")
    yield Setting(key, said, tuple(_values(applied, value)))


def _entry_name(index: int, entry: Any) -> str:
    name = entry.get("name") if isinstance(entry, dict) else None
    return name if isinstance(name, str) and name else str(index)


def _values(applied: list[JsonSchema], value: Any) -> list[str]:
    """The choices where there are few; else what the setting is now, or is by default."""
    choices: list[Any] = []
    kinds: list[str] = []
    for schema in applied:
        choices += schema.get("enum", [])
        kind = schema.get("type", [])
        kinds += kind if isinstance(kind, list) else [kind]
    if "boolean" in kinds:
        choices += [True, False]
    if not choices:
        defaults = [one["default"] for one in applied if "default" in one]
        choices = [value] if value is not None else defaults[:1] or ([None] if "null" in kinds else [])
    return list(dict.fromkeys(_text(one) for one in choices))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _applied(document: JsonSchema, schema: JsonSchema, data: Any) -> Iterator[JsonSchema]:
    """A schema and those that it adds for this data: what it refers to, all parts, the branch that holds."""
    yield schema
    inner = [_resolved(document, schema["$ref"])] if "$ref" in schema else []
    inner += schema.get("allOf", [])
    inner += [one for one in schema.get("anyOf", []) if _may_be(document, one, data)]
    if "if" in schema:
        inner.append(schema.get("then" if _holds(schema["if"], data) else "else", {}))
    for one in inner:
        yield from _applied(document, one, data)


def _may_be(document: JsonSchema, option: JsonSchema, data: Any) -> bool:
    """Whether data could be meant by one of several options: a section is, once something stands in it."""
    found = _resolved(document, option["$ref"]) if "$ref" in option else option
    return found.get("type") != "object" or isinstance(data, dict)


def _resolved(document: JsonSchema, reference: str) -> JsonSchema:
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    schema: JsonSchema = found
    return schema


_KINDS = {"object": dict, "array": list}


def _holds(condition: JsonSchema, data: Any) -> bool:
    """Whether the condition of a rule holds; conditions are made of the words that stand here."""
    present = data if isinstance(data, dict) else {}
    return (
        all(key in present for key in condition.get("required", []) if isinstance(data, dict))
        and all(
            _holds(one, present[key])
            for key, one in condition.get("properties", {}).items()
            if key in present
        )
        and ("const" not in condition or data == condition["const"])
        and ("enum" not in condition or data in condition["enum"])
        and ("type" not in condition or isinstance(data, _KINDS[condition["type"]]))
        and ("not" not in condition or not _holds(condition["not"], data))
        and ("anyOf" not in condition or any(_holds(one, data) for one in condition["anyOf"]))
    )
