"""From what the caller names to one tree of settings: files, shipped names, ``extends``, overrides."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lrsched_cli.core.clock.run_length import LENGTHS, length_key
from lrsched_cli.core.clock.units import quantity
from lrsched_cli.core.files.regular_file import read_at_most
from lrsched_cli.core.messages import did_you_mean, shown
from lrsched_cli.core.shipped import shipped_names, shipped_path
from lrsched_cli.core.yaml_source import MAX_BYTES, MAX_DEPTH, MAX_KEY, MAX_VALUES, read_yaml
from lrsched_cli.core.yaml_tree import Node, Position
from lrsched_cli.errors import Problem, ScheduleFileError

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_EXTENDS = 16


@dataclass(frozen=True, slots=True)
class Source:
    """A tree of settings, the name that it gets where it states none, and what is wrong so far.

    ``stdin`` is what was read from standard input, None where nothing was.
    """

    root: Node
    default_name: str
    problems: tuple[Problem, ...]
    stdin: str | None = None


def read_source(config: str | Path, overrides: Sequence[str] = ()) -> Source:
    """Read a schedule by path, by shipped name, or from standard input (``-``).

    ``extends`` is followed, ``overrides`` (``"scheduler.gamma=0.9"``) are laid on top. Raises
    ScheduleFileError where a file cannot be read at all.
    """
    if str(config) == "-":
        text, path, label = sys.stdin.buffer.read(MAX_BYTES + 1), None, "<stdin>"
    else:
        path = _path(config)
        text, label = _bytes(path, may_be_shipped=True), str(path)
    decoded_text = _decoded(text, label)
    root, problems = read_yaml(decoded_text, label)
    root = _extended(root, path, problems, (), root.size)
    for number, override in enumerate(overrides, start=1):
        problems += _override(root, override, number)
    if path is None:
        return Source(root, "stdin", tuple(problems), stdin=decoded_text)
    return Source(root, path.stem, tuple(problems))


def _path(config: str | Path) -> Path:
    path = Path(config)
    if not os.path.exists(path):  # noqa: PTH110 - unlike pathlib's, it takes any text
        shipped = shipped_path(str(config))
        if shipped is not None:
            return shipped
    return path


def _bytes(path: Path, *, may_be_shipped: bool = False) -> bytes:
    try:
        if path.is_file():
            return read_at_most(path, MAX_BYTES + 1)
        reason = (
            "is a folder; give a schedule file"
            if path.is_dir()
            else _no_such_file(path, may_be_shipped=may_be_shipped)
        )
    except (OSError, ValueError) as error:
        reason = f"cannot be read: {getattr(error, 'strerror', None) or error}"
    raise ScheduleFileError([Problem(str(path), 0, 0, "", reason)])


def _no_such_file(path: Path, *, may_be_shipped: bool) -> str:
    if path.exists():
        return "is no regular file; use - to read standard input"
    if not may_be_shipped:
        return "no such file"
    meant = did_you_mean(path.stem, shipped_names())
    return f"no such file, and no shipped schedule of that name{meant}"


def _decoded(data: bytes, label: str) -> str:
    if len(data) > MAX_BYTES:
        reason = f"is larger than {MAX_BYTES // 1024} KiB; no schedule is"
        raise ScheduleFileError([Problem(label, 0, 0, "", reason)])
    return decoded(data, label)


def decoded(data: bytes, label: str) -> str:
    """UTF-8 text, without a byte order mark. Raises ScheduleFileError at the first byte that is none."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ScheduleFileError([Problem(label, 0, 0, "", "is UTF-16 text; save it as UTF-8")])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - (before.rfind(b"\n") + 1) + 1
        problem = Problem(label, line, column, "", f"is not UTF-8 text (byte 0x{data[error.start]:02x})")
        raise ScheduleFileError([problem]) from None


def _extended(
    root: Node, path: Path | None, problems: list[Problem], seen: tuple[Path, ...], values: int
) -> Node:
    """The tree with what it extends underneath; ``name`` is not inherited, since it names the outputs.

    ``seen`` are the files that lead here, ``values`` is how many values they have.
    """
    if not isinstance(root.value, dict) or "extends" not in root.value:
        return root
    stated = root.value.pop("extends")
    if not isinstance(stated.value, str) or not stated.value:
        problems.append(
            stated.position.problem(
                "extends", f"must be the path of a schedule file (got {shown(stated.plain())})"
            )
        )
        return root
    here = _real(path or Path("stdin"))
    base_path = here.parent / stated.value
    seen = (*seen, here)
    if _real(base_path) in seen:
        problems.append(stated.position.problem("extends", f"leads back to {stated.value} in a loop"))
        return root
    if len(seen) > MAX_EXTENDS:
        problems.append(stated.position.problem("extends", f"goes through more than {MAX_EXTENDS} files"))
        return root
    try:
        label = _relative(base_path)
        base, base_problems = read_yaml(_decoded(_bytes(base_path), label), label)
    except ScheduleFileError as error:
        reason = "; ".join(map(str, error.problems))
        problems.append(stated.position.problem("extends", f"cannot be used: {reason}"))
        return root
    values += base.size
    if values > MAX_VALUES:
        message = f"makes more than {MAX_VALUES:,} values with {stated.value}"
        problems.append(stated.position.problem("extends", message))
        return root
    problems += base_problems
    base = _extended(base, base_path, problems, seen, values)
    if not isinstance(base.value, dict):
        problems.append(base.position.problem("", "must be a mapping of settings"))
        return root
    return _without_what_cannot_be_mixed(base, root).merged_with(root)


def _without_what_cannot_be_mixed(base: Node, root: Node) -> Node:
    """The base without what ``root`` replaces whole: batch plan, length, another class's arguments."""
    base = base.unshared()
    base.value.pop("name", None)
    if "batch_size" in root.value:
        base.value.pop("batch_size", None)
    _mix_lengths(base, root)
    for section, shared in (("optimizer", {"lr"}), ("scheduler", set[str]())):
        own, inherited = root.value.get(section), base.value.get(section)
        if own is not None and inherited is not None and _type(own) not in {None, _type(inherited)}:
            arguments = inherited.value if isinstance(inherited.value, dict) else {}
            kept = {key: node for key, node in arguments.items() if key in shared}
            base.value[section] = replace(inherited, value=kept)
    return base


def _mix_lengths(base: Node, root: Node) -> None:
    """Make ready for merging: a new length takes the old one's place, and what is said of the data stays."""
    own, stated = root.value.get("steps"), base.value.get("steps")
    inherited = _as_mapping(stated)
    if own is None or inherited is None:
        return
    if isinstance(own.value, str) and _is_mapping(stated):
        root.value["steps"] = own = _as_mapping(own) or own
    if not isinstance(own.value, dict):
        return
    replaced = (
        LENGTHS if any(one.value is not None for key, one in own.value.items() if key in LENGTHS) else ()
    )
    kept = {key: node for key, node in inherited.value.items() if key not in replaced}
    base.value["steps"] = replace(inherited, value=kept)


def _as_mapping(steps: Node | None) -> Node | None:
    """``steps`` as a mapping, what is written shortly too: ``90ep``, ``500``; None for anything else."""
    if steps is None or isinstance(steps.value, dict):
        return steps
    key = "updates" if isinstance(steps.value, int) and not isinstance(steps.value, bool) else None
    if isinstance(steps.value, str):
        with suppress(ValueError):  # which is told of where counts are read
            found = quantity(steps.value)
            key = length_key(found) if found is not None else None
    return Node({key: steps}, steps.position) if key is not None else None


def _type(section: Node) -> str | None:
    stated = section.value.get("type") if isinstance(section.value, dict) else None
    return stated.value if stated is not None else None


def _real(path: Path) -> Path:
    """The file behind all links, as far as there is one: links may go in a loop, and a text be no path."""
    try:
        return Path(os.path.realpath(path))
    except (OSError, ValueError):
        return path.absolute()


def _relative(path: Path) -> str:
    resolved = _real(path)
    here = Path.cwd()
    return str(resolved.relative_to(here)) if resolved.is_relative_to(here) else str(resolved)


def override_number(label: str) -> int:
    """Which override it is that problems are told of under ``label``; 0 where it is a file."""
    word, _, number = label.partition(" ")
    return int(number or 1) if word == "--set" and (not number or number.isdecimal()) else 0


def _override(root: Node, text: str, number: int) -> list[Problem]:
    """Lay ``key.path=value`` over the tree; the value is read as YAML. Returns what is wrong with it."""
    key, equals, written = text.partition("=")
    label = f"--set {number}" if number > 1 else "--set"
    start = Position(label, 1, 1)
    if not equals or not key.strip():
        return [start.problem("", f"must be KEY=VALUE, such as scheduler.gamma=0.9 (got {shown(text)})")]
    if key.strip() == "extends":
        return [start.problem("extends", "cannot be overridden: it says what the file itself starts from")]
    if not isinstance(root.value, dict):
        return []  # the file itself is wrong, and says so
    try:
        # Blanks in the place of the key make the columns those of the whole text.
        value, problems = read_yaml(" " * (len(key) + 1) + written, label)
    except ScheduleFileError as error:
        problems = list(error.problems)
    if problems:
        return [_of_override(problem, key.strip(), text) for problem in problems]
    if value.value is None:
        value.position = Position(label, 1, len(key) + 2)
    path, value = _as_length(root, key.strip(), value)
    problem = _place(root, path, value, start)
    return [problem] if problem else []


def _as_length(root: Node, path: str, value: Node) -> tuple[str, Node]:
    """Where a length goes that is laid over another one, which it replaces alone."""
    stated = root.value.get("steps")
    mapping, new = _as_mapping(stated), _as_mapping(value)
    if path == "steps" and isinstance(value.value, str) and new is not None and _is_mapping(stated):
        ((key, value),) = new.value.items()
        path = f"steps.{key}"
    if path.startswith("steps.") and mapping is not None:
        states_one = path.removeprefix("steps.") in LENGTHS and value.value is not None
        replaced = LENGTHS if states_one else ()
        kept = {key: node for key, node in mapping.value.items() if key not in replaced}
        root.value["steps"] = replace(mapping, value=kept)
    return path, value


def _is_mapping(node: Node | None) -> bool:
    return node is not None and isinstance(node.value, dict)


def _of_override(problem: Problem, key: str, text: str) -> Problem:
    """A problem inside an override's value; what the parser missed at the end is told of at the end."""
    place = (problem.line, problem.column) if problem.line <= text.count("\n") + 1 else (1, len(text) + 1)
    full_key = ".".join(part for part in (key, problem.key) if part)
    return replace(problem, line=place[0], column=place[1], key=full_key)


def _place(root: Node, path: str, value: Node, start: Position) -> Problem | None:
    node, rest, walked = root, path, ""
    if len(path) > MAX_DEPTH * MAX_KEY:
        return start.problem(path, "is no key of a setting: it is too long")
    for _ in range(MAX_DEPTH):
        if isinstance(node.value, list):
            found = _entry_of_list(node, rest)
            if found is None:
                names = [name for name in map(_name, node.value) if name]
                wanted = rest.split(".")[0]
                message = f"there is no {shown(wanted)} in {walked.rstrip('.')}{did_you_mean(wanted, names)}"
                return start.problem(path, message)
            index, used = found
            if len(used) == len(rest):
                node.value[index] = value
                return None
            node.value[index] = node.value[index].unshared()
            node = node.value[index]
        elif isinstance(node.value, dict):
            key = _key_of_mapping(node, rest)
            used = key
            if len(key) == len(rest):
                node.value[key] = value
                node.key_positions[key] = start
                return None
            if key == "param_groups" and key not in node.value:
                return start.problem(
                    path, "the file lists no param_groups, so none can be overridden by name"
                )
            if key not in node.value or node.value[key].value is None:
                node.value[key] = Node({}, value.position)
                node.key_positions[key] = start
            node.value[key] = node.value[key].unshared()
            node = node.value[key]
        else:
            return start.problem(path, f"{walked.rstrip('.')} is a single value and holds no settings")
        walked += used + "."
        rest = rest[len(used) + 1 :]
    return start.problem(path, f"is nested deeper than {MAX_DEPTH} levels")


def _key_of_mapping(node: Node, rest: str) -> str:
    """The longest existing key that ``rest`` begins with (keys may hold dots), else its first part."""
    fitting = [key for key in node.value if rest == key or rest.startswith(key + ".")]
    return max(fitting, key=len) if fitting else rest.split(".", 1)[0]


def _entry_of_list(node: Node, rest: str) -> tuple[int, str] | None:
    """The list entry that ``rest`` begins with, by its name or its index, and the part that says so."""
    names = {_name(entry): index for index, entry in enumerate(node.value)}
    fitting = [name for name in names if name and (rest == name or rest.startswith(name + "."))]
    if fitting:
        name = max(fitting, key=len)
        return names[name], name
    first = rest.split(".", 1)[0]
    # int() takes no number of thousands of digits, and no list is so long.
    if first.isdecimal() and len(first) <= len(str(MAX_VALUES)) and int(first) < len(node.value):
        return int(first), first
    return None


def _name(entry: Node) -> str:
    if not isinstance(entry.value, dict):
        return ""
    name = entry.value.get("name")
    return name.value if isinstance(name, Node) and isinstance(name.value, str) else ""
