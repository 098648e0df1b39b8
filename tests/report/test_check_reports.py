"""Findings as GitHub's commands and as SARIF."""

from __future__ import annotations

import json
from typing import Any

from lrsched_cli.analysis.checks import CHECKS
from lrsched_cli.analysis.checks.checking import Checked
from lrsched_cli.analysis.checks.finding import Finding
from lrsched_cli.report.check_github import check_github
from lrsched_cli.report.check_sarif import check_sarif
from lrsched_cli.report.check_text import check_text, summary_line

WARNING = Finding("a b/ö%.yaml", 3, 7, "LRS031", "warning", "100% wrong,\nreally: yes", "scheduler.T_0")
NOTE = Finding("x.yaml", 0, 0, "LRS131", "note", "good to know")
ERROR = Finding("<stdin>", 1, 1, "LRS022", "error", "the LR is <b>-1</b>")
IGNORED = Finding("x.yaml", 2, 1, "LRS082", "warning", "it grows", reason="it is to")
CHECKED = Checked(("a b/ö%.yaml", "x.yaml"), (WARNING, NOTE, ERROR), (IGNORED,), ())


def test_github_reads_each_finding_as_one_command() -> None:
    assert check_github(CHECKED).splitlines() == [
        "::warning file=a b/ö%25.yaml,line=3,col=7,title=LRS031::scheduler.T_0: 100%25 wrong,%0Areally: yes",
        "::notice file=x.yaml,title=LRS131::good to know",
        "::error file=<stdin>,line=1,col=1,title=LRS022::the LR is <b>-1</b>",
    ]


def test_a_file_name_cannot_add_properties_to_githubs_command() -> None:
    finding = Finding("a,line=9::x\r\n.yaml", 1, 1, "LRS031", "warning", "m")
    assert check_github(Checked((), (finding,), (), ())) == (
        "::warning file=a%2Cline=9%3A%3Ax%0D%0A.yaml,line=1,col=1,title=LRS031::m\n"
    )


def sarif() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(check_sarif(CHECKED, "1.2.3"))
    return document


def test_sarif_has_what_its_standard_asks_for() -> None:
    document = sarif()
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("lrsched", "1.2.3")
    rules = {one["id"]: one for one in driver["rules"]}
    assert {rule.code for rule in CHECKS} | {"LRS000", "LRS001", "LRS002"} == set(rules)
    assert len(rules) == len(driver["rules"])
    for one in driver["rules"]:
        assert one["shortDescription"]["text"]
        assert one["fullDescription"]["text"]
        assert one["defaultConfiguration"]["level"] in {"error", "warning", "note"}
    assert {one["ruleId"] for one in run["results"]} <= set(rules)


def test_sarif_gives_places_as_uris_and_regions() -> None:
    results = {one["ruleId"]: one for one in sarif()["runs"][0]["results"]}
    place = results["LRS031"]["locations"][0]["physicalLocation"]
    assert place == {
        "artifactLocation": {"uri": "a%20b/%C3%B6%25.yaml"},
        "region": {"startLine": 3, "startColumn": 7},
    }
    assert results["LRS131"]["locations"][0]["physicalLocation"] == {"artifactLocation": {"uri": "x.yaml"}}
    assert (results["LRS131"]["level"], results["LRS022"]["level"]) == ("note", "error")


def test_sarif_suppresses_what_the_file_gives_a_reason_for() -> None:
    results = {one["ruleId"]: one for one in sarif()["runs"][0]["results"]}
    assert results["LRS082"]["suppressions"] == [{"kind": "inSource", "justification": "it is to"}]
    assert "suppressions" not in results["LRS031"]


def test_the_text_has_a_line_for_each_finding_and_counts_them() -> None:
    assert check_text(CHECKED).splitlines() == [
        "a b/ö%.yaml:3:7: LRS031 warning scheduler.T_0: 100% wrong,\\nreally: yes",
        "x.yaml: LRS131 note good to know",
        "<stdin>:1:1: LRS022 error the LR is <b>-1</b>",
        "2 files: 1 error, 1 warning, 1 note; 1 ignored, with a reason",
    ]


def test_the_summary_names_what_weighs() -> None:
    line = summary_line("x", [WARNING, NOTE, ERROR, IGNORED, WARNING])
    assert line == "x: 1 error, 2 warnings (LRS031, LRS022); lrsched check tells what and where"
    assert summary_line("x", [NOTE, IGNORED]) == ""
