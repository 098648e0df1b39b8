"""How the words that bash asks about are put together, and what it gets for them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import run

from lrsched_cli.cli.completion import replacement, unquoted, whole_words


@pytest.mark.parametrize(
    ("pieces", "current", "words", "at"),
    [
        (["lrsched", "plot", "a"], 2, ["lrsched", "plot", "a"], 2),
        (["lrsched", "plot", ""], 2, ["lrsched", "plot", ""], 2),
        (["lrsched", "--set", "a.b", "="], 3, ["lrsched", "--set", "a.b="], 2),
        (["lrsched", "--set", "a.b", "=", "x", "y"], 4, ["lrsched", "--set", "a.b=x", "y"], 2),
        (["lrsched", "--set", "=", "a.b", "=", "x"], 5, ["lrsched", "--set=a.b=x"], 1),
        (["lrsched", "x", ":", "y"], 3, ["lrsched", "x:y"], 1),
        (["lrsched"], 1, ["lrsched"], 1),
    ],
)
def test_words_that_bash_has_cut_are_whole_again(
    pieces: list[str], current: int, words: list[str], at: int
) -> None:
    assert whole_words("\n".join(pieces), current) == (words, at)


@pytest.mark.parametrize(
    ("offer", "word", "put"),
    [
        ("scheduler.gamma=", "scheduler.g", "scheduler.gamma="),
        ("scheduler.gamma=0.9", "scheduler.gamma=", "0.9"),
        ("scheduler.gamma=0.9", "--set=scheduler.gamma=0", "0.9"),
        ("scheduler.gamma=", "--set=sch", "scheduler.gamma="),
        ("a b.yaml", "a", r"a\ b.yaml"),
        ("a b.yaml", "'a", "a b.yaml"),
        ("$(reboot).yaml", "", r"\$\(reboot\).yaml"),
        ("c:d.yaml", "c:", "d.yaml"),
    ],
)
def test_an_offer_is_put_in_the_place_of_the_last_piece(offer: str, word: str, put: str) -> None:
    assert replacement(offer, word) == put


@pytest.mark.parametrize(
    ("word", "plain"),
    [("a", "a"), (r"a\ b", "a b"), ("'a b", "a b"), ('"a b', "a b"), ("a\\", "a"), ("", ""), ('"a"b', "ab")],
)
def test_quotes_are_taken_away_closed_or_not(word: str, plain: str) -> None:
    assert unquoted(word) == plain


def offered(monkeypatch: pytest.MonkeyPatch, *words: str) -> list[str]:
    monkeypatch.setenv("_LRSCHED_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "\n".join(["lrsched", *words]))
    monkeypatch.setenv("COMP_CWORD", str(len(words)))
    result = run()
    assert (result.code, result.err) == (0, "")
    return result.out.split("\n")[:-1]


def test_a_key_comes_with_what_it_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("--set", "scheduler.gam")
    assert offered(monkeypatch, "plot", "default", *words) == ["scheduler.gamma=", "scheduler.gamma=0.9"]
    assert offered(monkeypatch, "plot", *words) == ["scheduler.gamma=", "scheduler.gamma=0.97"]
    assert offered(monkeypatch, "plot", "default", "--set", "scheduler.gamma", "=") == ["0.9"]


def test_an_override_before_it_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    before = ("plot", "default", "--set", "'scheduler={type: StepLR, step_size: 5}'", "--set", "scheduler.s")
    assert offered(monkeypatch, *before)[0] == "scheduler.step_size="


@pytest.mark.parametrize("command", ["compare", "verify-resume"])
def test_other_commands_know_their_schedule_too(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    assert offered(monkeypatch, command, "llama-7b", "--set", "scheduler.mil")[0] == "scheduler.milestones="


def test_a_file_that_cannot_be_read_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("bad.yaml").write_text("scheduler: [\n")
    for config in ("bad.yaml", "missing.yaml", "-"):
        assert offered(monkeypatch, "plot", config, "--set", "scheduler.T_m")[0] == "scheduler.T_mult="
    Path("list.yaml").write_text("[1]\n")
    assert offered(monkeypatch, "plot", "list.yaml", "--set", "nothing") == []


def test_nothing_is_offered_that_a_shell_would_obey(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside of quotation marks too: what a stranger calls a file or a group may be a command."""
    for name in (
        "x$(id).yaml",
        "x`id`.yaml",
        "x\\$(id).yaml",
        "x'.yaml",
        'x".yaml',
        "x!1.yaml",
        "x\n.yaml",
        "x y.yaml",
    ):
        Path(name).write_text("scheduler: {T_0: 5}\n")
    for typed in ("x", '"x', "'x"):
        assert {one.replace("\\", "") for one in offered(monkeypatch, "show", typed)} == {"x y.yaml"}
    names = ["g$(id)", "g`id`", "g\\$(id)", "g'", "g h"]
    Path("s.yaml").write_text(json.dumps({"param_groups": [{"name": one} for one in names]}))
    keys = {
        one.replace("\\", "") for one in offered(monkeypatch, "show", "s.yaml", "--set", "param_groups.g")
    }
    assert keys
    assert all(one.startswith("param_groups.g h.") for one in keys)


def test_a_file_that_is_no_schedule_yet_offers_what_every_schedule_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("s.yaml").write_text("param_groups: [5, a]\n")
    assert offered(monkeypatch, "show", "s.yaml", "--set", "scheduler.T_m")[0] == "scheduler.T_mult="


def test_what_is_said_of_a_key_keeps_its_apostrophes_and_stays_safe_for_a_shell(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("_LRSCHED_COMPLETE", "complete_fish")
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", "lrsched plot --set scheduler.")
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    said = run().out
    assert "\tthe scheduler’s class\n" in said
    assert "'" not in said
    assert '"' not in said
