"""What pydantic found wrong → sentences that say what would be right."""

from __future__ import annotations

import difflib
import json
from functools import lru_cache
from heapq import nsmallest
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from pydantic import BaseModel

from lrsched_cli.errors import shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

_LONGEST_SHOWN = 60
# A misspelt word is looked for among so many of at most so many letters: each pair takes some microseconds.
_LONGEST_WORD, _MOST_COMPARED, _MOST_LISTED = 100, 200, 50
_ALIKE = 0.6
TAG = "one of: "
"""Begins what pydantic calls the models that a section may be of, which is no key of a file."""


def message_for(error: ErrorDetails, model: type[BaseModel], extra_keys: Iterable[str] = ()) -> str:
    """One sentence for one pydantic error under ``model``; ``extra_keys`` are known at the top."""
    kind, loc = error["type"], keys_of(error)
    if kind == "extra_forbidden":
        elsewhere = extra_keys if len(loc) == 1 else ()
        return unknown_key(str(loc[-1]), [*known_keys(model, loc[:-1]), *elsewhere])
    if kind == "missing":
        return "is missing"
    if kind in {"value_error", "assertion_error"}:
        return str(error["ctx"]["error"])
    value = error["input"]
    found = _field(model, loc)
    wanted = expected(found, value) if found is not None else _plain_words(error)
    return f"must be {wanted} (got {shown(value)}){_meant(value, found)}"


def keys_of(error: ErrorDetails) -> tuple[str | int, ...]:
    """Keys and indices from the top of the file to what is wrong."""
    return tuple(part for part in error["loc"] if not str(part).startswith(TAG))


def _plain_words(error: ErrorDetails) -> str:
    """What an entry of a list or a mapping must be, where no field describes it."""
    limits: Any = error.get("ctx", {})
    if "ge" in limits:
        return f"a whole number, {limits['ge']} or more"
    return _KINDS.get(error["type"], error["msg"].removeprefix("Input should be "))


_KINDS = {
    "model_type": "a mapping",
    "dict_type": "a mapping",
    "tuple_type": "a list",
    "string_type": "text",
    "int_type": "a whole number",
}


def unknown_key(key: str, known: Iterable[str]) -> str:
    """The sentence for a key that nobody reads, with the nearest key that exists."""
    return f"is no known key{did_you_mean(key, known)}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``; did you mean ...?`` for the known word nearest to ``word``, or the list of them, or nothing."""
    words = dict.fromkeys(known)
    by_folded = {known_word.lower(): known_word for known_word in sorted(_alike(word, words), reverse=True)}
    near = difflib.get_close_matches(word.lower(), by_folded, n=1, cutoff=_ALIKE)
    if near:
        return f"; did you mean {by_folded[near[0]]}?"
    listed = [shortened(one, _LONGEST_SHOWN) for one in nsmallest(_MOST_LISTED, words)]
    more = f" and {len(words) - _MOST_LISTED:,} more" if len(words) > _MOST_LISTED else ""
    return f"; known here: {', '.join(listed)}{more}" if words else ""


def _alike(word: str, words: Iterable[str]) -> list[str]:
    """Those that could be nearest to ``word`` by their lengths, few enough to look at each letter."""
    if len(word) > _LONGEST_WORD:
        return []
    least = _ALIKE / (2 - _ALIKE)  # of the longer word's letters, for so many to be in both
    low, high = len(word) * least, len(word) / least
    alike = [one for one in words if low <= len(one) <= high]
    if len(alike) <= _MOST_COMPARED:
        return alike
    return nsmallest(_MOST_COMPARED, alike, key=lambda one: (abs(len(one) - len(word)), one))


def shown(value: Any) -> str:
    """A value as people wrote it in YAML, shortened, on one line."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    return shortened(text, _LONGEST_SHOWN)


def expected(field: FieldInfo, value: Any = None) -> str:
    """What a field takes, in words, from its type and its limits; ``value`` is what it got instead."""
    kinds, limits = _unwrap(field.annotation, list(field.metadata))
    low = _limit(limits, "ge")
    above = _limit(limits, "gt")
    high = _limit(limits, "le")
    words = " or ".join(kinds)
    if low is not None and high is not None and (high <= 1 or _is_above(value, high)):
        return f"{words} from {low:,} to {high:,}"
    if low is not None:
        return f"{words}, {low} or more"
    if above is not None:
        return f"{words} above {above}" + ("" if high is None else f", {high:,} at most")
    return words


def _is_above(value: Any, high: float) -> bool:
    return isinstance(value, int | float) and value > high


def known_keys(model: type[BaseModel], loc: Sequence[str | int]) -> list[str]:
    """The keys that the section at ``loc`` under ``model`` takes."""
    section = _section(model, loc)
    return [info.alias or name for name, info in section.model_fields.items()] if section else []


def _field(model: type[BaseModel], loc: Sequence[str | int]) -> FieldInfo | None:
    section = _section(model, loc[:-1])
    return section.model_fields.get(str(loc[-1])) if section and loc else None


def _section(model: type[BaseModel], loc: Sequence[str | int]) -> type[BaseModel] | None:
    return _section_of(model, tuple(part for part in loc if not isinstance(part, int)))


@lru_cache(maxsize=1000)  # a long list may have an error in each entry
def _section_of(model: type[BaseModel], keys: tuple[str, ...]) -> type[BaseModel] | None:
    current: type[BaseModel] | None = model
    for part in keys:
        if current is None:
            break
        info = current.model_fields.get(part)
        current = _model_in(info.annotation) if info is not None else None
    return current


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)


_WORDS = {int: "a whole number", float: "a number", str: "text", bool: "true or false", type(None): "null"}


def _unwrap(annotation: Any, limits: list[Any]) -> tuple[list[str], list[Any]]:
    if hasattr(annotation, "__metadata__"):
        return _unwrap(annotation.__origin__, [*limits, *annotation.__metadata__])
    if get_origin(annotation) is Literal:
        return [str(choice) for choice in get_args(annotation)], limits
    if isinstance(annotation, type) and annotation in _WORDS:
        return [_WORDS[annotation]], limits
    if get_origin(annotation) is tuple:
        return ["a list"], limits
    if get_origin(annotation) is dict or _model_in(annotation) is annotation:
        return ["a mapping"], limits
    kinds: list[str] = []
    for part in get_args(annotation):
        words, limits = _unwrap(part, limits)
        kinds += words
    said = [kind for kind in kinds if kind != "null"]  # null only means that nothing is stated
    return said or kinds, limits


def _limit(limits: list[Any], name: str) -> Any:
    for limit in limits:
        for inner in (limit, *getattr(limit, "metadata", ())):
            if getattr(inner, name, None) is not None:
                return getattr(inner, name)
    return None


def _meant(value: Any, field: FieldInfo | None) -> str:
    if field is None or get_origin(field.annotation) is not Literal or not isinstance(value, str):
        return ""
    near = difflib.get_close_matches(value.lower(), map(str, get_args(field.annotation)), n=1)
    return f"; did you mean {near[0]}?" if near else ""
