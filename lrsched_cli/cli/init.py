"""``lrsched init``: a schedule file to start from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lrsched_cli.cli.completion import complete_shipped
from lrsched_cli.cli.outputs import relative, target, write_all
from lrsched_cli.cli.streams import print_note, print_result, write_result
from lrsched_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

_SUFFIXES = (".yaml", ".yml")
_NAME = "schedule"


def init(
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="PATH",
            help="The file to write (.yaml or .yml), a folder, or - for standard output.",
            show_default="schedule.yaml, or the preset's name",
        ),
    ] = None,
    *,
    preset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Start from this shipped schedule.",
            autocompletion=complete_shipped,
            show_default=False,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that exists.")] = False,
) -> None:
    """Write a commented schedule file to start from.

    It runs as it is, and asks nothing. lrsched.schema.json goes beside it, and the file's first line names
    it to editors, which then complete and check while you type, also offline. One that lies there already
    is kept.
    """
    from lrsched_cli.analysis.schema.document import FILE_NAME, schema_text  # noqa: PLC0415 - not for --help
    from lrsched_cli.core.starter import starter_text  # noqa: PLC0415 - as above

    if str(path) == "-":
        write_result([starter_text(preset or _NAME, preset, FILE_NAME)])
        return
    if path is not None and path.suffix not in {"", *_SUFFIXES} and not path.is_dir():
        raise UsageError(f"{path}: the name must end in {' or '.join(_SUFFIXES)}, or be a folder")
    file = target(path or Path(), preset or _NAME, _SUFFIXES)
    files: dict[Path, bytes | Iterable[str]] = {file: [starter_text(file.stem, preset, FILE_NAME)]}
    if os.path.lexists(file) and not force:
        raise UsageError(f"{relative(file)}: exists already; --force writes over it")
    if file.exists() and not file.is_file():
        raise UsageError(f"{relative(file)}: is no regular file, and stays")
    beside, text = file.with_name(FILE_NAME), schema_text()
    if not os.path.lexists(beside):
        files[beside] = [text]
    elif not beside.is_file() or beside.read_bytes() != text.encode():
        print_note(f"{relative(beside)} is kept; lrsched schema --out {relative(beside)} makes it anew")
    write_all(files)
    print_result(*(relative(one) for one in files))
