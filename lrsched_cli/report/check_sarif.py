"""Findings as SARIF 2.1.0, the exchange format of static analysis (OASIS standard, 2020)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from lrsched_cli.analysis.checks import CHECKS
from lrsched_cli.analysis.checks.checking import OF_COMMENTS
from lrsched_cli.analysis.checks.finding import INVALID

if TYPE_CHECKING:
    from lrsched_cli.analysis.checks.checking import Checked
    from lrsched_cli.analysis.checks.finding import Finding

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def check_sarif(checked: Checked, version: str) -> str:
    """One run with every rule and a result for each finding; ignored ones are suppressed, with the reason."""
    run = {
        "tool": {"driver": {"name": "lrsched", "version": version, "rules": _rules()}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(one) for one in sorted([*checked.findings, *checked.ignored])],
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def _rules() -> list[dict[str, Any]]:
    others = {INVALID: "The file is no valid schedule.", **OF_COMMENTS}
    plain = [
        _rule(code, text, text, "error" if code == INVALID else "warning") for code, text in others.items()
    ]
    return plain + [_rule(one.code, one.title, one.reason, one.severity) for one in CHECKS]


def _rule(code: str, title: str, reason: str, level: str) -> dict[str, Any]:
    return {
        "id": code,
        "shortDescription": {"text": title},
        "fullDescription": {"text": " ".join(reason.split())},
        "defaultConfiguration": {"level": level},
    }


def _result(finding: Finding) -> dict[str, Any]:
    file = finding.file_to_open
    place: dict[str, Any] = {"artifactLocation": {"uri": quote(os.fsencode(Path(file).as_posix()))}}
    if finding.line and file == finding.file:
        place["region"] = {"startLine": finding.line, "startColumn": finding.column}
    said = f"{finding.key}: {finding.message}" if finding.key else finding.message
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "level": finding.severity,
        "message": {"text": said.replace("{", "{{").replace("}", "}}")},  # one alone holds an argument
        "locations": [{"physicalLocation": place}],
    }
    if finding.reason:
        result["suppressions"] = [{"kind": "inSource", "justification": finding.reason}]
    return result
