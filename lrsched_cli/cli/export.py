"""``lrsched export``: a schedule as a Python script."""

from __future__ import annotations

from lrsched_cli.cli.options import AsJson, Config, Overrides, Trust
from lrsched_cli.cli.run import load
from lrsched_cli.cli.streams import json_or, print_note, write_result


def export(
    config: Config,
    *,
    overrides: Overrides = None,
    as_json: AsJson = False,
    trust: Trust = False,
) -> None:
    """Print a schedule as a plain Python script.

    The script has build_optimizer(model) and build_scheduler(optimizer). It uses PyTorch's (and Hugging
    Face's) own classes and needs nothing of lrsched, save for lrsched's own scheduler and rules for param
    groups. Formulas become functions that give the same doubles.
    """
    schedule = load(config, overrides, trust=trust)

    from lrsched_cli import __version__  # noqa: PLC0415 - reading it takes time
    from lrsched_cli.report.python_text import package_serves, python_text  # noqa: PLC0415 - not for --help

    source = " ".join([config, *(f"--set {one}" for one in overrides or ())])
    script = python_text(schedule, source, __version__)
    if as_json:
        json_or(as_json=True, document=script, parts=[])
    else:
        write_result([script.code])
    if not script.plain:
        print_note(f"{schedule.name}: the script needs lrsched for {package_serves(schedule)}")
