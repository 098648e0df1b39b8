"""``lrsched verify-resume --resume-config``: what a changed schedule does to a resumed run."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from lrsched_cli.cli.outputs import write_picture
from lrsched_cli.cli.run import progress_bar
from lrsched_cli.cli.streams import json_or

if TYPE_CHECKING:
    from pathlib import Path

    from lrsched_cli.analysis.forecast.forecasting import Forecast
    from lrsched_cli.cli.options import Look
    from lrsched_cli.core.config import Schedule


def run_forecast(  # noqa: PLR0913 - one argument per option
    old: Schedule,
    new: Schedule,
    save_at: int | None,
    picture: Path,
    look: Look,
    *,
    seed: int = 0,
    as_json: bool,
) -> bool:
    """Write the picture and the CSV beside it, print the forecast; whether it is one of the two plans.

    Raises what ``forecast`` raises, and OutputError where a file cannot be written.
    """
    from lrsched_cli import __version__  # noqa: PLC0415 - reading it takes time
    from lrsched_cli.analysis.forecast.forecasting import forecast  # noqa: PLC0415 - heavy, as below
    from lrsched_cli.report.forecast_csv import forecast_csv  # noqa: PLC0415
    from lrsched_cli.report.forecast_figure import draw_forecast, forecast_caption  # noqa: PLC0415
    from lrsched_cli.report.forecast_tables import forecast_parts  # noqa: PLC0415

    with progress_bar(f"resuming {old.name}") as advance, redirect_stdout(sys.stderr):
        found = forecast(old, new, save_at, seed=seed, progress=advance)
    caption = forecast_caption(found, __version__)
    figure = draw_forecast(found, caption, look.style())
    written = write_picture(picture, figure, caption, forecast_csv(found))
    json_or(
        as_json=as_json,
        document=_document(found, written),
        parts=[] if as_json else [*forecast_parts(found), "", *written],
    )
    return found.follows != "neither"


def _document(forecast: Forecast, written: list[str]) -> dict[str, Any]:
    """The forecast with its verdicts, which are no fields of it; the curves are in the CSV."""
    return {
        "follows": forecast.follows,
        "lrs_follow": forecast.lrs_follow,
        "files": written,
        **{field.name: getattr(forecast, field.name) for field in fields(forecast) if field.name != "curves"},
        "groups": [
            {
                "follows": group.follows,
                **{field.name: getattr(group, field.name) for field in fields(group)},
            }
            for group in forecast.groups
        ],
    }
