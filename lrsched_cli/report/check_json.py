"""Findings as one JSON document."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lrsched_cli.analysis.checks.finding import SEVERITIES

if TYPE_CHECKING:
    from lrsched_cli.analysis.checks.checking import Checked
    from lrsched_cli.analysis.checks.finding import Finding


def check_json(checked: Checked) -> str:
    """Files, findings, what the files ignore with a reason, and how many there are of each severity."""
    document = {
        "files": list(checked.files),
        "invalid": list(checked.invalid),
        "counts": {severity: checked.count(severity) for severity in SEVERITIES},
        "findings": [_plain(one) for one in checked.findings],
        "ignored": [{**_plain(one), "reason": one.reason} for one in checked.ignored],
    }
    return json.dumps(document, indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def _plain(finding: Finding) -> dict[str, Any]:
    return {key: value for key, value in asdict(finding).items() if key != "reason"}
