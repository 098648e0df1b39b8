"""Real models and schedules over them, for the tests of param groups."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from lrsched_cli import load_schedule

if TYPE_CHECKING:
    from lrsched_cli import Schedule


def schedule_of(text: str, **options: Any) -> Schedule:
    """The schedule of this text, as the file ``s.yaml``."""
    path = Path("s.yaml")
    path.write_text(text, encoding="utf-8")
    return load_schedule(path, **options)


def transformer(layers: int = 3) -> torch.nn.Module:
    """A TransformerEncoder of torch's own, with an embedding below and a head above."""
    layer = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    return torch.nn.ModuleDict(
        {
            "embed": torch.nn.Embedding(11, 8),
            "encoder": torch.nn.TransformerEncoder(layer, layers, enable_nested_tensor=False),
            "head": torch.nn.Linear(8, 2),
        }
    )


def pretrained(kind: str) -> torch.nn.Module:
    """A tiny model of transformers, from its config: ``bert``, ``llama``, ``vit`` or ``gpt2``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what transformers imports is its own business
        import transformers  # noqa: PLC0415 - takes seconds

        small: dict[str, Any] = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 32}
        made: Any = {
            "bert": lambda: transformers.BertForMaskedLM(
                transformers.BertConfig(**small, num_hidden_layers=3, vocab_size=50)
            ),
            "llama": lambda: transformers.LlamaForCausalLM(
                transformers.LlamaConfig(**small, num_hidden_layers=3, vocab_size=50)
            ),
            "vit": lambda: transformers.ViTForImageClassification(
                transformers.ViTConfig(**small, num_hidden_layers=12, image_size=32, patch_size=16)
            ),
            "gpt2": lambda: transformers.GPT2LMHeadModel(
                transformers.GPT2Config(n_embd=16, n_layer=3, n_head=2, vocab_size=50, n_positions=8)
            ),
        }
        model: torch.nn.Module = made[kind]()
    return model


def names_by_group(optimizer: torch.optim.Optimizer, model: torch.nn.Module) -> dict[str, list[str]]:
    """The first name of every parameter in each group of an optimizer."""
    names: dict[int, str] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), name)
    return {
        group["name"]: [names[id(parameter)] for parameter in group["params"]]
        for group in optimizer.param_groups
    }
