"""``lrsched presets``: the shipped schedules."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from lrsched_cli.cli.completion import complete_shipped
from lrsched_cli.cli.options import AsJson
from lrsched_cli.cli.streams import json_or, write_result


def presets(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="A shipped schedule, whose file is printed.",
            autocompletion=complete_shipped,
            show_default="a list of all",
        ),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List the shipped schedules, or print the file of one.

    Many are those of published training runs; the comments of a file say which, where its numbers are
    from, and what it leaves out. Save a file under a name of yours to start from it, or extend it.
    """
    from lrsched_cli.core.presets import preset_text, presets  # noqa: PLC0415 - not for --help

    if name is None:
        from lrsched_cli.report.preset_tables import presets_table  # noqa: PLC0415 - imports rich

        found = presets()
        table = presets_table(found, sys.stdout.encoding)
        json_or(as_json=as_json, document={"presets": found}, parts=[table])
    elif as_json:
        json_or(as_json=True, document={"name": name, "file": preset_text(name)}, parts=[])
    else:
        write_result([preset_text(name)])
