"""YAML text → a tree of values that knows where each key and value stands.

PyYAML's parser delivers events; the tree is built here because the loaders of PyYAML forget
positions, keep the last of two equal keys, resolve scalars by YAML 1.1 (``1e-3`` is text there,
``no`` is False), and expand aliases without limit.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from lrsched_cli.core.messages import shown
from lrsched_cli.core.yaml_tree import Node, Position, dotted
from lrsched_cli.errors import MAX_TOLD, ScheduleFileError

if TYPE_CHECKING:
    from lrsched_cli.errors import Problem

MAX_BYTES = 1 << 20
MAX_DEPTH = 50
MAX_VALUES = 100_000
MAX_ENTRIES = 10_000
"""Of a list: five times the groups that a file may have, and nothing that a list is for is longer."""
MAX_KEY = 500
"""Letters of a key; what is told of a setting repeats its keys, and pydantic copies them for each problem."""
_MAX_DIGITS = 400  # beyond the largest double, and far below where int() itself gives up

_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NULL = {"", "~", "null", "Null", "NULL"}
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_WHOLE = re.compile(r"[-+]?(0|[1-9]\d*(_\d+)*)")
_WHOLE_WITH_EXPONENT = re.compile(r"([-+]?[1-9]\d*(?:_\d+)*)[eE]\+?(\d{1,2})")
# One way to read each text: two that compete for the same digits take a time that grows with their square.
_REAL = re.compile(r"[-+]?(0\d+|(0|[1-9]\d*(_\d+)*)(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_STANDARD = "tag:yaml.org,2002:"


def read_yaml(text: str, file: str) -> tuple[Node, list[Problem]]:
    """Parse one YAML document.

    Returns the tree and the problems that do not stop the reading (a key given twice, a tag that
    would build an object, a number that is not finite). Raises ScheduleFileError where the text
    is no YAML, is nested deeper than 50, is larger than 1 MiB, expands to more than 100,000 values, has a
    list of more than 10,000 entries, a key of more than 500 letters, or 200 problems.
    """
    if len(text) > MAX_BYTES:
        raise _stop(Position(file, 0, 0), f"is larger than {MAX_BYTES // 1024} KiB; no schedule is")
    try:
        return _Composer(file).compose(text)
    except UnicodeEncodeError:
        raise _stop(_unreadable_at(text, file), "is not valid text") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Position(file, mark.line + 1, mark.column + 1) if mark else Position(file, 1, 1)
        reason = ", ".join(part for part in (error.context, error.problem) if part)
        raise _stop(place, f"is not valid YAML: {reason}") from None
    except yaml.YAMLError as error:
        raise _stop(_unreadable_at(text, file), f"is not valid YAML: {_one_line(error)}") from None


class _Composer:
    """Builds the tree from the parser's events, without recursion."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.anchors: dict[str, tuple[Node, int]] = {}  # with the levels that each has
        self.stack: list[_Open] = []

    def compose(self, text: str) -> tuple[Node, list[Problem]]:
        root: Node | None = None
        documents = 0
        stack = self.stack
        for event in yaml.parse(text, Loader=_PARSER):
            place = self._place(event)
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _stop(place, "has a second YAML document; a schedule file holds one")
            elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                self._check_collection_tag(event, place)
                self._nest(1, place)
                empty: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
                stack.append(_Open(Node(empty, place), event.anchor))
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                closed = stack.pop()
                node = self._finished(closed)
                if stack:
                    self._add(node, None, node.position)
                else:
                    root = node
            elif isinstance(event, yaml.ScalarEvent | yaml.AliasEvent):
                node, raw = self._leaf(event, place)
                if stack:
                    self._add(node, raw, place)
                else:
                    root = node
        return root or Node(None, Position(self.file, 1, 1)), self.problems

    def _place(self, event: Any) -> Position:
        return Position(self.file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _leaf(self, event: Any, place: Position) -> tuple[Node, str | None]:
        if isinstance(event, yaml.AliasEvent):
            if any(open_.anchor == event.anchor for open_ in self.stack):
                raise _stop(place, f"the alias *{event.anchor} stands inside what it names")
            if event.anchor not in self.anchors:
                raise _stop(place, f"the alias *{event.anchor} names no anchor before it")
            target, levels = self.anchors[event.anchor]
            self._nest(levels, place)
            return target, None
        node = Node(self._resolve(event, place), place)
        if event.anchor:
            self.anchors[event.anchor] = node, 0
        return node, event.value

    def _nest(self, levels: int, place: Position) -> None:
        """Note so many levels below the one that is open; what aliases nest counts like what is written."""
        if len(self.stack) + levels > MAX_DEPTH:
            raise _stop(place, f"is nested deeper than {MAX_DEPTH} levels")
        if self.stack:
            self.stack[-1].levels = max(self.stack[-1].levels, 1 + levels)

    def _add(self, node: Node, raw: str | None, place: Position) -> None:
        parent = self.stack[-1]
        holder = parent.node
        holder.size += node.size
        if holder.size > MAX_VALUES:
            raise _stop(node.position, f"expands to more than {MAX_VALUES:,} values")
        if isinstance(holder.value, list):
            if len(holder.value) == MAX_ENTRIES:
                raise _stop(node.position, f"the list has more than {MAX_ENTRIES:,} entries")
            holder.value.append(node)
        elif parent.key is None:
            if raw is None:
                raise _stop(place, "a key must be plain text, not a list, a mapping or an alias")
            if len(raw) > MAX_KEY:
                raise _stop(place, f"a key has more than {MAX_KEY} letters (got {shown(raw)})")
            parent.key = (raw, node.position)
        else:
            key, key_position = parent.key
            parent.key = None
            if key == "<<" and parent.merges:
                first = parent.merges[0][0]
                self._report(key_position, f"is given twice (first on line {first.line}); merge a list", key)
            elif key == "<<":
                parent.merges.append((key_position, node))
            elif key in holder.value:
                first = holder.key_positions[key]
                self._report(key_position, f"is given twice (first on line {first.line})", key)
            else:
                holder.value[key] = node
                holder.key_positions[key] = key_position

    def _finished(self, closed: _Open) -> Node:
        for key_position, merged in closed.merges:
            sources = merged.value if isinstance(merged.value, list) else [merged]
            for source in sources:
                if not isinstance(source.value, dict):
                    self._report(key_position, "must merge a mapping, or a list of mappings", "<<")
                    continue
                for key, child in source.value.items():
                    if key not in closed.node.value:
                        closed.node.value[key] = child
                        closed.node.key_positions[key] = source.key_positions[key]
        if closed.anchor:
            self.anchors[closed.anchor] = closed.node, closed.levels
        if self.stack:
            self.stack[-1].levels = max(self.stack[-1].levels, closed.levels + 1)
        return closed.node

    def _resolve(self, event: yaml.ScalarEvent, place: Position) -> Any:
        text = event.value
        tag = event.tag
        if tag is None:
            return self._resolve_plain(text, place) if event.implicit[0] else text
        if tag in {"!", _STANDARD + "str"}:
            return text
        if tag in {_STANDARD + name for name in ("int", "float", "bool", "null")}:
            value = self._resolve_plain(text, place)
            if isinstance(value, str):
                self._report(place, f"is not what its tag {_short_tag(tag)} says (got {shown(text)})")
            return value
        self._report(place, f"the tag {_short_tag(tag)} builds objects; only plain values are read")
        return text

    def _resolve_plain(self, text: str, place: Position) -> Any:
        if text in _NULL:
            return None
        if text in _BOOL:
            return _BOOL[text]
        if _NOT_FINITE.fullmatch(text):
            self._report(place, f"must be a finite number (got {text})")
            return 0.0
        if not _REAL.fullmatch(text):
            return text
        if len(text) > _MAX_DIGITS:
            self._report(place, f"has {len(text)} digits, more than any number here needs")
            return 0.0
        number = _number(text)
        if abs(number) > sys.float_info.max:
            self._report(place, f"is too large for a number (got {text})")
            return 0.0
        return number

    def _check_collection_tag(self, event: Any, place: Position) -> None:
        if event.tag not in {None, "!", _STANDARD + "map", _STANDARD + "seq"}:
            self._report(place, f"the tag {_short_tag(event.tag)} builds objects; only plain values are read")

    def _report(self, place: Position, message: str, *last: str) -> None:
        open_keys = [
            str(len(open_.node.value)) if open_.key is None else open_.key[0]
            for open_ in self.stack
            if open_.key is not None or isinstance(open_.node.value, list)
        ]
        self.problems.append(place.problem(dotted([*open_keys, *last]), message))
        if len(self.problems) == MAX_TOLD:
            told = f"and so on: the first {MAX_TOLD - 1} problems are told"
            raise ScheduleFileError([*self.problems[:-1], place.problem("", told)])


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not come yet."""

    node: Node
    anchor: str | None
    levels: int = 1
    key: tuple[str, Position] | None = None
    merges: list[tuple[Position, Node]] = field(default_factory=list)


def _number(text: str) -> int | float:
    """``1000`` and ``1_000`` are whole numbers, and so is ``1e5``: people write steps that way."""
    if _WHOLE.fullmatch(text):
        return int(text)
    power = _WHOLE_WITH_EXPONENT.fullmatch(text)
    if power and int(power[2]) <= 15:  # noqa: PLR2004 - 10**15 is below 2**53: exact as a double too
        return int(power[1]) * int(10 ** int(power[2]))
    return float(text)


def _short_tag(tag: str) -> str:
    return "!!" + tag.removeprefix(_STANDARD) if tag.startswith(_STANDARD) else tag


def _unreadable_at(text: str, file: str) -> Position:
    """Where the first character stands that YAML does not allow."""
    found = re.search(
        r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]", text
    )
    offset = found.start() if found else 0
    return Position(file, text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _stop(place: Position, message: str) -> ScheduleFileError:
    return ScheduleFileError([place.problem("", message)])
