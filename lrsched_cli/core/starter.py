"""The file that a new schedule starts from: a commented one, or one of those that are shipped."""

from __future__ import annotations

import re
from pathlib import Path

from lrsched_cli.core.presets import preset_text
from lrsched_cli.core.sections import is_file_name

_STARTER = Path(__file__).with_name("starter.yaml")
_NAME = re.compile(r"^name:.*\n", re.MULTILINE)
_FALLBACK = "schedule"


def starter_text(stem: str, preset: str | None, schema: str) -> str:
    """A schedule file that can be run as it is.

    Args:
        stem: of the file that it goes to, and the schedule's name where it can be one.
        preset: the shipped schedule to start from; None for the commented file of warm restarts.
        schema: the path of the JSON Schema, as seen from the file; the first line names it for editors.

    Raises UsageError where no shipped schedule has this name.
    """
    text = _STARTER.read_text(encoding="utf-8") if preset is None else preset_text(preset)
    named = "" if is_file_name(stem) else f"name: {preset or _FALLBACK}\n"
    first = f"# yaml-language-server: $schema={schema}\n"
    if preset is not None:
        return first + _NAME.sub(named, text, count=1)
    comment, blank, rest = text.partition("\n\n")
    return first + comment + blank + named + rest
