"""Which schedules are meant by files, folders and patterns."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import TYPE_CHECKING

from lrsched_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SUFFIXES = (".yaml", ".yml")


def schedules_in(given: Sequence[str]) -> list[str]:
    """Every schedule once, in the order given; the YAML files of a folder sorted, without hidden ones.

    Raises UsageError for a folder without any, and for a pattern that matches nothing.
    """
    found: dict[str, str] = {}
    for name in (name for one in given for name in _schedules(one)):
        found.setdefault(os.path.realpath(name) if os.path.lexists(name) else name, name)
    return list(found.values())


def _schedules(given: str) -> Iterator[str]:
    if os.path.isdir(given):  # noqa: PTH112 - unlike pathlib's, it takes any text
        yield from _found(f"{given}: there is no schedule file in this folder", _in_folder(given))
    elif glob.has_magic(given) and not os.path.lexists(given):
        matches = sorted(glob.glob(given, recursive=True))  # noqa: PTH207 - takes any text, absolute too
        files = [
            name
            for one in matches
            for name in (_in_folder(one) if os.path.isdir(one) else [one])  # noqa: PTH112
        ]
        yield from _found(f"{given}: nothing matches this pattern", files)
    else:
        yield given


def _in_folder(folder: str) -> list[str]:
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        yaml = (one for one in names if one.endswith(SUFFIXES) and not one.startswith("."))
        found += [str(Path(place, one)) for one in sorted(yaml)]
    return found


def _found(otherwise: str, names: list[str]) -> list[str]:
    if not names:
        raise UsageError(otherwise)
    return names
