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
        return Path(file).read_text(encoding="utf-8-sig")
    except (OSError, ValueError):
        return ""


def _comments(lines: list[str]) -> Iterator[Ignored]:
    for index, line in enumerate(lines):
        found = _COMMENT.search(line)
        if found is None:
            continue
        said, target = found[1], index
        if not line[: found.start()].strip():  # a line of its own: it goes on, and is for what follows
            target += 1
            while target < len(lines) and _is_comment(lines[target]) and not _COMMENT.search(lines[target]):
                said += " " + lines[target].strip().lstrip("# ")
                target += 1
            while target < len(lines) and (_is_comment(lines[target]) or not lines[target].strip()):
                target += 1
        understood = _CODES_AND_REASON.fullmatch(said.rstrip())
        codes = tuple(code.strip() for code in understood[1].split(",")) if understood else ()
        reason = understood[2] if understood else ""
        at_extends = target < len(lines) and _EXTENDS.match(lines[target]) is not None
        yield Ignored((index + 1, found.start() + 1), target + 1, codes, reason, at_extends)


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")
