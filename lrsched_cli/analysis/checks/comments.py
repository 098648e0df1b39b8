"""Comments of a file that say which findings are meant to be there, and why.

``# lrsched: ignore LRS031 because the paper's run ends so`` at the end of a line, or in comment lines right
above it, is for the findings of that line. Several codes are set apart by commas; without a reason it ignores
nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lrsched_cli.core.files.regular_file import read_at_most
from lrsched_cli.core.yaml_source import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

_COMMENT = re.compile(r"(?:^|(?<=\s))#\s*lrsched:\s*ignore\b(.*)$")
_CODES_AND_REASON = re.compile(r"\s*(LRS\d{3}(?:\s*,\s*LRS\d{3})*)\s+because\s+(\S.*)")
_EXTENDS = re.compile(r"""["']?extends["']?\s*:""")
FORM = "# lrsched: ignore LRS031 because …"


@dataclass(frozen=True, slots=True)
class Ignored:
    """What a comment ignores: ``codes`` in line ``line``. It stands itself at ``at``, a line and a column.

    Without ``codes`` it is none that could be understood. ``at_extends``: its line is that of ``extends``.
    """

    at: tuple[int, int]
    line: int
    codes: tuple[str, ...]
    reason: str
    at_extends: bool = False


def ignored_in(text: str) -> tuple[Ignored, ...]:
    """The comments in a file's text, in their order."""
    return tuple(_comments(text.splitlines())) if "lrsched:" in text else ()


def text_of(file: str) -> str:
    """A file's text; empty where it is none that can be read."""
    try:
        return read_at_most(Path(file), MAX_BYTES).decode("utf-8-sig")
    except (OSError, ValueError):
        return ""


def _comments(lines: list[str]) -> Iterator[Ignored]:
    contents = _contents(lines)
    for index, line in enumerate(lines):
        found = _COMMENT.search(line)
        if found is None:
            continue
        said, target = found[1], index
        if not line[: found.start()].strip():  # a line of its own: it goes on, and is for what follows
            after, target = index + 1, contents[index + 1]
            while after < target and _is_comment(lines[after]) and not _COMMENT.search(lines[after]):
                said += " " + lines[after].strip().lstrip("# ")
                after += 1
        understood = _CODES_AND_REASON.fullmatch(said.rstrip())
        codes = tuple(code.strip() for code in understood[1].split(",")) if understood else ()
        reason = understood[2] if understood else ""
        at_extends = target < len(lines) and _EXTENDS.match(lines[target]) is not None
        yield Ignored((index + 1, found.start() + 1), target + 1, codes, reason, at_extends)


def _contents(lines: list[str]) -> list[int]:
    """For each line, and the end of them, the first one from there on that has more than a comment."""
    found = [len(lines)]
    for index in reversed(range(len(lines))):
        empty = _is_comment(lines[index]) or not lines[index].strip()
        found.append(found[-1] if empty else index)
    return found[::-1]


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")
