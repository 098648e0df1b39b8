"""The page of the rules is what the rules say."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import yaml

from lrsched_cli.analysis.checks import CHECKS

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "benchmarks"))

import checks_page  # noqa: E402 - a script in a folder of its own


def test_the_rules_in_the_docs_are_current() -> None:
    text = checks_page.PAGE.read_text(encoding="utf-8")
    assert text == checks_page.with_rules(text, checks_page.page()), (
        "run python benchmarks/checks_page.py --write"
    )


def test_every_row_of_the_table_leads_to_its_section() -> None:
    text = checks_page.PAGE.read_text(encoding="utf-8")
    anchors = re.findall(r"^\| \[`LRS\d{3}`\]\(#(\S+)\)", text, re.MULTILINE)
    headings = re.findall(r"^### (LRS\d{3}.*)$", text, re.MULTILINE)
    assert len(anchors) == len(headings) == len(CHECKS)
    assert anchors == [re.sub(r"[^\w\s-]", "", one.lower()).replace(" ", "-") for one in headings]


def test_the_hook_calls_the_command() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert (hook["id"], hook["entry"], hook["types"]) == ("lrsched-check", "lrsched check", ["yaml"])
