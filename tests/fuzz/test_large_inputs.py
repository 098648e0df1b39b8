"""Inputs of up to 10 MB, each as much work as it can be: no long wait, no traceback, little memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SIZE = 10_000_000
TIMES, MEGABYTES = 20, 300
# A process for each input, forked after what takes long to import. Its processor time is told as a multiple
# of that for a loop of a million turns right beside it, the slower one of two: 20 of them take less than two
# seconds on a desk, and as much longer on a slow or busy machine as everything else does there.
MEASURED = """\
import gc, json, os, resource, signal, sys, time
gc.disable()  # as the command does
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from fuzz_seeds import seeds
from fuzz_targets import TARGETS

def measured(work):
    started = time.process_time()
    work()
    return time.process_time() - started

def loop():
    total = 0
    for turn in range(1_000_000):
        total += turn * turn

for target in TARGETS:
    TARGETS[target](seeds(target)[0])
for number, target in enumerate(sys.argv[2:]):
    if os.fork() == 0:
        signal.alarm(60)
        data = Path(str(number)).read_bytes()
        before, memory = measured(loop), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        taken = measured(lambda: TARGETS[target](data))
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024
        print(json.dumps([number, taken / max(before, measured(loop)), grown]), flush=True)
        os._exit(0)
    os.wait()
"""
LAUGHS = b"a0: &a0 [x]\n" + b"".join(
    b"a%d: &a%d [%s]\n" % (n, n, b",".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 12)
)


def filled(start: bytes, piece: bytes, size: int = SIZE) -> bytes:
    return start + piece * ((size - len(start)) // len(piece))


def header(text: bytes) -> bytes:
    return len(text).to_bytes(8, "little") + text


TENSOR = b'"%d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
MIB = 1 << 20
INPUTS = {
    "a billion laughs": ("schedule_file", LAUGHS),
    "merges of merges": ("schedule_file", filled(b"a: &a {x: 1}\n", b"? {<<: [*a, *a, *a, *a]}\n", MIB)),
    "1 MiB of keys": ("schedule_file", b"\n".join(b"k%d: 1" % n for n in range(90_000))),
    "1 MiB of open lists": ("schedule_file", b"[" * MIB),
    "1 MiB of open mappings": ("schedule_file", b"{a: " * (MIB // 4)),
    "1 MiB of anchors": ("schedule_file", b"\n".join(b"- &a%d x" % n for n in range(90_000))),
    "1 MiB of digits": ("schedule_file", b"steps: " + b"9" * (MIB - 9)),
    "1 MiB of one text": ("schedule_file", b"description: " + b"x" * (MIB - 20)),
    "1 MiB of tags": ("schedule_file", filled(b"", b"- !!python/object:a.b x\n", MIB)),
    "digits that are none": ("schedule_file", b"a: " + b"1" * 100_000 + b"x"),
    "digits and underscores that are none": ("schedule_file", b"a: " + b"1_" * 100_000 + b"x"),
    "a long key of wrong numbers": (
        "schedule_file",
        b"? " + b"k" * 500_000 + b"\n: [" + b".inf," * 90_000 + b"]",
    ),
    "long keys in one another": (
        "schedule_file",
        b"".join(b" " * n + b"k" * 500 + b":\n" for n in range(46))
        + b" " * 46
        + b"- ["
        + b".inf," * 90_000
        + b"]",
    ),
    "a long key of wrong shapes": (
        "schedule_file",
        b"param_groups: [{name: a, shapes: {? " + b"k" * 500_000 + b" : [" + b"x," * 9_000 + b"]}}]",
    ),
    "aliases in one another": (
        "schedule_file",
        b"a0: &a0 x\n"
        + b"".join(
            b"a%d: &a%d %s*a%d%s\n" % (n, n, b"[" * 45, n - 1, b" " + b"]" * 45) for n in range(1, 60)
        ),
    ),
    "unknown arguments of an optimizer": (
        "schedule_file",
        b"optimizer:\n" + b"".join(b" weight_deca%d: 1\n" % n for n in range(40_000)),
    ),
    "unknown arguments of a scheduler": (
        "schedule_file",
        b"scheduler:\n type: OneCycleLR\n" + b"".join(b" anneal_strate%d: 1\n" % n for n in range(40_000)),
    ),
    "schedulers of an unknown type": (
        "schedule_file",
        filled(b"scheduler: {type: SequentialLR, schedulers: [", b"{type: ConstantLRx, factor: 0.5}, ", MIB)
        + b"]}",
    ),
    "90,000 formulas": (
        "schedule_file",
        b"steps: 5\nscheduler: {type: LambdaLR, lr_lambda: [" + b"'1+step'," * 90_000 + b"]}",
    ),
    "10 MB of YAML": ("schedule_file", filled(b"", b"- x\n")),
    "2,001 groups": (
        "schedule_file",
        b"param_groups:\n" + b"".join(b"- {name: g%d}\n" % n for n in range(2001)),
    ),
    "30,000 wrong groups": ("schedule_file", filled(b"param_groups:\n", b"- {name: x, lr: -1, y: 2}\n", MIB)),
    "10 MB of a formula": ("expression", b"1+" * (SIZE // 2) + b"1"),
    "10 MB of brackets": ("expression", b"(" * SIZE),
    "10 MB of --set": ("override", b"scheduler.gamma=" + b"9" * SIZE),
    "10 MB of a key": ("override", b"a." * (SIZE // 2) + b"=1"),
    "a deep key": ("override", b"a." * 1_000 + b"a=1"),
    "a deep key of the scheduler": ("override", b"scheduler." + b"a." * 600 + b"a=1"),
    "an index of many digits": ("override", b"param_groups." + b"9" * 5_000 + b".lr=1"),
    "10 MB of a trace": (
        "stored_trace",
        b"step,lr.a\n" + b"".join(b"%d,0.001234\n" % n for n in range(600_000)),
    ),
    "10 MB of wrong cells": ("stored_trace", filled(b"step,lr.a\n", b"x,y\n")),
    "10 MB of a header": ("stored_trace", filled(b"step,", b"lr.a,")),
    "10 MB of wrong columns": (
        "stored_trace",
        b"step," + b",".join(b"lr.%d" % n for n in range(99_000)) + b"\n" + filled(b"", b"x,", 5_000_000),
    ),
    "10 MB of groups": (
        "stored_trace",
        b"step," + b",".join(b"lr.%d" % n for n in range(99_000)) + (b"\n0" + b",x" * 99_000) * 30,
    ),
    "2,000 groups": (
        "stored_trace",
        b"step,"
        + b",".join(b"lr.%d" % n for n in range(2_000))
        + b"".join(b"\n%d" % n + b",1" * 2_000 for n in range(2_400)),
    ),
    "10 MB of one cell": ("stored_trace", b"step,lr.a\n0," + b"9" * SIZE),
    "10 MB of quotation marks": ("stored_trace", b'step,lr.a\n"' + b'"' * SIZE),
    "10 MB of line breaks": ("stored_trace", b"\n" * SIZE),
    "10 MB of a metric": ("metric_column", filled(b"loss\n", b"0.12345\n")),
    "10 MB of columns": ("metric_column", filled(b"loss", b",loss")),
    "10 MB of long columns": (
        "metric_column",
        b",".join(bytes(97 + (n >> k & 1) for k in range(199)) + b"%d" % n for n in range(5_000)) + b"\n1\n",
    ),
    "10 MB of other columns": (
        "metric_column",
        b",".join(b"loss_%06d" % n for n in range(800_000)) + b"\n1\n",
    ),
    "10 MB of short rows": ("metric_column", filled(b"loss\n", b"1\n")),
    "10 MB of a safetensors header": ("safetensors", header(b'{"a":[' + b"{}," * 3_333_000 + b"{}]}")),
    "10 MB of mappings in it": ("safetensors", header(b"[" + b'{"":[]},' * 1_200_000 + b"{}]")),
    "10 MB of numbers by name in it": ("safetensors", header(b'{"a":[' + b'{"":0},' * 1_400_000 + b"{}]}")),
    "10 MB of lists in it": ("safetensors", header(b"[" * 10_000_000)),
    "10 MB of numbers in it": ("safetensors", header(b'{"a":[' + b"1," * 4_999_990 + b"1]}")),
    "10 MB of a number in it": ("safetensors", header(b'{"a":' + b"9" * 9_999_990 + b"}")),
    "10 MB of tensors": ("safetensors", header(b"{" + b",".join(TENSOR % n for n in range(150_000)) + b"}")),
    "10 MB of an index": (
        "weight_index",
        b'{"weight_map":{' + b",".join(b'"%d":"x%d"' % (n, n) for n in range(500_000)) + b"}}",
    ),
    "10 MB of names": ("parameter_list", b"".join(b"layer.%d.weight\n" % n for n in range(450_000))),
    "10 MB of wrong shapes": ("parameter_list", b"".join(b"w%d [x]\n" % n for n in range(900_000))),
    "10 MB of one shape": ("parameter_list", b"a " + b"1x" * 4_900_000 + b"y"),
    "10 MB of one shape in brackets": ("parameter_list", b"a [" + b"1," * 4_900_000 + b"]"),
    "10 MB of spaces": ("parameter_list", b"w 1" + b" " * SIZE + b"x\n"),
    "10 MB that is no checkpoint": ("checkpoint", filled(b"PK\x03\x04", b"PK\x05\x06")),
    "10 MB of a pickle": ("checkpoint", filled(b"\x80\x02", b"]")),
}


def test_a_large_input_takes_neither_long_nor_much() -> None:
    for number, (_, data) in enumerate(INPUTS.values()):
        Path(str(number)).write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(HERE), *(target for target, _ in INPUTS.values())],
        check=False, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    found = {number: (taken, grown) for number, taken, grown in map(json.loads, done.stdout.splitlines())}
    measured = {name: found.get(number) for number, name in enumerate(INPUTS)}
    bad = {name: one for name, one in measured.items() if one is None or one[0] > TIMES or one[1] > MEGABYTES}
    assert bad == {}
