"""What strangers write into files stays text: no output goes astray, no terminal and no reader obeys it."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
import torch
from command_line import Result, run
from hypothesis import given
from hypothesis import strategies as st
from test_processes import ran_on_a_terminal

from lrsched_cli.core.visible_text import visible, visible_json, visible_lines

CONTROLS = "\x1b]0;title\x07\x1b[31mred\x1b[2J\x9b31m\r"
ESCAPE = CONTROLS + "\u202e\u2066\u200b"
STYLES = re.compile(r"\x1b\[[0-9;]*m|\x1b\[[?0-9;]*[hlKJA]|\x1b\]8;;\x1b\\")
NAMES = {
    "a parent folder": "../../x",
    "an absolute path": "/tmp/x",  # noqa: S108 - never written
    "a drive": "C:\\x",
    "a folder": "a/b",
    "a hidden file": ".x",
    "an option": "-x",
    "NUL": "a\0b",
    "300 letters": "n" * 300,
    "nothing": "",
    "dots": "..",
    "a division slash": "..\u2215..\u2215x",
    "a full-width slash": "..\uff0f..\uff0fx",
    "full-width dots": "\uff0e\uff0e/x",
    "a Cyrillic letter": "d\u0435fault",
    "a half of a letter": "\ud800",
    "a stream of a file": "x:y",
    "a line break": "x\ny",
    "an escape": ESCAPE,
    "spaces": "a b",
    "a shell's words": "$(id)`id`;id|id",
}
RESERVED = ("CON", "nul", "Aux", "PRN", "COM1", "lpt9", "con.x", "NUL.tar.gz", "x.")


def quoted(text: str) -> str:
    """As a YAML text, whatever is in it."""
    return '"' + "".join(f"\\U{ord(one):08x}" for one in text) + '"'


def files() -> set[str]:
    return {str(path) for path in Path().rglob("*") if not path.is_dir()}


@pytest.mark.parametrize("name", [*NAMES.values(), *RESERVED], ids=[*NAMES, *RESERVED])
@pytest.mark.parametrize("command", ["plot", "trace"])
def test_a_name_that_is_no_plain_file_name_is_refused(command: str, name: str) -> None:
    Path("s.yaml").write_text(f"steps: 3\nname: {quoted(name)}\n", encoding="ascii")
    for arguments in (("s.yaml",), ("default", "--set", f"name={quoted(name)}")):
        result = run(command, *arguments)
        assert result.code == 2
        assert (
            "names the output files" in result.err
            or "\\ud800" in name.encode("ascii", "backslashreplace").decode()
        )
        assert printable(result.err)
    assert files() == {"s.yaml"}


@pytest.mark.parametrize("stem", ["..x y", "a\x1b[31m", "-x", "con", "\u202e", "n" * 250, "$(id)"])
def test_a_file_whose_own_name_is_none_for_outputs_is_refused(stem: str) -> None:
    Path("in").mkdir()
    (Path("in") / f"{stem}.yaml").write_text("steps: 3\n")
    result = run("trace", f"in/{stem}.yaml")
    assert result.code == 2
    assert "names the output files" in result.err
    assert printable(result.err)
    assert files() == {f"in/{stem}.yaml"}


def test_files_that_extend_each_other_in_a_loop_or_a_long_chain_are_refused() -> None:
    for number in range(1000):
        Path(f"c{number}.yaml").write_text(f"extends: c{number + 1}.yaml\n")
    Path("c1000.yaml").write_text("steps: 3\n")
    assert "goes through more than 16 files" in run("trace", "c0.yaml").err
    Path("a.yaml").write_text("extends: sub/../b.yaml\n")
    Path("b.yaml").write_text("extends: link.yaml\n")
    Path("link.yaml").symlink_to("a.yaml")
    Path("sub").mkdir()
    assert "in a loop" in run("trace", "a.yaml").err
    Path("own.yaml").write_text("extends: own.yaml\n")
    assert "in a loop" in run("trace", "own.yaml").err


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000, "/dev/zero", "/proc/self/mem", "~root/x", ESCAPE])
def test_a_file_that_cannot_be_extended_is_told(path: str) -> None:
    Path("s.yaml").write_text(f"extends: {quoted(path)}\n", encoding="ascii")
    result = run("trace", "s.yaml")
    assert result.code == 2
    assert result.err.startswith("s.yaml:1:10: extends: ")
    assert printable(result.err)


def a_loop(path: Path) -> None:
    path.symlink_to(path.name)


KINDS: dict[str, Any] = {
    "an empty file": Path.touch,
    "a folder": Path.mkdir,
    "a FIFO": os.mkfifo,
    "a loop of links": a_loop,
    "no file": lambda path: path,
    "/dev/zero": lambda path: path.symlink_to("/dev/zero"),
    "/dev/full": lambda path: path.symlink_to("/dev/full"),
    "/proc/self/mem": lambda path: path.symlink_to("/proc/self/mem"),
    "/proc/kmsg": lambda path: path.symlink_to("/proc/kmsg"),
    "a binary": lambda path: path.symlink_to(sys.executable),
    "10 MB of zeros": lambda path: path.write_bytes(bytes(10_000_000)),
    "text cut inside a letter": lambda path: path.write_bytes(b"steps: 3\nname: \xe2\x82"),
    "UTF-16": lambda path: path.write_text("steps: 3\n", encoding="utf-16"),
    "a thousand NULs": lambda path: path.write_bytes(bytes(1000)),
}
INPUTS = {
    "schedule": ("in.yaml", ("trace", "in.yaml")),
    "extends": ("in.yaml", ("trace", "extends.yaml")),
    "stored trace": ("in.csv", ("compare", "default", "in.csv")),
    "metric": ("in.csv", ("trace", "metric.yaml")),
    "resume config": ("in.yaml", ("verify-resume", "--resume-config", "in.yaml")),
}
METRIC = "steps: 3\nscheduler: {type: ReduceLROnPlateau, metric: {csv: in.csv, column: loss}}\n"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("given", INPUTS)
def test_what_is_no_file_of_the_kind_is_told_in_a_line(given: str, kind: str) -> None:
    name, arguments = INPUTS[given]
    Path("extends.yaml").write_text("extends: in.yaml\n")
    Path("metric.yaml").write_text(METRIC)
    KINDS[kind](Path(name))
    before = files()
    result = run(*arguments)
    assert result.code == 2
    assert result.out == ""
    assert 1 <= len(result.err.splitlines()) <= 2
    assert printable(result.err)
    assert files() == before


def printable(text: str) -> bool:
    return all(line.isprintable() for line in text.split("\n"))


def hostile_checkpoint() -> None:
    group = {"name": ESCAPE, "lr": 0.1, "params": [0], ESCAPE: 3.0}
    optimizer = {"param_groups": [group], "state": {}}
    scheduler = {"last_epoch": 3, "_last_lr": [0.1], "base_lrs": [0.1], "names": [ESCAPE]}
    torch.save({"scheduler": scheduler, "optimizer": optimizer, ESCAPE: 1}, "run.pt")
    Path("one.yaml").write_text("steps: 9\n")


COMMANDS = (
    ("verify-resume", "one.yaml", "--checkpoint", "run.pt"),
    ("verify-resume", "one.yaml", "--checkpoint", "run.pt", "--optimizer-key", "x"),
    ("verify-resume", "one.yaml", "--checkpoint", f"{ESCAPE}.pt"),
    ("trace", f"{ESCAPE}.yaml"),
    ("trace", "one.yaml", CONTROLS),
    ("trace", "one.yaml", "--every", CONTROLS),
    ("trace", "one.yaml", "--out", f"{ESCAPE}.csv"),
    ("trace", "one.yaml", "--set", f"name={ESCAPE}"),
    ("trace", "one.yaml", "--set", f"{ESCAPE}=1"),
    ("compare", "one.yaml", f"{ESCAPE}.csv"),
    ("compare", "one.yaml", "names.csv"),
    ("show", "names.yaml"),
    ("show", "messages.yaml"),
    (CONTROLS,),
)


def hostile_files() -> None:
    hostile_checkpoint()
    Path("names.yaml").write_text(
        f"description: {quoted(ESCAPE)}\nparam_groups: [{{name: {quoted(ESCAPE)}}}]\n{quoted(ESCAPE)}: 1\n"
        f"scheduler: {{custom_lambda: {quoted(ESCAPE)}, gamma: {quoted(ESCAPE)}}}\n"
    )
    Path("names.csv").write_text(f"step,lr.{ESCAPE}\n0,1\n1,{ESCAPE}\n", newline="")
    Path("messages.yaml").write_text(
        f"optimizer: {{type: SGD, {quoted(ESCAPE)}: 1}}\nscheduler: {{type: {quoted(ESCAPE)}}}\nsteps: 3\n"
    )


def test_no_text_of_a_file_reaches_a_pipe_as_more_than_text() -> None:
    hostile_files()
    for arguments in COMMANDS:
        result = run(*arguments)
        assert result.code in {0, 1, 2}, arguments
        assert printable(result.out + result.err), arguments


@pytest.mark.parametrize("arguments", [COMMANDS[0], COMMANDS[4], COMMANDS[6], COMMANDS[-3]], ids=ascii)
def test_no_text_of_a_file_is_obeyed_by_a_terminal(arguments: tuple[str, ...]) -> None:
    hostile_files()
    done = ran_on_a_terminal(*arguments, columns=200)
    assert done.code in {0, 1, 2}
    for text in (done.stdout, done.stderr):
        assert printable(STYLES.sub("", text)), ascii(text)
        assert "title\x07" not in text


def without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len({key for key, _ in pairs}) == len(pairs)
    return dict(pairs)


def document(result: Result) -> Any:
    """What stdout holds, read as strictly as JSON allows."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    return json.loads(result.out, parse_constant=refuse, object_pairs_hook=without_doubles)


ODD_GROUPS = """\
description: "</script> \\" \\\\ 😀"
steps: 4
param_groups: [{name: 'a"b\\c'}, {name: "</script>", lr: 0}, {name: "😀"}]
scheduler: {warmup_steps: 1, T_0: 2}
"""


def test_json_is_json_whatever_the_files_say() -> None:
    hostile_files()
    Path("odd.yaml").write_text(ODD_GROUPS)
    Path("nan.yaml").write_text("steps: 4\nscheduler: {type: ConstantLR}\nparam_groups: [{name: a, lr: 0}]\n")
    for name, command in itertools.product(("odd.yaml", "nan.yaml"), ("show", "plot", "trace")):
        result = run(command, name, "--json")
        assert (result.code, result.err) == (0, "")
        assert document(result)
    assert document(run("compare", "odd.yaml", "nan.yaml", "--json"))["equal"] is False
    inspected = run("verify-resume", "one.yaml", "--checkpoint", "run.pt", "--json")
    assert printable(inspected.out)
    assert document(inspected)["groups"][0]["saved_name"] == ESCAPE


def test_json_is_json_where_the_terminal_lacks_the_letters() -> None:
    Path("odd.yaml").write_text(ODD_GROUPS)
    for command in ("show", "trace"):
        done = subprocess.run(
            [sys.executable, "-m", "lrsched_cli", command, "odd.yaml", "--json"],
            check=True, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii"},
        )  # fmt: skip
        assert "😀" in str(json.loads(done.stdout.decode("ascii")))


@pytest.mark.parametrize("command", [("plot", "odd.yaml"), ("compare", "odd.yaml", "default")], ids=" ".join)
def test_pictures_hold_what_files_say_as_text(command: tuple[str, ...]) -> None:
    names = ["<script>x()</script>", "--><a/>", "]]>", "&amp;&lt;", "$\\frac{$", "a--b", "%s {0}", "_x", "\\"]
    groups = "".join(f"- {{name: {quoted(name)}}}\n" for name in names)
    description = quoted("</title><script>x()</script> --> $\\frac{$")
    Path("odd.yaml").write_text(f"description: {description}\nsteps: 4\nparam_groups:\n{groups}")
    for suffix in (".svg", ".pdf", ".png"):
        assert run(*command, "--out", f"o{suffix}", "--no-csv").code == 0
    tags = {element.tag.rpartition("}")[2] for element in ET.parse("o.svg").iter()}  # noqa: S314 - ours
    assert tags & {"script", "a", "foreignObject", "image"} == set()
    assert b"<script" not in Path("o.svg").read_bytes()
    assert b"/JavaScript" not in Path("o.pdf").read_bytes()
    assert b"/OpenAction" not in Path("o.pdf").read_bytes()


@given(st.text())
def test_what_is_shown_is_printable(text: str) -> None:
    assert visible(text).isprintable()
    assert printable(visible_lines(text))
    assert visible_lines(text).count("\n") == text.count("\n")


@given(
    st.recursive(
        st.none() | st.floats(allow_nan=False) | st.text(),
        lambda one: st.lists(one) | st.dictionaries(st.text(), one),
    )
)
def test_json_that_is_shown_means_the_same(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=1)
    assert json.loads(visible_json(text)) == value
    assert printable(visible_json(text))
    assert json.loads(visible_json(text, ascii_only=True).encode("ascii")) == value


def test_letters_that_nobody_sees_are_shown() -> None:
    hidden = ["\u3164", "\u115f", "\u034f", "\ufe0f", "\U000e0100", "\u17b4", "\u2800", "\uffa0"]
    assert all(visible(f"a{one}b") == f"a{ascii(one)[1:-1]}b" for one in hidden)
    assert all(
        json.loads(shown := visible_json(json.dumps(one, ensure_ascii=False))) == one for one in hidden
    )
    assert shown.isascii()


@pytest.mark.parametrize("content", [b"text.usetex: True\n", b"\xff\xfe", b"savefig.dpi: 20000\n"])
def test_settings_of_matplotlib_that_lie_in_the_folder_are_not_obeyed(content: bytes) -> None:
    command = [sys.executable, "-m", "lrsched_cli", "plot", "default", "--steps", "50", "--no-csv", "--out"]
    for name in ("without.png", "with.png"):
        subprocess.run([*command, name], check=True, capture_output=True)
        Path("matplotlibrc").write_bytes(content)
    assert Path("with.png").read_bytes() == Path("without.png").read_bytes()


def test_lrs_that_no_axis_has_room_for_are_refused_in_a_line() -> None:
    Path("a.csv").write_text("step,lr.a\n0,1e308\n1,-1e308\n")
    code, out, err = run("compare", "a.csv", "a.csv")
    assert (code, out) == (2, "")
    assert err == "lrsched: LRs from -1e308 to -1e308 cannot be drawn; lrsched trace writes them\n"
    Path("s.yaml").write_text("steps: 9\noptimizer: {lr: 8e307}\nscheduler: {eta_scal_max: 1}\n")
    assert run("plot", "s.yaml").code == 2
    assert run("show", "s.yaml").err == ""
