"""Parameters as a text file: a name per line and, if known, its shape."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lrsched_cli.core.files.model_file import bounded_bytes, check_count, wrong_name
from lrsched_cli.core.messages import shown
from lrsched_cli.core.model_parameters import ModelListing, ModelParameter
from lrsched_cli.core.sources import decoded
from lrsched_cli.errors import Problem, ScheduleFileError

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 50_000_000
MAX_PROBLEMS = 100
_LINE = re.compile(r"\s*(?P<name>[^\s#]\S*)(?:\s+(?P<shape>\S.*))?")
_BRACKETS = re.compile(r"\[(.*)\]|\((.*)\)|torch\.Size\(\[(.*)\]\)")
_TIMES = re.compile(r"\d+(?:\s*[x×]\s*\d+)*")
_LARGEST = 2**53
_LONGEST_SHAPE = 1000  # letters; a regular expression remembers each repeat of a longer one


def read_parameter_list(path: Path) -> ModelListing:
    """A ``.txt`` file: ``name`` or ``name [768, 768]`` or ``name 768x768`` per line, ``#`` for comments.

    Raises ScheduleFileError with every line that is none of those: the first hundred.
    """
    text = decoded(bounded_bytes(path, MAX_BYTES, "list of names"), str(path))
    parameters: dict[str, ModelParameter] = {}
    lines: dict[str, int] = {}
    problems = []
    for number, line in enumerate(text.split("\n"), start=1):
        content = re.split(r"(?:^|\s)#", line, maxsplit=1)[0]
        match = _LINE.fullmatch(content.rstrip())
        if match is None:
            continue  # blank
        name, shape = match["name"], match["shape"]
        wrong = wrong_name(name) or (f"is line {lines[name]} too" if name in lines else "")
        sizes = None if not shape else _sizes(shape)
        if shape and sizes is None:
            wrong = wrong or f"is no shape, such as [768, 768] or 768x768 (got {shown(shape)})"
        if wrong:
            column = match.start("shape" if "is no shape" in wrong else "name") + 1
            problems.append(Problem(str(path), number, column, "", wrong))
            if len(problems) == MAX_PROBLEMS:
                break
        lines.setdefault(name, number)
        parameters.setdefault(name, ModelParameter(name, sizes))
        check_count(path, len(parameters))
    if not parameters and not problems:
        problems.append(Problem(str(path), 0, 0, "", "names no parameter"))
    if problems:
        raise ScheduleFileError(problems)
    return ModelListing(str(path), tuple(parameters.values()))


def _sizes(text: str) -> tuple[int, ...] | None:
    """The sizes that a shape states; None where it is none.

    >>> _sizes("[768, 3]"), _sizes("768x3"), _sizes("torch.Size([])"), _sizes("wide")
    ((768, 3), (768, 3), (), None)
    """
    if len(text) > _LONGEST_SHAPE:
        return None
    match = _BRACKETS.fullmatch(text)
    if match is not None:
        parts = [part.strip() for part in match[match.lastindex or 0].split(",")]
        parts = parts[:-1] if parts[-1] == "" else parts  # (768,) and ()
    elif _TIMES.fullmatch(text):
        parts = re.split(r"\s*[x×]\s*", text)
    else:
        return None
    if not all(part.isdecimal() and len(part) <= len(str(_LARGEST)) for part in parts):
        return None
    return tuple(map(int, parts))
