"""Comments that ignore findings."""

from __future__ import annotations

from pathlib import Path

import pytest
from schedule_files import found_in

from lrsched_cli.analysis.checks.checking import Selection, check_files
from lrsched_cli.analysis.checks.comments import Ignored, ignored_in, text_of

REST = "loop: scheduler-first\nscheduler:\n  warmup_steps: 100\n  T_0: 300\n  gamma: 1.1\n"


def told(text: str) -> list[tuple[int, str, str]]:
    return [(one.line, one.code, one.reason) for one in found_in(text)]


@pytest.mark.parametrize(
    "steps",
    [
        "steps: 800  # lrsched: ignore LRS031 because of the paper\n",
        "steps: 800 # noqa # lrsched:ignore  LRS031  because of the paper\n",
        "# lrsched: ignore LRS031 because of the paper\nsteps: 800\n",
        "# Words.\n# lrsched: ignore LRS031 because of\n#   the paper\n\n\nsteps: 800\n",
    ],
)
def test_a_finding_that_a_comment_gives_a_reason_for_carries_it(steps: str) -> None:
    line = steps.count("\n")
    assert told(steps + REST) == [(line, "LRS031", "of the paper"), (line + 5, "LRS082", "")]


def test_one_comment_can_be_for_several_codes() -> None:
    text = "steps: 800\n" + REST.replace(
        "gamma: 1.1", "gamma: 1.1  # lrsched: ignore LRS081, LRS082 because it is to grow"
    )
    assert told(text) == [(1, "LRS031", ""), (6, "LRS082", "it is to grow"), (6, "LRS002", "")]


@pytest.mark.parametrize(
    "comment",
    [
        "ignore",
        "ignore LRS031",
        "ignore LRS031 because",
        "ignore because of the paper",
        "ignore 031 because no",
    ],
)
def test_without_a_code_and_a_reason_a_comment_ignores_nothing_and_is_told_of(comment: str) -> None:
    found = found_in(f"steps: 800  # lrsched: {comment}\n{REST}")
    assert [(one.line, one.column, one.code) for one in found] == [
        (1, 8, "LRS031"),
        (1, 13, "LRS001"),
        (6, 10, "LRS082"),
    ]


def test_a_comment_for_another_line_ignores_nothing_and_is_told_of() -> None:
    text = f"name: x  # lrsched: ignore LRS031 because of the paper\nsteps: 800\n{REST}"
    assert told(text) == [(1, "LRS002", ""), (2, "LRS031", ""), (7, "LRS082", "")]


def test_a_comment_for_a_rule_that_is_not_asked_is_not_told_of() -> None:
    Path("one.yaml").write_text(f"# lrsched: ignore LRS101 because so\nsteps: 800\n{REST}", encoding="utf-8")
    checked = check_files(["one.yaml"], selection=Selection.of(["LRS031,LRS002"], []))
    assert [one.code for one in checked.findings] == ["LRS031"]


def test_a_comment_in_an_extended_file_is_for_the_findings_there() -> None:
    Path("base.yaml").write_text(
        "scheduler:\n  gamma: 1.5  # lrsched: ignore LRS082 because it is to grow\n  T_0: 100\n",
        encoding="utf-8",
    )
    found = found_in("extends: base.yaml\nsteps: 799\nloop: scheduler-first\n")
    assert ("LRS082", "it is to grow") in [(one.code, one.reason) for one in found]


def test_an_override_is_not_covered_by_the_files_comments() -> None:
    Path("one.yaml").write_text(f"steps: 799  # lrsched: ignore LRS031 because so\n{REST}", encoding="utf-8")
    checked = check_files(["one.yaml"], overrides=["steps=800"])
    assert [(one.file, one.code) for one in checked.findings if one.code == "LRS031"] == [("--set", "LRS031")]


def test_comments_are_read_as_they_stand() -> None:
    assert (
        ignored_in("a: 1 # lrsched:ignored LRS031 because no\nb: 'x#lrsched: ignore LRS031 because no'\n")
        == ()
    )


def test_each_of_many_comments_in_a_row_is_for_the_next_line_that_is_none() -> None:
    comments = "# lrsched: ignore LRS031 because of\n# the paper\n\n" * 3
    assert ignored_in(f"{comments}steps: 1\n") == tuple(
        Ignored((line, 1), 10, ("LRS031",), "of the paper") for line in (1, 4, 7)
    )


def test_what_is_no_file_of_text_has_no_comments() -> None:
    with Path("sparse.yaml").open("wb") as file:
        file.truncate(1 << 40)
    assert len(text_of("sparse.yaml")) == 1 << 20
    Path("bytes.yaml").write_bytes(b"\xff")
    assert (text_of("bytes.yaml"), text_of("none.yaml"), text_of(".")) == ("", "", "")
