"""``lrsched schema``: the JSON Schema of schedule files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lrsched_cli.cli.outputs import relative, target, write_all
from lrsched_cli.cli.streams import print_result, write_result

_SUFFIXES = (".json",)


def schema(
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            help="A file ending in .json, or a folder, which gets lrsched.schema.json.",
            show_default="standard output",
        ),
    ] = None,
) -> None:
    """Print the JSON Schema of schedule files, for editors.

    With it (2020-12) they complete and check while you type. It knows the schedulers and optimizers of the
    installed libraries with their arguments. A line "# yaml-language-server: $schema=PATH" at the top of a
    schedule file names it to the editor.
    """
    from lrsched_cli.analysis.schema.document import FILE_NAME, schema_text  # noqa: PLC0415 - not for --help

    if out is None or str(out) == "-":
        write_result([schema_text()])
        return
    file = target(out, FILE_NAME.removesuffix(_SUFFIXES[0]), _SUFFIXES)
    write_all({file: [schema_text()]})
    print_result(relative(file))
