"""Problems as they are told: each on a line that can be read, and not a million of them."""

from __future__ import annotations

from lrsched_cli.errors import MAX_TOLD, Problem, ScheduleFileError, shortened


def test_a_problem_names_its_place_and_its_key() -> None:
    assert str(Problem("a.yaml", 3, 7, "scheduler.T_0", "is wrong")) == "a.yaml:3:7: scheduler.T_0: is wrong"
    assert str(Problem("a.yaml", 0, 0, "", "is gone")) == "a.yaml: is gone"


def test_no_line_is_longer_than_people_read() -> None:
    long = Problem("f" * 5000, 1, 2, "k" * 5000, "m" * 5000)
    assert len(str(long)) == 2000
    assert "…:1:2: kkk" in str(long)
    assert (len(long.key), len(long.message)) == (500, 1400)


def test_what_is_cut_says_so() -> None:
    assert (shortened("abc", 3), shortened("abcd", 3)) == ("abc", "ab…")


def test_of_many_problems_the_message_tells_the_first() -> None:
    error = ScheduleFileError([Problem("a.yaml", n, 1, "", "is wrong") for n in range(1, MAX_TOLD + 8)])
    *told, last = str(error).split("\n")
    assert (len(told), last) == (MAX_TOLD, "and 7 more problems")
    assert len(error.problems) == MAX_TOLD + 7
