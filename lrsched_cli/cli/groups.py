"""``lrsched groups``: the param groups that a schedule makes of a real model's parameters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lrsched_cli.cli.options import AsJson, Config, Dark, Dpi, Model, Overrides, Trust, inches
from lrsched_cli.cli.outputs import target, write_picture
from lrsched_cli.cli.run import assigned, load_as_stated
from lrsched_cli.cli.streams import json_or
from lrsched_cli.report.picture_file import SUFFIXES

if TYPE_CHECKING:
    from rich.console import RenderableType

    from lrsched_cli.analysis.model_groups import ModelGroups


def groups(  # noqa: PLR0913 - one argument per option
    config: Config,
    *,
    model: Model = None,
    params: Annotated[
        bool, typer.Option("--params", help="List every parameter with its shape, by param group.")
    ] = False,
    overrides: Overrides = None,
    plot: Annotated[
        bool, typer.Option("--plot", help="Draw a bar of parameters per group, coloured by LR.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The picture: a file ending in .png, .svg or .pdf, or a folder.",
            show_default="outputs/groups-NAME.png",
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="WxH", help="Width and height in inches.", show_default="8 x what the bars need"
        ),
    ] = None,
    dpi: Dpi = 200,
    dark: Dark = False,
    as_json: AsJson = False,
    trust: Trust = False,
) -> None:
    """Show which parameter of a real model is in which group.

    Each group with its LR and weight decay. The model is that of --model, or of model: in the file: a
    .safetensors file or its .index.json (of which only headers are read), a checkpoint of torch's, a .txt
    of names, or package.module:build. These are exactly the groups of build_optimizer(model).
    """
    page = None if size is None else inches(size)
    schedule = load_as_stated(config, overrides, trust=trust)
    picture = target(out, f"groups-{schedule.name}", SUFFIXES) if plot or out else None

    from lrsched_cli.analysis.model_groups import describe_model_groups  # noqa: PLC0415 - not for --help

    report = describe_model_groups(*assigned(schedule, model))
    written = [] if picture is None else _drawn(report, picture, page, dpi, dark=dark)
    json_or(
        as_json=as_json,
        document={**_fields(report), "files": written},
        parts=[] if as_json else [*_parts(report, params=params), *written],
    )


def _drawn(
    report: ModelGroups, picture: Path, page: tuple[float, float] | None, dpi: int, *, dark: bool
) -> list[str]:
    from lrsched_cli import __version__  # noqa: PLC0415 - reading it takes time
    from lrsched_cli.report.groups_figure import draw_groups, groups_caption, page_for  # noqa: PLC0415
    from lrsched_cli.report.panels import Style  # noqa: PLC0415 - imports matplotlib

    caption = groups_caption(report, __version__)
    style = Style(*(page or page_for(report)), dpi, dark=dark)
    return write_picture(picture, draw_groups(report, caption, style), caption, None)


def _fields(report: ModelGroups) -> dict[str, object]:
    return {name: getattr(report, name) for name in report.__slots__ if name != "contents"}


def _parts(report: ModelGroups, *, params: bool) -> list[RenderableType]:
    from lrsched_cli.report import groups_tables as tables  # noqa: PLC0415 - imports rich

    contents = [tables.every_parameter_table(report)] if params else tables.contents_parts(report)
    return [tables.title_line(report), "", tables.model_groups_table(report), "", *contents, ""]
