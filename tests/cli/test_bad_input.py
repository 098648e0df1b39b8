"""Whatever is wrong with the input: exit code 2, the place and the reason on stderr, and nothing written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from command_line import run

if TYPE_CHECKING:
    from collections.abc import Iterator

OLD = b"what stood here before"
HANG = 20.0  # seconds; every case takes less than two on an idle machine


@pytest.fixture(autouse=True)
def modules_of_the_users_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield
    sys.modules.pop("mine", None)


def everything() -> dict[str, bytes | None]:
    """All that lies in the current folder, with the contents of what can be read at once."""
    found = sorted(Path().rglob("*"))
    return {str(path): path.read_bytes() if path.is_file() else None for path in found}


def refused(*arguments: str | Path, command: str = "plot") -> list[str]:
    """The lines on stderr of a command that must do nothing and say why."""
    Path("outputs").mkdir()
    for name in ("s.png", "s.csv", "default.png"):
        Path("outputs", name).write_bytes(OLD)
    before = everything()
    result = run(command, *arguments)
    assert "Traceback" not in result.err
    assert (result.code, result.out) == (2, "")
    assert everything() == before
    return result.err.splitlines()


class Bad(NamedTuple):
    """A schedule file, what the one line on stderr begins with, and words further on in it."""

    text: str | bytes
    place: str
    words: str


GROUPS = "param_groups:\n- {name: trunk}\n- {name: head"


def lists_of_aliases(levels: int, width: int) -> str:
    lines = ["a0: &a0 [" + ", ".join("x" * width) + "]"]
    lines += [f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * width) + "]" for n in range(1, levels)]
    return "\n".join(lines)


FILES = {
    # YAML
    "empty": Bad("", "s.yaml:1:1: ", "is empty"),
    "only comments": Bad("# nothing\n# at all\n", "s.yaml:1:1: ", "is empty"),
    "null": Bad("null\n", "s.yaml:1:1: ", "is empty"),
    "a list": Bad("\n- name: x\n", "s.yaml:2:1: ", "must be a mapping"),
    "a text": Bad("just text\n", "s.yaml:1:1: ", "must be a mapping"),
    "an open bracket": Bad("steps: [1\n", "s.yaml:2:1: ", "not valid YAML"),
    "a tab": Bad("\tsteps: 1\n", "s.yaml:1:1: ", "not valid YAML"),
    "a wrong indent": Bad("steps: 1\n  loop: x\n", "s.yaml:2:7: ", "not valid YAML"),
    "two colons": Bad("a: b: c\n", "s.yaml:1:5: ", "not valid YAML"),
    "a second document": Bad("steps: 5\n---\nsteps: 6\n", "s.yaml:2:1: ", "second YAML document"),
    "a list as a key": Bad("? [a]\n: 1\n", "s.yaml:1:3: ", "must be plain text"),
    "an unknown alias": Bad("scheduler: *base\n", "s.yaml:1:12: ", "*base"),
    "an alias inside itself": Bad("scheduler: &a {T_0: *a}\n", "s.yaml:1:21: ", "*a"),
    "a bomb of aliases": Bad(lists_of_aliases(9, 10), "s.yaml:4:5: ", "100,000 values"),
    "a tag that runs code": Bad(
        "scheduler:\n  T_0: !!python/object/apply:os.system ['touch pwned']\n",
        "s.yaml:2:8: scheduler.T_0: ",
        "!!python/object/apply:os.system",
    ),
    "a tag that builds an object": Bad(
        "name: !!python/name:os.system x\n", "s.yaml:1:7: name: ", "!!python/name:os.system"
    ),
    "a tag of one's own": Bad("steps: !secret 5\n", "s.yaml:1:8: steps: ", "!secret"),
    "lists 10,000 deep": Bad("[" * 10_000 + "]" * 10_000, "s.yaml:1:51: ", "deeper than 50"),
    "mappings 10,000 deep": Bad("{a: " * 10_000 + "}" * 10_000, "s.yaml:1:201: ", "deeper than 50"),
    # bytes
    "a picture": Bad(b"\x89PNG\r\n\x1a\n\x00\x00", "s.yaml:1:1: ", "not UTF-8"),
    "UTF-16": Bad("steps: 5\n".encode("utf-16"), "s.yaml: ", "UTF-16"),
    "Latin-1": Bad(b"steps: 5\ndescription: caf\xe9\n", "s.yaml:2:17: ", "not UTF-8 text (byte 0xe9)"),
    "a NUL": Bad(b"steps: 5\nname: a\x00b\n", "s.yaml:2:8: ", "not valid YAML"),
    "an escape sequence": Bad("name: \x1b[31m\n", "s.yaml:1:7: ", "not valid YAML"),
    # keys
    "an unknown key": Bad("stepss: 5\n", "s.yaml:1:1: stepss: ", "did you mean steps?"),
    "a key like no other": Bad("zzz: 5\n", "s.yaml:1:1: zzz: ", "known here: batch_size, "),
    "an unknown optimizer argument": Bad(
        "optimizer:\n  weight_decai: 0\n", "s.yaml:2:3: optimizer.weight_decai: ", "mean weight_decay?"
    ),
    "an argument of another optimizer": Bad(
        "optimizer: {type: SGD, betas: [0.9, 0.99]}\n", "s.yaml:1:24: optimizer.betas: ", "no known key"
    ),
    "an argument that is not the file's": Bad(
        "optimizer: {params: [1]}\n", "s.yaml:1:13: optimizer.params: ", "no known key"
    ),
    "an unknown key of a group": Bad(
        f"{GROUPS}, lrr: 1}}\n", "s.yaml:3:16: param_groups.head.lrr: ", "mean lr?"
    ),
    "an unknown scheduler parameter": Bad(
        "scheduler: {T_O: 1}\n", "s.yaml:1:13: scheduler.T_O: ", "did you mean T_0?"
    ),
    "an unknown parameter of a group": Bad(
        f"{GROUPS}, scheduler: {{gama: 1}}}}\n",
        "s.yaml:3:28: param_groups.head.scheduler.gama: ",
        "did you mean gamma?",
    ),
    "an unknown key of a phase": Bad(
        "batch_size: [{until: 5, size: 3, sise: 4}, 8]\n", "s.yaml:1:34: batch_size.0.sise: ", "mean size?"
    ),
    "an unknown key of an import": Bad(
        "scheduler:\n  custom_lambda: {imports: 'mine:f'}\n",
        "s.yaml:2:18: scheduler.custom_lambda: ",
        '{import: "package.module:function"} or null (got {"imports": "mine:f"})',
    ),
    "a doubled key": Bad("steps: 5\nsteps: 6\n", "s.yaml:2:1: steps: ", "twice (first on line 1)"),
    "a doubled parameter": Bad(
        "scheduler:\n  T_0: 1\n  T_0: 2\n", "s.yaml:3:3: scheduler.T_0: ", "twice (first on line 2)"
    ),
    "a doubled argument": Bad("optimizer: {lr: 1, lr: 2}\n", "s.yaml:1:20: optimizer.lr: ", "twice"),
    "a doubled key of a group": Bad(f"{GROUPS}, lr: 1, lr: 2}}\n", "s.yaml:3:23: param_groups.", "twice"),
    # types and ranges at the top
    "a name with folders": Bad("name: ../x\n", "s.yaml:1:7: name: ", '(got "../x")'),
    "a hidden name": Bad("name: .x\n", "s.yaml:1:7: name: ", '(got ".x")'),
    "an empty name": Bad("name: ''\n", "s.yaml:1:7: name: ", '(got "")'),
    "a long name": Bad(f"name: {'x' * 101}\n", "s.yaml:1:7: name: ", "100"),
    "a number as a name": Bad("name: 5\n", "s.yaml:1:7: name: ", "must be text (got 5)"),
    "a description on two lines": Bad(
        'description: "a\\nb"\n', "s.yaml:1:14: description: ", '(got "a\\nb")'
    ),
    "no steps": Bad("steps: 0\n", "s.yaml:1:8: steps: ", "1 or more (got 0)"),
    "steps with a fraction": Bad("steps: 1.5\n", "s.yaml:1:8: steps: ", "whole number, 1 or more (got 1.5)"),
    "too many steps": Bad("steps: 10000001\n", "s.yaml:1:8: steps: ", "10,000,000 (got 10000001)"),
    "a quoted number": Bad("steps: '5'\n", "s.yaml:1:8: steps: ", 'whole number, 1 or more (got "5")'),
    "true as a number": Bad("steps: true\n", "s.yaml:1:8: steps: ", "(got true)"),
    "an unknown loop": Bad("loop: optimiser-first\n", "s.yaml:1:7: loop: ", "mean optimizer-first?"),
    # the batch plan
    "no samples": Bad("batch_size: 0\n", "s.yaml:1:13: batch_size: ", "1 or more (got 0)"),
    "half a sample": Bad("batch_size: 1.5\n", "s.yaml:1:13: batch_size: ", "(got 1.5)"),
    "a batch size in words": Bad("batch_size: big\n", "s.yaml:1:13: batch_size: ", '(got "big")'),
    "no phase": Bad("batch_size: []\n", "s.yaml:1:13: batch_size: ", "empty list"),
    "a phase without an end": Bad("batch_size: [32, 64]\n", "s.yaml:1:14: batch_size.0: ", "until"),
    "a last phase with an end": Bad(
        "batch_size: [{until: 5, size: 3}]\n", "s.yaml:1:22: batch_size.0.until: ", "last phase"
    ),
    "a single phase with an end": Bad(
        "batch_size: {until: 5, size: 3}\n", "s.yaml:1:21: batch_size.until: ", "no end"
    ),
    "phases out of order": Bad(
        "batch_size: [{until: 5, size: 3}, {until: 4, size: 6}, 8]\n",
        "s.yaml:1:43: batch_size.1.until: ",
        "above 5",
    ),
    "a phase that ends before it begins": Bad(
        "batch_size: [{until: 0, size: 3}, 8]\n", "s.yaml:1:22: batch_size.0.until: ", "(got 0)"
    ),
    "a size given in two ways": Bad(
        "batch_size: [{until: 9, size: 3, devices: 2}, 8]\n", "s.yaml:1:14: batch_size.0: ", "both"
    ),
    "a size of nothing": Bad("batch_size: {devices: 2}\n", "s.yaml:1:13: batch_size: ", "per_device"),
    # the optimizer
    "no mapping as an optimizer": Bad("optimizer: Adam\n", "s.yaml:1:12: optimizer: ", '(got "Adam")'),
    "an unknown optimizer": Bad(
        "optimizer: {type: Adamm}\n", "s.yaml:1:19: optimizer.type: ", "did you mean Adam?"
    ),
    "a number as an optimizer": Bad("optimizer: {type: 5}\n", "s.yaml:1:19: optimizer.type: ", "(got 5)"),
    "a negative LR": Bad("optimizer: {lr: -1e-3}\n", "s.yaml:1:17: optimizer.lr: ", "(got -0.001)"),
    "an LR in words": Bad("optimizer: {lr: high}\n", "s.yaml:1:17: optimizer.lr: ", '(got "high")'),
    "an infinite LR": Bad("optimizer: {lr: .inf}\n", "s.yaml:1:17: optimizer.lr: ", "finite number"),
    "an LR that no double holds": Bad("optimizer: {lr: 1e400}\n", "s.yaml:1:17: optimizer.lr: ", "1e400"),
    "a number for a list": Bad(
        "optimizer: {betas: 5}\n", "s.yaml:1:20: optimizer.betas: ", "numbers (got 5)"
    ),
    "one beta": Bad("optimizer: {betas: [0.9]}\n", "s.yaml:1:", "betas"),
    "three betas": Bad("optimizer: {betas: [0.9, 0.99, 0.999]}\n", "s.yaml:1:", "betas"),
    "one beta in a group": Bad(f"{GROUPS}, betas: [0.9]}}\n", "s.yaml:3:", "betas"),
    "a number for a switch": Bad(
        "optimizer: {amsgrad: 1}\n", "s.yaml:1:22: optimizer.amsgrad: ", "true or false (got 1)"
    ),
    "a text for a number": Bad(
        "optimizer: {weight_decay: no}\n", "s.yaml:1:27: optimizer.weight_decay: ", '(got "no")'
    ),
    "what torch refuses": Bad(
        "steps: 5\noptimizer: {type: SGD, nesterov: true}\n", "s.yaml:2:12: optimizer: ", "Nesterov"
    ),
    "a number that torch refuses": Bad("optimizer: {eps: -1}\n", "s.yaml:1:12: optimizer: ", "epsilon"),
    # the groups
    "no group": Bad("param_groups: []\n", "s.yaml:1:15: param_groups: ", "empty list"),
    "no list of groups": Bad("param_groups: {name: a}\n", "s.yaml:1:15: param_groups: ", "must be a list"),
    "a group that is a text": Bad("param_groups: [a]\n", "s.yaml:1:16: param_groups.0: ", "a mapping"),
    "a group without a name": Bad("param_groups: [{lr: 1}]\n", "s.yaml:1:16: param_groups.0.name: ", "miss"),
    "a number as a group's name": Bad(
        "param_groups: [{name: 5}]\n", "s.yaml:1:23: param_groups.0.name: ", "text (got 5)"
    ),
    "two groups of one name": Bad(
        "param_groups:\n- {name: a}\n- {name: b}\n- {name: a}\n", "s.yaml:4:10: param_groups.a.name: ", '"a"'
    ),
    "a bell in a group's name": Bad(
        'param_groups: [{name: "a\\x07"}]\n', "s.yaml:1:23: param_groups.a\\x07.name: ", '(got "a\\u0007")'
    ),
    "a line break in a group's name": Bad(
        'param_groups: [{name: "a\\nb"}]\n', "s.yaml:1:23: param_groups.a\\nb.name: ", '(got "a\\nb")'
    ),
    "a group's negative LR": Bad(f"{GROUPS}, lr: -1}}\n", "s.yaml:3:20: param_groups.head.lr: ", "(got -1)"),
    "a group's setting of a wrong type": Bad(
        f"{GROUPS}, weight_decay: x}}\n", "s.yaml:3:30: param_groups.head.weight_decay: ", '(got "x")'
    ),
    "a shape that is no list": Bad(
        f"{GROUPS}, shapes: {{w: 3}}}}\n", "s.yaml:3:28: param_groups.head.shapes.w: ", "a list (got 3)"
    ),
    "a negative length": Bad(
        f"{GROUPS}, shapes: {{w: [-1]}}}}\n", "s.yaml:3:29: param_groups.head.shapes.w.0: ", "(got -1)"
    ),
    "a tensor beyond all memory": Bad(
        f"{GROUPS}, shapes: {{w: [1e9, 1e9]}}}}\n", "s.yaml:3:28: param_groups.head.shapes.w: ", "elements"
    ),
    "a pattern that is no list": Bad(
        f"{GROUPS}, match: 'x.*'}}\n", "s.yaml:3:23: param_groups.head.match: ", 'list (got "x.*")'
    ),
    "a pattern that is a number": Bad(
        f"{GROUPS}, match: [5]}}\n", "s.yaml:3:24: param_groups.head.match.0: ", "must be text (got 5)"
    ),
    "a group's parameter out of range": Bad(
        f"{GROUPS}, scheduler: {{T_0: 0}}}}\n", "s.yaml:3:33: param_groups.head.scheduler.T_0: ", "(got 0)"
    ),
    # the scheduler
    "no mapping as a scheduler": Bad("scheduler: 5\n", "s.yaml:1:12: scheduler: ", "mapping (got 5)"),
    "another scheduler": Bad(
        "scheduler: {type: StepRL}\n", "s.yaml:1:19: scheduler.type: ", "did you mean StepLR?"
    ),
    "a negative warm-up": Bad(
        "scheduler: {warmup_steps: -1}\n", "s.yaml:1:27: scheduler.warmup_steps: ", "0 or more (got -1)"
    ),
    "a warm-up above all": Bad(
        "scheduler: {warmup_scale_min: 2}\n", "s.yaml:1:31: scheduler.warmup_scale_min: ", "0 to 1 (got 2)"
    ),
    "an unknown warm-up": Bad(
        "scheduler: {warmup_type: Linear}\n", "s.yaml:1:26: scheduler.warmup_type: ", "mean linear?"
    ),
    "cycles of no length": Bad("scheduler: {T_0: 0}\n", "s.yaml:1:18: scheduler.T_0: ", "(got 0)"),
    "cycles that grow by half": Bad(
        "scheduler: {T_mult: 1.5}\n", "s.yaml:1:21: scheduler.T_mult: ", "whole number, 1 or more (got 1.5)"
    ),
    "a negative lower end": Bad(
        "scheduler: {eta_scal_min: -0.1}\n", "s.yaml:1:27: scheduler.eta_scal_min: ", "(got -0.1)"
    ),
    "yes as an upper end": Bad(
        "scheduler: {eta_scal_max: yes}\n", "s.yaml:1:27: scheduler.eta_scal_max: ", '(got "yes")'
    ),
    "no decay factor": Bad("scheduler: {gamma: 0}\n", "s.yaml:1:20: scheduler.gamma: ", "above 0 (got 0)"),
    "a gamma of NaN": Bad("scheduler: {gamma: .NaN}\n", "s.yaml:1:20: scheduler.gamma: ", ".NaN"),
    "null for a number": Bad("scheduler: {gamma: null}\n", "s.yaml:1:20: scheduler.gamma: ", "(got null)"),
    "an unknown mode": Bad(
        "scheduler: {batch_size_mode: cubic}\n", "s.yaml:1:30: scheduler.batch_size_mode: ", '(got "cubic")'
    ),
    "a number as a custom factor": Bad(
        "scheduler: {custom_lambda: 5}\n", "s.yaml:1:28: scheduler.custom_lambda: ", "(got 5)"
    ),
    "an import of nothing": Bad(
        "scheduler: {custom_lambda: {}}\n", "s.yaml:1:28: scheduler.custom_lambda: ", "(got {})"
    ),
    "an import of a number": Bad(
        "scheduler: {custom_lambda: {import: 5}}\n",
        "s.yaml:1:28: scheduler.custom_lambda: ",
        '(got {"import": 5})',
    ),
    "a fourth cycle beyond the limit": Bad(
        "scheduler: {T_0: 1000000, T_mult: 10}\n", "s.yaml:1:35: scheduler.T_mult: ", "10,000,000"
    ),
    "a long first cycle": Bad(
        "steps: null\nscheduler: {T_0: 1e9}\n", "s.yaml:2:12: scheduler.T_mult: ", "give steps"
    ),
    "peaks that grow beyond all numbers": Bad(
        "scheduler: {gamma: 1e300, T_0: 2}\n", "s.yaml:1:12: scheduler: ", "at step 106"
    ),
    # what a file starts from
    "a base that is missing": Bad("extends: nothere.yaml\n", "s.yaml:1:10: extends: ", "nothere.yaml"),
    "a base that is the file": Bad("extends: s.yaml\n", "s.yaml:1:10: extends: ", "loop"),
    "a base that is a folder": Bad("extends: .\n", "s.yaml:1:10: extends: ", "folder"),
    "a base that is a number": Bad("extends: 5\n", "s.yaml:1:10: extends: ", "path"),
}


@pytest.mark.parametrize("bad", FILES.values(), ids=FILES.keys())
def test_a_bad_file_is_told_of_at_its_place(bad: Bad) -> None:
    Path("s.yaml").write_bytes(bad.text if isinstance(bad.text, bytes) else bad.text.encode())
    (line,) = refused("s.yaml")
    assert line.startswith(bad.place)
    assert bad.words in line.removeprefix(bad.place)


def test_all_problems_of_a_file_come_at_once_and_in_its_order() -> None:
    Path("s.yaml").write_text("""\
name: 5
steps: 0
loop: sideways
optimizer: {lr: -1, weight_decai: 0, eps: small}
param_groups:
  - {name: head, lr: high}
  - name: head
    scheduler: {T_0: 1.5}
scheduler: {gamma: .inf}
stepss: 3
""")
    assert refused("s.yaml") == [
        "s.yaml:1:7: name: must be text (got 5)",
        "s.yaml:2:8: steps: must be a whole number, 1 or more (got 0)",
        's.yaml:3:7: loop: must be optimizer-first or scheduler-first (got "sideways")',
        "s.yaml:4:17: optimizer.lr: must be a number, 0 or more (got -1)",
        "s.yaml:4:21: optimizer.weight_decai: is no known key; did you mean weight_decay?",
        's.yaml:4:43: optimizer.eps: must be a number (got "small")',
        's.yaml:6:22: param_groups.head.lr: must be a number, 0 or more (got "high")',
        's.yaml:7:11: param_groups.head.name: "head" is the name of group 0 too; each group needs its own',
        "s.yaml:8:22: param_groups.head.scheduler.T_0: must be a whole number, 1 or more (got 1.5)",
        "s.yaml:9:20: scheduler.gamma: must be a finite number (got .inf)",
        "s.yaml:10:1: stepss: is no known key; did you mean steps?",
    ]


@pytest.mark.parametrize("command", ["plot", "trace", "show"])
def test_every_command_tells_of_bad_input_alike(command: str) -> None:
    Path("s.yaml").write_text("steps: 0\n")
    message = "s.yaml:1:8: steps: must be a whole number, 1 or more (got 0)"
    assert refused("s.yaml", command=command) == [message]


def test_keys_known_elsewhere_alone_are_not_offered() -> None:
    Path("s.yaml").write_text("scheduler: {zzz: 1}\n")
    (line,) = refused("s.yaml")
    assert "T_mult" in line
    assert "extends" not in line


EXPRESSIONS = {
    "an import": "__import__('os').system('touch pwned')",
    "a builtin": "open('pwned', 'w')",
    "eval": "eval('1')",
    "a class": "().__class__.__bases__",
    "an attribute": "step.real",
    "an attribute of a function": "max.__self__",
    "a subscript": "step[0]",
    "a comprehension": "[x for x in y]",
    "a lambda": "lambda: 1",
    "an f-string": "f'{step}'",
    "a text": "'1'",
    "a walrus": "(y := 5)",
    "a star": "max(*[1, 2])",
    "a keyword argument": "min(step, 5, key=abs)",
    "a function without a call": "max",
    "another name": "x",
    "await": "await step",
    "yield": "(yield)",
    "a statement": "step = 5",
    "two formulas": "1; 2",
    "brackets the wrong way round": "1)+(1",
    "a bit shift": "1 << 5000000000",
    "a complex number": "1j",
    "true": "True",
    "an ellipsis": "...",
    "half a formula": "1 +",
    "nothing": "",
    "only a comment": "# 1",
    "a number that no double holds": "1e400",
    "100 KB": "step" + "+1" * 50_000,
    "10,000 brackets": "(" * 10_000 + "1" + ")" * 10_000,
    "1,500 brackets": "(" * 1_500 + "1" + ")" * 1_500,
    "4,000 signs": "-" * 4_000 + "1",
    "1,000 powers": "2**" * 1_000 + "2",
}


@pytest.mark.parametrize("text", EXPRESSIONS.values(), ids=EXPRESSIONS.keys())
def test_a_formula_can_do_nothing_but_count(text: str) -> None:
    Path("s.yaml").write_text(f"steps: 5\nscheduler:\n  custom_lambda: {json.dumps(text)}\n")
    (line,) = refused("s.yaml")
    assert line.startswith("s.yaml:3:18: scheduler.custom_lambda: ")
    assert "(got " in line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("9**9**9**9", "step 1: the number is too large"),
        ("1 / (step - 1234)", "step 1234: division by zero"),
        ("sqrt(1233 - step)", "step 1234: "),
        ("(1233 - step) ** 0.5", "step 1234: "),
        ("1 if step < 1234 else 1e308 * 10", "step 1234: the value is inf"),
        ("exp(step * 1000)", "step 1: the number is too large"),
    ],
)
def test_a_formula_without_a_value_is_told_of_with_its_step(text: str, words: str) -> None:
    Path("s.yaml").write_text(f"steps: 1300\nscheduler:\n  custom_lambda: {json.dumps(text)}\n")
    (line,) = refused("s.yaml")
    assert line.startswith("s.yaml:3:18: scheduler.custom_lambda: ")
    assert words in line


def test_a_groups_own_formula_is_told_of_at_its_place() -> None:
    text = "param_groups:\n- {name: trunk}\n- name: my head\n  scheduler: {custom_lambda: '1/(step-7)'}\n"
    Path("s.yaml").write_text(text)
    (line,) = refused("s.yaml")
    assert line.startswith("s.yaml:4:30: param_groups.my head.scheduler.custom_lambda: ")
    assert "step 7: division by zero" in line


MODULES = {
    "text": ("def f(step): return '1' if step == 1234 else 1", "gave '1' at step 1234"),
    "None": ("def f(step): return None if step == 1234 else 1", "gave None at step 1234"),
    "NaN": ("def f(step): return float('nan') if step == 1234 else 1", "gave nan at step 1234"),
    "infinity": ("def f(step): return float('inf') if step == 1234 else 1", "gave inf at step 1234"),
    "an endless number": ("def f(step): return 10**400 if step == 1234 else 1", "at step 1234"),
    "a complex number": ("def f(step): return 1j", "gave 1j at step 1"),
    "an error": ("def f(step): return {}['oops'] if step == 1234 else 1", "at step 1234: 'oops'"),
    "an end": ("import sys\ndef f(step):\n    if step == 1234: sys.exit(0)\n    return 1", "at step 1234"),
    "itself": ("def f(step): return f(step)", "at step 1"),
    "nothing, as it takes no step": ("def f(): return 1", "at step 1"),
}


@pytest.mark.parametrize(("module", "words"), MODULES.values(), ids=MODULES.keys())
def test_a_function_that_gives_no_number_is_told_of_with_its_step(module: str, words: str) -> None:
    Path("mine.py").write_text(module)
    Path("s.yaml").write_text("steps: 1300\nscheduler:\n  custom_lambda: {import: 'mine:f'}\n")
    (line,) = refused("s.yaml", "--trust")
    assert line.startswith("s.yaml:3:18: scheduler.custom_lambda: ")
    assert words in line


@pytest.mark.parametrize(
    ("reference", "module", "words"),
    [
        ("nosuchmodule:f", "", "nosuchmodule"),
        ("mine:g", "f = abs", "'g'"),
        ("mine:f", "f = 5", "cannot be called"),
        ("mine:f", "raise RuntimeError('bad day')", "RuntimeError: bad day"),
        ("mine:f", "def f(:", "SyntaxError"),
        ("mine:f", "import sys\nsys.exit(0)", "SystemExit"),
        ("mine", "", 'package.module:function" (got "mine")'),
        ("mine:", "", '(got "mine:")'),
        ("../mine:f", "", '(got "../mine:f")'),
        ("mine:f()", "def f(): return abs", '(got "mine:f()")'),
    ],
)
def test_a_function_that_cannot_be_had_is_told_of(reference: str, module: str, words: str) -> None:
    Path("mine.py").write_text(module)
    Path("s.yaml").write_text(f"steps: 5\nscheduler:\n  custom_lambda: {{import: '{reference}'}}\n")
    (line,) = refused("s.yaml", "--trust")
    assert line.startswith("s.yaml:3:27: scheduler.custom_lambda.import: ")
    assert words in line


def test_nothing_is_imported_without_trust() -> None:
    Path("mine.py").write_text("open('imported', 'w')\ndef f(step): return 1\n")
    Path("s.yaml").write_text("scheduler:\n  custom_lambda: {import: 'mine:f'}\n")
    line, hint = refused("s.yaml")
    assert line.startswith("s.yaml:2:27: scheduler.custom_lambda.import: ")
    assert all(words in line for words in ('import "mine"', '"f"', "--trust"))
    assert "--trust" in hint


def test_nothing_is_imported_from_a_file_with_other_problems() -> None:
    Path("mine.py").write_text("open('imported', 'w')\ndef f(step): return 1\n")
    Path("s.yaml").write_text("steps: 0\nscheduler:\n  custom_lambda: {import: 'mine:f'}\n")
    (line,) = refused("s.yaml", "--trust")
    assert line.startswith("s.yaml:1:8: steps: ")


def test_problems_of_a_base_are_told_of_at_their_place_in_it() -> None:
    Path("bases").mkdir()
    Path("bases/base.yaml").write_text("# all runs\nextends: first.yaml\nscheduler:\n  T_0: 0\n")
    Path("bases/first.yaml").write_text("stepss: 5\n")
    Path("s.yaml").write_text("extends: bases/base.yaml\nsteps: 0\n")
    assert refused("s.yaml") == [
        "s.yaml:2:8: steps: must be a whole number, 1 or more (got 0)",
        "bases/base.yaml:4:8: scheduler.T_0: must be a whole number, 1 or more (got 0)",
        "bases/first.yaml:1:1: stepss: is no known key; did you mean steps?",
    ]


def test_a_base_that_is_no_yaml_is_told_of_with_its_line() -> None:
    Path("base.yaml").write_text("scheduler:\n  T_0: [\n")
    Path("s.yaml").write_text("extends: base.yaml\n")
    (line,) = refused("s.yaml")
    assert "base.yaml:3:1: is not valid YAML" in line


def test_bases_in_a_loop_are_told_of() -> None:
    Path("base.yaml").write_text("extends: s.yaml\n")
    Path("s.yaml").write_text("extends: base.yaml\n")
    (line,) = refused("s.yaml")
    assert line.startswith("base.yaml:1:10: extends: ")
    assert "loop" in line


def test_a_chain_of_bases_ends_somewhere() -> None:
    for number in range(30):
        Path(f"{number}.yaml").write_text(f"extends: {number + 1}.yaml\n")
    Path("s.yaml").write_text("extends: 0.yaml\n")
    (line,) = refused("s.yaml")
    assert line.startswith("15.yaml:1:10: extends: ")
    assert "more than 16 files" in line


def test_a_base_that_is_missing_is_not_sought_among_the_shipped_ones() -> None:
    Path("s.yaml").write_text("extends: default\n")
    (line,) = refused("s.yaml")
    assert "did you mean default?" not in line


SETTINGS = "param_groups:\n- {name: head}\n- {name: big.tail one}\nscheduler: {T_0: 5}\nsteps: 40\n"

OVERRIDES = {
    "no equals sign": ("scheduler.gamma", "--set:1:1: ", "KEY=VALUE"),
    "nothing": ("", "--set:1:1: ", "KEY=VALUE"),
    "no key": ("=5", "--set:1:1: ", "KEY=VALUE"),
    "an unknown key": ("scheduler.gama=1", "--set:1:1: scheduler.gama: ", "did you mean gamma?"),
    "an unknown section": ("schedule.gamma=1", "--set:1:1: schedule", "did you mean scheduler?"),
    "an unknown group": ("param_groups.hed.lr=1", "--set:1:1: param_groups.hed.lr: ", "did you mean head?"),
    "a group beyond the last": ("param_groups.2.lr=1", "--set:1:1: param_groups.2.lr: ", 'no "2"'),
    "a group's unknown key": ("param_groups.head.lrr=1", "--set:1:1: param_groups.head.lrr: ", "mean lr?"),
    "a key below a value": ("scheduler.T_0.x=5", "--set:1:1: scheduler.T_0.x: ", "single value"),
    "bad YAML": ("scheduler.gamma=[1", "--set:1:", "scheduler.gamma: is not valid YAML"),
    "a second document": ("loop=x\n---\n2", "--set:2:1: loop: ", "second YAML document"),
    "a tag": ("name=!!python/name:os.system x", "--set:1:6: name: ", "!!python/name:os.system"),
    "a wrong type": ("scheduler.T_0=abc", "--set:1:15: scheduler.T_0: ", '(got "abc")'),
    "a group's wrong type": (
        "param_groups.big.tail one.lr=x",
        "--set:1:30: param_groups.big.tail one.lr: ",
        '(got "x")',
    ),
    "out of range": ("scheduler={T_0: 0}", "--set:1:17: scheduler.T_0: ", "(got 0)"),
    "NaN": ("scheduler.gamma=.nan", "--set:1:17: scheduler.gamma: ", "finite"),
    "a doubled key": ("scheduler={T_0: 1, T_0: 2}", "--set:1:20: scheduler.T_0: ", "twice"),
    "half a character": ("scheduler.T_0=\udcff", "--set:1:", "scheduler.T_0"),
    "a formula": ("scheduler.custom_lambda=1 +", "--set:1:25: scheduler.custom_lambda: ", "no formula"),
    "no group left": ("param_groups=[]", "--set:1:14: param_groups: ", "empty list"),
    "a name with folders": ("name=../x", "--set:1:6: name: ", '(got "../x")'),
}


@pytest.mark.parametrize(("text", "place", "words"), OVERRIDES.values(), ids=OVERRIDES.keys())
def test_a_bad_override_is_told_of_like_a_bad_line(text: str, place: str, words: str) -> None:
    Path("s.yaml").write_text(SETTINGS)
    (line,) = refused("s.yaml", "--set", text)
    assert line.startswith(place)
    assert words in line


def test_the_base_is_no_matter_of_overrides_or_is_taken_as_one() -> None:
    Path("s.yaml").write_text(SETTINGS)
    (line,) = refused("s.yaml", "--set", "extends=nothere.yaml")
    assert line.startswith("--set:1:")
    assert "did you mean extends?" not in line


def test_all_problems_of_one_override_come_at_once() -> None:
    Path("s.yaml").write_text(SETTINGS)
    lines = refused("s.yaml", "--set", "scheduler={gamma: .nan, T_mult: .inf}")
    assert [line.split(": ")[:2] for line in lines] == [
        ["--set:1:19", "scheduler.gamma"],
        ["--set:1:33", "scheduler.T_mult"],
    ]


def test_problems_of_overrides_come_after_the_files_in_the_order_given() -> None:
    Path("s.yaml").write_text("steps: 0\n")
    overrides = [part for number in range(11) for part in ("--set", f"zzz{number}=1")]
    keys = [line.split(": ")[1] for line in refused("s.yaml", *overrides)]
    assert keys == ["steps", *(f"zzz{number}" for number in range(11))]


def test_a_group_cannot_be_overridden_where_none_is_listed() -> None:
    Path("s.yaml").write_text("steps: 5\n")
    (line,) = refused("s.yaml", "--set", "param_groups.head.lr=1")
    assert line.startswith("--set:1:1: param_groups.head.lr: ")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("nothere.yaml", "no such file"),
        ("defualt", "did you mean default?"),
        ("folder", "folder"),
        ("x" * 300, "x" * 300),
        ("s.yaml/x", "no such file"),
        ("a\0b", "a\\x00b: "),
        ("-", "<stdin>:1:1: is empty"),
    ],
    ids=["missing", "nearly a shipped name", "a folder", "too long", "below a file", "NUL", "no input"],
)
def test_what_is_no_file_is_told_of(config: str, words: str) -> None:
    Path("folder").mkdir()
    Path("s.yaml").write_text("steps: 5\n")
    (line,) = refused(config)
    assert words in line


@pytest.mark.parametrize("stem", ["a b", "größe", "", "x\x1b[31m", "x\ny", "x" * 120], ids=ascii)
def test_a_file_whose_stem_names_no_output_is_told_to_state_a_name(stem: str) -> None:
    config = Path(f"{stem}.yaml")
    config.write_text("steps: 5\n")
    (line,) = refused(config)
    assert ".yaml:1:1: name: names the output files" in line
    assert line.isprintable()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--steps", "0"], "--steps"),
        (["--steps", "many"], "--steps"),
        (["--steps", "10000001"], "steps must be a whole number from 1 to 10,000,000 (got 10000001)"),
        (["--size", "8"], "--size must be WIDTHxHEIGHT in inches, such as 8x5 (got '8')"),
        (["--size", "8x"], "(got '8x')"),
        (["--size", "1x1"], "--size must be from 3 to 40 inches each way (got '1x1')"),
        (["--size", "99x5"], "(got '99x5')"),
        (["--size", "nanxinf"], "(got 'nanxinf')"),
        (["--dpi", "0"], "--dpi"),
        (["--dpi", "100000"], "--dpi"),
        (["--dpi", "high"], "--dpi"),
        (["--out", "picture.txt"], "--out picture.txt: the name must end in .png or .svg or .pdf"),
        (["--out", "s.yaml/picture.png"], "s.yaml/picture.png: cannot be written"),
        (["--out", "/proc/picture.png"], "/proc/picture.png: cannot be written"),
        (["--out", "/proc/no/folder"], "/proc/no/folder/s.png: cannot be written"),
        (["--out", "/dev/null"], "/dev/null"),
        (["--out", "x" * 300 + ".png"], "cannot be written"),
        (["--out", "-"], "--out"),
        (["--bogus"], "--bogus"),
        (["two.yaml"], "two.yaml"),
        (["--set"], "--set"),
    ],
    ids=lambda one: " ".join(one)[:40] if isinstance(one, list) else "",
)
def test_bad_options_of_plot_are_told_of(arguments: list[str], words: str) -> None:
    Path("s.yaml").write_text("steps: 5\n")
    assert words in "\n".join(refused("s.yaml", *arguments))


@pytest.mark.parametrize(
    ("command", "arguments", "words"),
    [
        ("trace", ["--every", "0"], "--every"),
        ("trace", ["--every", "x"], "--every"),
        ("trace", ["--out", "t.xlsx"], "--out t.xlsx: the name must end in .csv or .tsv or .json"),
        ("show", ["--at", "6"], "--at 6 is outside the run, which goes from step 0 to 5"),
        ("show", ["--at", "-1"], "--at -1 is outside the run, which goes from step 0 to 5"),
        ("show", ["--at", "x"], "--at"),
    ],
)
def test_bad_options_of_other_commands_are_told_of(command: str, arguments: list[str], words: str) -> None:
    Path("s.yaml").write_text("steps: 5\n")
    assert words in "\n".join(refused("s.yaml", *arguments, command=command))


@pytest.mark.parametrize("arguments", [[], ["plot"], ["draw", "default"], ["--nothing"]], ids=" ".join)
def test_a_command_that_is_none_is_told_of(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.code == 2
    assert "Usage: lrsched" in result.out + result.err


FIFO = "fifo"

HEAVY = {
    "50 MB": b"# comment\n" * 5_000_000,
    "50 MB of one line": b"x" * 50_000_000,
    "a bomb of aliases": lists_of_aliases(60, 100).encode(),
    "10,000 levels": b"[" * 10_000,
    "a megabyte of values": b"[" + b"1," * 500_000 + b"]",
    "a power of powers": b"scheduler: {custom_lambda: 9**9**9**9}\n",
    "100 KB of formula": b"scheduler: {custom_lambda: '1" + b"+1" * 50_000 + b"'}\n",
    "an endless pipe": FIFO.encode(),
}


@pytest.mark.parametrize("content", HEAVY.values(), ids=HEAVY.keys())
def test_no_file_makes_the_command_hang(content: bytes) -> None:
    if content == FIFO.encode():
        os.mkfifo("s.yaml")
    else:
        Path("s.yaml").write_bytes(content)
    command = [sys.executable, "-m", "lrsched_cli", "plot", "s.yaml"]
    done = subprocess.run(command, check=False, timeout=HANG, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("s.yaml")
    assert "Traceback" not in done.stderr
    assert not Path("outputs").exists()
