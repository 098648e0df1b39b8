"""A tree of settings that knows where in which file each key and value stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lrsched_cli.errors import Problem, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_LONGEST_WORD = 100


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a file; line and column count from 1."""

    file: str
    line: int
    column: int

    def problem(self, key: str, message: str) -> Problem:
        """Say what is wrong here; ``key`` is the dotted path of the setting, or empty."""
        return Problem(self.file, self.line, self.column, key, message)


@dataclass(slots=True)
class Node:
    """A YAML value: a scalar, a list of nodes, or entries by key, and the place where it starts."""

    value: Any
    position: Position
    size: int = 1
    key_positions: dict[str, Position] = field(default_factory=dict)

    def plain(self) -> Any:
        """The value as plain Python data."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value

    def unshared(self) -> Node:
        """A copy of this node that can be changed where aliases share it; its children stay shared."""
        copied = self.value.copy() if isinstance(self.value, dict | list) else self.value
        return Node(copied, self.position, self.size, dict(self.key_positions))

    def steps_to(self, path: tuple[str | int, ...]) -> Iterator[tuple[str | int, Node]]:
        """The nodes on the way along ``path``; parts that do not exist are passed over."""
        node = self
        for part in path:
            child = node._child(part)
            if child is not None:
                node = child
                yield part, node

    def _child(self, part: str | int) -> Node | None:
        if isinstance(self.value, dict):
            found = self.value.get(part)
            return found if isinstance(found, Node) else None
        if isinstance(self.value, list) and isinstance(part, int) and part < len(self.value):
            child: Node = self.value[part]
            return child
        return None

    def merged_with(self, over: Node) -> Node:
        """This mapping with ``over`` laid on top, key by key; lists and scalars are replaced whole."""
        if not (isinstance(self.value, dict) and isinstance(over.value, dict)):
            return over
        entries = dict(self.value)
        for key, child in over.value.items():
            entries[key] = entries[key].merged_with(child) if key in entries else child
        return Node(
            entries,
            over.position,
            size=self.size + over.size,
            key_positions=self.key_positions | over.key_positions,
        )

    def problem_at(self, path: Sequence[str | int], message: str, *, at_key: bool = False) -> Problem:
        """A problem at the deepest node of ``path`` that the file holds."""
        position, parent = self.position, self
        words: list[str] = []
        for part, node in self.steps_to(tuple(path)):
            at = parent.key_positions.get(str(part)) if isinstance(parent.value, dict) else None
            position = at if at_key and at is not None else node.position
            name = node.value.get("name") if isinstance(part, int) and isinstance(node.value, dict) else None
            named = name is not None and isinstance(name.value, str) and words == ["param_groups"]
            words.append(str(name.value) if named and name is not None and name.value else str(part))
            parent = node
        if isinstance(parent.value, dict):
            words += [part for part in path[len(words) :] if isinstance(part, str)]
        return position.problem(dotted(words), message)


def dotted(words: Iterable[str]) -> str:
    """The path of a setting, with long keys shortened: each of a file's problems repeats it."""
    return ".".join(shortened(word, _LONGEST_WORD) for word in words)
