"""What a fuzzing run starts from: for each target some inputs as people write them, and a few words."""

from __future__ import annotations

import io
import json
import pickle
import re
import struct
from typing import TYPE_CHECKING

import torch

from lrsched_cli.core.shipped import shipped_names, shipped_path

if TYPE_CHECKING:
    from collections.abc import Callable

_FORMULAS = (
    "1 if step < 1000 else 0.5",
    "0.5 * (1 + cos(pi * min(step, 800) / 800))",
    "max(0.5, 1 - step * 1e-4) ** 2 // 3 % 5",
    "not step or step > 3 and -step <= +e",
    "sqrt(abs(step)) + exp(-step) - log(1 + step) * log2(8) / log10(100)",
    "floor(sin(step)) + ceil(tan(step)) + tanh(1e300) != 0x10 == 1_000",
)
_TRACE = (
    "step,batch_size,lr.head,lr.body,cycle.head,cycle.body,T_cur.head,T_cur.body\n"
    "0,,1e-3,2e-3,0,0,-2,-2\n1,32,1.5e-3,2.5e-3,0,0,-1,-1\n2,32,2e-3,3e-3,0,0,0,0\n3,32,1e-3,1e-3,1,1,0,0\n"
)
_OVERRIDES = (
    "scheduler.gamma=0.9",
    "param_groups.head.lr=1e-4\0steps=5",
    "param_groups.body.0.scheduler.T_0=7",
    "scheduler={type: StepLR, step_size: 3}\0scheduler.gamma=0.1",
    "optimizer.betas=[0.9, 0.999]\0name=x",
    "batch_size=[{until: 3, size: 1}, 5]",
    "scheduler.type=SequentialLR\0scheduler.schedulers=[{type: ConstantLR}, {type: StepLR, step_size: 2}]",
)
_PARTS = """\
steps: 9
scheduler:
  type: SequentialLR
  milestones: [3]
  schedulers: [{type: ConstantLR, factor: 0.5}, {type: LambdaLR, lr_lambda: "0.9 ** step"}]
"""
_METRIC = """\
steps: 9
step_every: epoch
steps_per_epoch: 3
scheduler: {type: ReduceLROnPlateau, metric: 1 / (1 + step)}
"""
_WORDS = """
name description steps step_every update epoch steps_per_epoch batch_size loop optimizer-first
scheduler-first extends optimizer param_groups scheduler type lr shapes match until size per_device
devices accumulate metric csv column import custom_lambda warmup_steps warmup_scale_min warmup_type
linear cosine T_0 T_mult eta_scal_min eta_scal_max gamma base_batch_size batch_size_mode sqrt blend
LRScheduler StepLR MultiStepLR LambdaLR MultiplicativeLR SequentialLR ChainedScheduler
CosineAnnealingLR CosineAnnealingWarmRestarts OneCycleLR CyclicLR ReduceLROnPlateau PolynomialLR
ConstantLR ExponentialLR LinearLR SWALR get_cosine_schedule_with_warmup milestones schedulers
step_size T_max total_steps lr_lambda max_lr Adam AdamW SGD Muon LBFGS Adafactor betas weight_decay
momentum fused true false null .inf .nan 1e308 9007199254740993 -1 1e-3 !!python/object !!int !!str
&a *a <<: --- ... | > ? "{}" "[]" step pi floor min max if else and or not ** // lr. cycle. T_cur.
loss dtype shape data_offsets F32 BF16 __metadata__ weight_map model layer_decay
"""


def words() -> tuple[str, ...]:
    """What the inputs are made of."""
    return tuple(dict.fromkeys(_WORDS.split()))


def seeds(target: str) -> list[bytes]:
    """Inputs to start from."""
    return _SEEDS[target]()


def _schedules() -> list[bytes]:
    found = []
    for name in shipped_names():
        path = shipped_path(name)
        assert path is not None
        text = re.sub(r"(?m)^\s*#.*\n|\s+#.*$", "", path.read_text(encoding="utf-8"))
        found.append(text.encode())
    return [*found, _PARTS.encode(), _METRIC.encode(), b"a: &a {lr: 1}\nparam_groups: [{<<: *a, name: x}]\n"]


def _checkpoints() -> list[bytes]:
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.AdamW([weight])
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 3)
    state = {"optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict(), "step": 3}
    found = [pickle.dumps(state["scheduler"], protocol=protocol) for protocol in (0, 2, 4)]
    for as_zip in (True, False):
        file = io.BytesIO()
        torch.save(state, file, _use_new_zipfile_serialization=as_zip)
        found.append(file.getvalue())
    return found


def _safetensors() -> list[bytes]:
    found = []
    for entries in (
        {"w": {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]}, "__metadata__": {"format": "pt"}},
        {"a.b": {"dtype": "BF16", "shape": [], "data_offsets": [0, 2]}},
    ):
        header = json.dumps(entries).encode()
        found.append(struct.pack("<Q", len(header)) + header + bytes(8 if "w" in entries else 2))
    return found


_SEEDS: dict[str, Callable[[], list[bytes]]] = {
    "yaml_reader": _schedules,
    "schedule_file": _schedules,
    "override": lambda: [one.encode() for one in _OVERRIDES],
    "expression": lambda: [one.encode() for one in _FORMULAS],
    "stored_trace": lambda: [_TRACE.encode()],
    "metric_column": lambda: [b"step,loss\n1,0.5\n2,\n3,0.25\n", b'loss\r\n"0.5"\r\n'],
    "safetensors": _safetensors,
    "weight_index": lambda: [b'{"metadata": {}, "weight_map": {"w": "a.safetensors", "b": "none.bin"}}'],
    "parameter_list": lambda: [b"# a model\nw [768, 3]\nb 768x3\nc torch.Size([1]) # note\nd\n"],
    "checkpoint": _checkpoints,
}
