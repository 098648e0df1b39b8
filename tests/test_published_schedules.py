"""The schedules of published runs have the LRs that their sources state.

What is expected is worked out here from the papers' sentences and the authors' programs, named in each
file's comment; nothing of it comes from this project's own code.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
import torch

from lrsched_cli import load_schedule
from lrsched_cli.analysis.sparkline import sparkline_of
from lrsched_cli.core.presets import presets
from lrsched_cli.core.shipped import shipped_names

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "benchmarks"))

import sparklines as ours  # noqa: E402 - a script in a folder of its own

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


class Published(NamedTuple):
    """What a source says of a run: updates are counted from 1, ``at`` has the LRs of some of them."""

    updates: int
    first: float
    peak: float
    peak_at: int
    final: float
    at: Mapping[int, float]


def between(start: float, end: float, share: float) -> float:
    """Where a half cosine from one LR to another stands after a share of its length."""
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


def noam(update: int) -> float:
    return 1 / math.sqrt(512) * min(1 / math.sqrt(update), update / math.sqrt(4000) ** 3)


def gpt3(tokens: float) -> float:
    return between(6e-5, 6e-6, (tokens - 375e6) / (260e9 - 375e6))


def nanogpt(count: int) -> float:
    return between(6e-4, 6e-5, (count - 2000) / (600_000 - 2000))


def llama(after_warm_up: int) -> float:
    return between(3e-4, 3e-5, after_warm_up / 248_000)


def llama3(after_warm_up: int) -> float:
    return between(8e-5, 8e-7, after_warm_up / 1_192_000)


def deepseek(tokens: float) -> float:
    return between(2.2e-4, 2.2e-5, (tokens - 10e12) / 4.3e12)


def olmo2(tokens: float) -> float:
    return between(3e-4, 3e-5, (tokens - 8_388_608_000) / (5e12 - 8_388_608_000))


def deit(epoch: int) -> float:
    """timm's scheduler at an epoch (from 0), the warm-up being its first five."""
    return 1e-6 + epoch * (1e-3 - 1e-6) / 5 if epoch < 5 else between(1e-3, 1e-5, epoch / 300)


def mae(epochs: float) -> float:
    return between(4e-3, 1e-6, (epochs - 5) / 45)


DEEPSEEK_BATCH = 15_360 * 4096
OLMO2_BATCH = 1024 * 4096

PUBLISHED = {
    "transformer-base": Published(
        100_000, noam(1), 512**-0.5 * 4000**-0.5, 4000, noam(100_000), {2000: noam(2000), 4001: noam(4001)}
    ),
    "bert-base": Published(
        1_000_000, 0.0, 9.999e-5, 10_000, 1e-10, {5001: 5e-5, 10_001: 9.9e-5, 500_001: 5e-5, 900_001: 1e-5}
    ),
    "t5-base": Published(
        524_288, 0.01, 0.01, 1, 2**-9.5, {10_000: 0.01, 10_001: 10_001**-0.5, 40_000: 0.005, 250_000: 0.002}
    ),
    "gpt3-175b": Published(
        93_750,
        0.0,
        gpt3(118 * 3.2e6),
        119,
        6e-6,
        {101: 6e-5 * 320 / 375, 50_001: gpt3(160e9), 81_251: 6e-6},
    ),
    "nanogpt-124m": Published(
        600_001, 6e-4 / 2001, 6e-4, 2001, 6e-5, {2000: 6e-4 * 2000 / 2001, 301_001: 3.3e-4, 1: 6e-4 / 2001}
    ),
    "nanogpt-speedrun": Published(
        9536, 0.0018 / 256, 0.0018, 256, 0.0018 / 2048, {128: 9e-4, 7489: 0.0018, 8513: 9e-4}
    ),
    "llama-7b": Published(
        250_000, 3e-4 / 2000, 3e-4, 2001, llama(247_999), {126_001: 1.65e-4, 64_001: llama(62_000)}
    ),
    "llama3-405b": Published(
        1_200_000, 8e-5 / 8000, 8e-5, 8001, llama3(1_191_999), {604_001: 4.04e-5, 306_001: llama3(298_000)}
    ),
    "deepseek-v3": Published(
        235_240,
        0.0,
        2.2e-4,
        2001,
        7.3e-6,
        {
            1001: 1.1e-4,
            158_946: 2.2e-4,  # the first whose tokens before it, 158,945 batches, fall short of 10e12 no more
            200_001: deepseek(200_000 * DEEPSEEK_BATCH),
            227_500: 2.2e-5,
            232_585: 2.2e-5,
            232_587: 7.3e-6,
        },
    ),
    "olmo2-7b": Published(
        940_567,
        3e-4 / 2000,
        3e-4,
        2000,
        0.0,
        {
            1000: 1.5e-4,
            500_000: olmo2(500_000 * OLMO2_BATCH),
            928_646: olmo2(928_646 * OLMO2_BATCH),
            928_647: 6.1499e-5 * (1 - OLMO2_BATCH / 50e9),
            934_607: 6.1499e-5 * (1 - 5961 * OLMO2_BATCH / 50e9),
        },
    ),
    "whisper-large": Published(
        2**20,
        0.0,
        1.75e-4,
        2049,
        1.75e-4 / (2**20 - 2048),
        {1025: 8.75e-5, 2048 + (2**20 - 2048) // 2 + 1: 8.75e-5},
    ),
    "wav2vec2-base-100h": Published(
        80_000,
        3e-7,
        3e-5,
        8001,
        3e-5 * 0.05 ** (39_999 / 40_000),
        {4001: (3e-7 + 3e-5) / 2, 40_000: 3e-5, 60_001: 3e-5 * math.sqrt(0.05)},
    ),
    "resnet50-imagenet": Published(
        14_040,
        0.1,
        3.2,
        781,
        0.0032,
        {391: 1.65, 4680: 3.2, 4681: 0.32, 9360: 0.32, 9361: 0.032, 12_480: 0.032, 12_481: 0.0032},
    ),
    "wide-resnet-cifar": Published(
        200 * 391,
        0.1,
        0.1,
        1,
        0.0008,
        {
            60 * 391: 0.1,
            60 * 391 + 1: 0.02,
            120 * 391: 0.02,
            120 * 391 + 1: 0.004,
            160 * 391: 0.004,
            160 * 391 + 1: 0.0008,
        },
    ),
    "sgdr-wrn28": Published(
        200 * 781,
        0.05,
        0.05,
        1,
        between(0.05, 0, (50 * 781 - 1) / (160 * 781)),
        {
            5 * 781 + 1: 0.025,
            10 * 781: between(0.05, 0, 1 - 1 / 7810),
            10 * 781 + 1: 0.05,
            20 * 781 + 1: 0.025,
            30 * 781 + 1: 0.05,
            70 * 781 + 1: 0.05,
            110 * 781 + 1: 0.025,
            150 * 781: between(0.05, 0, 1 - 1 / (80 * 781)),
            150 * 781 + 1: 0.05,
        },
    ),
    "super-convergence": Published(
        10_000, 0.1, 3.0, 5001, 0.1 + 2.9 / 5000, {2501: 1.55, 7501: 1.55, 5002: 3.0 - 2.9 / 5000}
    ),
    "cifar10-fast": Published(
        24 * 97, 0.0, 0.4, 486, 0.4 / 1843, {98: 0.08, 486: 0.4, 485 + 97 + 1: 0.4 * 18 / 19}
    ),
    "deit-base": Published(
        300 * 1251,
        1e-6,
        deit(5),
        6 * 1251 + 1,
        deit(298),
        {
            2 * 1251: 1e-6,
            2 * 1251 + 1: deit(1),
            6 * 1251: deit(4),
            100 * 1251: deit(98),
            151 * 1251 + 1: between(1e-3, 1e-5, 0.5),
        },
    ),
    "mae-vit-large": Published(
        50 * 1251,
        0.0,
        4e-3,
        5 * 1251 + 1,
        mae(50 - 1 / 1251),
        {1252: 8e-4, 10 * 1251 + 1: mae(10), 30 * 1251 + 1: mae(30)},
    ),
    "mask-rcnn-1x": Published(
        90_000,
        2e-5,
        0.02,
        1001,
        0.0002,
        {501: (2e-5 + 0.02) / 2, 60_000: 0.02, 60_001: 0.002, 80_000: 0.002, 80_001: 0.0002},
    ),
    "ppo-atari": Published(
        9765 * 16,
        2.5e-4,
        2.5e-4,
        1,
        2.5e-4 / 9765,
        {16: 2.5e-4, 17: 2.5e-4 * 9764 / 9765, 16 * 1953 + 1: 2e-4},
    ),
    "alphazero-chess": Published(
        700_000,
        0.2,
        0.2,
        1,
        0.0002,
        {100_000: 0.2, 100_001: 0.02, 300_000: 0.02, 300_001: 0.002, 500_000: 0.002, 500_001: 0.0002},
    ),
}


OTHERS = tuple(name for name in shipped_names() if name not in PUBLISHED)


class Course(NamedTuple):
    """A shipped schedule and the LR of each of its updates."""

    name: str
    lrs: NDArray[np.float64]


@pytest.fixture(scope="module")
def course(request: pytest.FixtureRequest) -> Course:
    return Course(request.param, ours.lrs_of(request.param))


# Tests that share a schedule run one after the other, so that a long run is stepped once; pytest tells by the
# place in the list, so the published ones come first in both.
of_published = pytest.mark.parametrize("course", PUBLISHED, indirect=True)
of_all = pytest.mark.parametrize("course", [*PUBLISHED, *OTHERS], indirect=True)


def stated(lrs: NDArray[np.float64], updates: Mapping[int, float]) -> dict[int, float]:
    return {update: float(lrs[update - 1]) for update in updates}


@of_published
def test_a_published_run_has_the_lrs_that_its_source_states(course: Course) -> None:
    source, lrs = PUBLISHED[course.name], course.lrs
    assert len(lrs) == source.updates
    assert float(lrs[0]) == pytest.approx(source.first, rel=1e-9, abs=1e-18)
    assert float(lrs[-1]) == pytest.approx(source.final, rel=1e-6, abs=1e-18)
    assert float(lrs.max()) == pytest.approx(source.peak, rel=1e-9)
    assert int(np.argmax(lrs >= source.peak * (1 - 1e-9))) + 1 == source.peak_at
    assert stated(lrs, source.at) == pytest.approx(source.at, rel=1e-9)


@pytest.mark.parametrize("name", PUBLISHED)
def test_its_comment_names_the_source(name: str) -> None:
    text = (ROOT / "schedules" / f"{name}.yaml").read_text(encoding="utf-8")
    comment = text.partition("\nname: ")[0]
    assert "\n# Source: " in comment
    assert "arXiv:" in comment or "https://github.com/" in comment


def test_every_file_that_names_a_source_is_held_against_it() -> None:
    files = (ROOT / "schedules").glob("*.yaml")
    assert {file.stem for file in files if "# Source: " in file.read_text(encoding="utf-8")} == set(PUBLISHED)


@of_all
def test_the_lrs_in_the_list_are_current(course: Course) -> None:
    (listed,) = (preset.sparkline for preset in presets() if preset.name == course.name)
    assert listed == sparkline_of(course.lrs)


class VisionTransformer(torch.nn.Module):
    """The parameters of a ViT with 24 blocks by timm's names, each block a norm and a linear map."""

    def __init__(self) -> None:
        super().__init__()
        self.cls_token = torch.nn.Parameter(torch.zeros(1, 1, 2))
        self.pos_embed = torch.nn.Parameter(torch.zeros(1, 5, 2))
        self.patch_embed = torch.nn.ModuleDict({"proj": torch.nn.Linear(2, 2)})
        self.blocks = torch.nn.ModuleList(
            torch.nn.ModuleDict({"norm1": torch.nn.LayerNorm(2), "fc1": torch.nn.Linear(2, 2)})
            for _ in range(24)
        )
        self.fc_norm = torch.nn.LayerNorm(2)
        self.head = torch.nn.Linear(2, 3)


def test_each_layer_of_the_fine_tuned_vit_has_the_lr_and_the_weight_decay_of_mae() -> None:
    model = VisionTransformer()
    optimizer = load_schedule("mae-vit-large").build_optimizer(model)
    found = {
        parameter: (group["lr"], group["weight_decay"])
        for group in optimizer.param_groups
        for parameter in group["params"]
    }
    for name, parameter in model.named_parameters():
        parts = name.split(".")
        layer = {"blocks": int(parts[1]) + 1 if parts[0] == "blocks" else 0, "fc_norm": 25, "head": 25}
        embedding = name in {"cls_token", "pos_embed"}
        decay = 0.0 if parameter.ndim == 1 or embedding else 0.05
        expected = (4e-3 * 0.75 ** (25 - layer.get(parts[0], 0)), decay)
        assert found[parameter] == pytest.approx(expected), name
