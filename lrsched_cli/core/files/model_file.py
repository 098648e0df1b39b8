"""What all readers of model files need: files that are there and small enough, names that can be shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lrsched_cli.core.files.regular_file import read_at_most
from lrsched_cli.core.messages import shown
from lrsched_cli.errors import Problem, ScheduleFileError

if TYPE_CHECKING:
    from pathlib import Path

MAX_PARAMETERS = 200_000
"""Twice what the largest models have that are published with every expert by itself."""
_LONGEST_NAME = 1000
_USUAL_NAMES = (
    "model.safetensors.index.json",
    "model.safetensors",
    "pytorch_model.bin.index.json",
    "pytorch_model.bin",
)
"""What a folder of a pretrained model has."""


def wrong_name(name: str) -> str:
    """Why a text from a file cannot be the name of a parameter; empty where it can."""
    if not name.strip() or not name.isprintable():
        return f"is no name of a parameter: {shown(name)}"
    return f"is a name of more than {_LONGEST_NAME:,} characters" if len(name) > _LONGEST_NAME else ""


def refused(path: Path, reason: str) -> ScheduleFileError:
    """The error for a file as a whole."""
    return ScheduleFileError([Problem(str(path), 0, 0, "", reason)])


def check_count(path: Path, count: int) -> None:
    """Raise ScheduleFileError where a file names more parameters than any model has."""
    if count > MAX_PARAMETERS:
        raise refused(path, f"names more than {MAX_PARAMETERS:,} parameters; no model has so many")


def check_regular(path: Path) -> None:
    """Raise ScheduleFileError unless there is a file to be read; of a folder it names a file in it."""
    try:
        if path.is_file():
            return
        folder, there = path.is_dir(), path.exists()
    except (OSError, ValueError) as error:
        raise refused(path, f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if folder:
        likely = [path / name for name in _USUAL_NAMES if (path / name).is_file()]
        raise refused(path, "is a folder" + (f"; give {likely[0]}" if likely else "; give a file"))
    raise refused(path, "is no regular file" if there else "no such file")


def bounded_bytes(path: Path, limit: int, kind: str) -> bytes:
    """The content of a file that is known to be small. Raises ScheduleFileError where it is not."""
    check_regular(path)
    try:
        content = read_at_most(path, limit + 1)
    except OSError as error:
        raise refused(path, f"cannot be read: {error.strerror or error}") from None
    if len(content) > limit:
        raise refused(path, f"is larger than {limit // 1_000_000} MB; no {kind} is")
    return content
