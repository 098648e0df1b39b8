"""``lrsched plot``: a picture, the trace beside it, and a table."""

from __future__ import annotations

import json
import re
from importlib.metadata import version
from pathlib import Path

import pytest
from command_line import Result, run, written
from PIL import Image

from lrsched_cli import load_schedule

SMALL = """
name: small
param_groups: [{name: a, lr: 1}, {name: b, lr: 0.5}]
scheduler: {warmup_steps: 2, T_0: 2, T_mult: 1}
steps: 6
"""
PRINTED = """\
group     base LR  first  peak  minimum   final    mean    sum
──────────────────────────────────────────────────────────────
a               1      1     2        1   1.073    1.37  8.219
                     @ 0   @ 2      @ 0     @ 5
b             0.5    0.5     1      0.5  0.5365  0.6849  4.109
                     @ 0   @ 2      @ 0     @ 5

warm-up through step 2; restarts at step 4, 6
Loop optimizer-first: update k+1 runs at row k, so update 1 runs at the LRs of row 0.
small: 3 warnings (LRS052, LRS062, LRS121); lrsched check tells what and where

outputs/small.png
outputs/small.csv
"""


def plotted(*arguments: str) -> Result:
    Path("small.yaml").write_text(SMALL)
    result = run("plot", "small.yaml", *arguments)
    assert (result.code, result.err) == (0, "")
    return result


def opened(path: str = "outputs/small.png") -> Image.Image:
    with Image.open(path) as picture:
        picture.load()
        return picture


def paper(picture: Image.Image) -> int:
    """How bright the corner is, from 0 to 255."""
    brightness = picture.convert("L").getpixel((2, 2))
    assert isinstance(brightness, int)
    return brightness


def test_a_picture_a_trace_and_a_table_are_made() -> None:
    out = plotted().out
    assert sorted(written()) == ["small.csv", "small.png"]
    assert out == PRINTED


def test_the_csv_beside_the_picture_is_the_trace() -> None:
    plotted()
    assert written()["small.csv"].decode() == run("trace", "small.yaml", "--out", "-").out


def test_the_csv_may_be_left_out() -> None:
    assert plotted("--no-csv").out.endswith("\noutputs/small.png\n")
    assert list(written()) == ["small.png"]


@pytest.mark.parametrize(
    ("out", "picture", "csv"),
    [
        ("x.png", "x.png", "x.csv"),
        ("new/x.svg", "new/x.svg", "new/x.csv"),
        ("x.PDF", "x.PDF", "x.csv"),
        ("new/folder", "new/folder/small.png", "new/folder/small.csv"),
    ],
)
def test_the_results_go_where_they_are_asked_to(out: str, picture: str, csv: str) -> None:
    assert plotted("--out", out).out.endswith(f"\n{picture}\n{csv}\n")
    assert Path(picture).is_file()
    assert Path(csv).is_file()
    assert not Path("outputs").exists()


@pytest.mark.parametrize(("suffix", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_the_suffix_says_what_is_drawn_and_twice_gives_the_same_bytes(suffix: str, start: bytes) -> None:
    plotted("--out", f"one.{suffix}")
    plotted("--out", f"two.{suffix}")
    one, two = Path(f"one.{suffix}").read_bytes(), Path(f"two.{suffix}").read_bytes()
    assert one.startswith(start)
    assert one == two


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_a_picture_carries_the_version_and_the_configurations_hash(suffix: str) -> None:
    plotted("--out", f"x.{suffix}")
    if suffix == "png":
        text = str(opened("x.png").info)
    else:
        text = Path(f"x.{suffix}").read_bytes().decode("latin-1")
    assert f"lrsched {version('lrsched-cli')}" in text
    assert load_schedule("small.yaml").fingerprint in text
    assert not re.search(r"20\d\d-\d\d-\d\d|D:20\d\d", text)


def test_another_configuration_has_another_hash() -> None:
    hashes = []
    for gamma in ("0.9", "0.8"):
        plotted("--set", f"scheduler.gamma={gamma}")
        hashes.append(opened().info["Description"])
    assert hashes[0] != hashes[1]


@pytest.mark.parametrize(
    ("arguments", "size"),
    [
        ([], (1600, 1000)),
        (["--size", "6x4"], (1200, 800)),
        (["--size", "6×4.5", "--dpi", "100"], (600, 450)),
        (["--size", "3,3", "--dpi", "30"], (90, 90)),
        (["--dpi", "50"], (400, 250)),
    ],
)  # fmt: skip
def test_a_picture_has_the_size_that_is_asked_for(arguments: list[str], size: tuple[int, int]) -> None:
    plotted(*arguments)
    assert opened().size == size


def test_a_picture_is_light_or_dark() -> None:
    plotted("--dpi", "50", "--out", "light.png")
    plotted("--dpi", "50", "--dark", "--out", "dark.png")
    assert (paper(opened("light.png")), paper(opened("dark.png")) < 60) == (255, True)


def test_a_logarithmic_picture_is_another_one() -> None:
    plotted("--dpi", "50", "--out", "linear.png")
    plotted("--dpi", "50", "--log-y", "--out", "log.png")
    assert opened("linear.png").tobytes() != opened("log.png").tobytes()


def test_json_is_one_document_on_stdout() -> None:
    document = json.loads(plotted("--json").out)
    assert (document["name"], document["steps"], document["loop"]) == ("small", 6, "optimizer-first")
    assert document["files"] == ["outputs/small.png", "outputs/small.csv"]
    first, second = document["groups"]
    assert (first["name"], first["base_lr"], second["base_lr"]) == ("a", 1.0, 0.5)
    assert (first["peak"], first["warmup_end"], first["restarts"]) == ({"lr": 2.0, "step": 2}, 2, [4, 6])


def test_steps_may_be_overridden() -> None:
    assert json.loads(plotted("--json", "--steps", "4").out)["steps"] == 4


def test_a_dash_reads_standard_input() -> None:
    result = run("plot", "-", stdin=b"steps: 5\n")
    assert (result.code, result.err, sorted(written())) == (0, "", ["stdin.csv", "stdin.png"])


@pytest.mark.parametrize(
    "name", ["[red]x[/red]", "$\\frac{$", "a_b^c", "&<>", "编码器", "🙂", "%s {0}", "_hidden"]
)
@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_a_group_may_have_any_printable_name(name: str, suffix: str) -> None:
    groups = [{"name": name}, {"name": "other", "lr": 1}]
    Path("s.yaml").write_text(
        json.dumps({"steps": 5, "param_groups": groups}, ensure_ascii=False), encoding="utf-8"
    )
    result = run("plot", "s.yaml", "--out", f"s.{suffix}")
    assert (result.code, result.err) == (0, "")
    assert name in result.out


@pytest.mark.parametrize(
    "settings",
    [
        "steps: 1",
        "optimizer: {lr: 0}",
        "scheduler: {eta_scal_min: 0, eta_scal_max: 0}",
        "scheduler: {custom_lambda: '-1'}",
        "scheduler: {custom_lambda: '0'}",
        "scheduler: {T_0: 1, T_mult: 1, warmup_steps: 0}\nsteps: 300",
        "optimizer: {lr: 1e-300}",
        "optimizer: {lr: 1e300}",
    ],
)
@pytest.mark.parametrize("axis", [[], ["--log-y"]], ids=["linear", "log"])
def test_every_valid_schedule_can_be_drawn(settings: str, axis: list[str]) -> None:
    Path("s.yaml").write_text(settings)
    result = run("plot", "s.yaml", "--dpi", "50", *axis)
    assert (result.code, result.err) == (0, "")
    assert sorted(written()) == ["s.csv", "s.png"]
