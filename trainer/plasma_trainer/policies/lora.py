# SPDX-License-Identifier: Apache-2.0
"""Low-rank adapters (LoRA, Hu et al., 2022) on a frozen policy, by PEFT."""

from __future__ import annotations

import copy
import shutil
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from plasma_trainer.errors import UsageError
from plasma_trainer.policies.mlp import MlpPolicy


@dataclass(frozen=True)
class Lora:
    """The shape of an adapter: every target's weight W becomes W + alpha / rank · B A."""

    rank: int = 8
    alpha: float = 16.0
    targets: tuple[str, ...] = ()  # names of Linear layers; none: all of them
    dropout: float = 0.0  # of a target's input, while it learns

    def of_rank(self, rank: int) -> Lora:
        """As strong as this one per unit of B A, with another rank."""
        return replace(self, rank=rank, alpha=self.alpha * rank / self.rank)


def with_adapter(base: MlpPolicy, lora: Lora) -> nn.Module:
    """A copy of `base` with a trainable adapter on its targets and everything else frozen.

    Forward is as before until training moves it: B and its bias start at zero. The adapter may also shift biases
    (`lora_bias`), for a plant that pulls to one side. Raises UsageError for a target that `base` does not have.
    """
    from peft import (
        LoraConfig,
        get_peft_model,
    )  # imports transformers: seconds that only adapting should cost

    linear = [name for name, module in base.named_modules() if isinstance(module, nn.Linear)]
    unknown = sorted(set(lora.targets) - set(linear))
    if unknown:
        raise UsageError(
            f"found target {', '.join(unknown)}; expected some of {', '.join(linear)}, the policy's linear layers"
        )
    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=list(lora.targets) or linear,
        lora_bias=True,
    )
    return get_peft_model(copy.deepcopy(base), config).eval()


def with_rank(base: MlpPolicy, adapted: nn.Module, lora: Lora, rank: int) -> nn.Module:
    """`adapted` (made by `with_adapter(base, lora)`) with the nearest adapter of a lower rank; biases stay.

    B A is cut to its largest singular values (Eckart and Young, 1936), and halved in the middle: what is lost is what
    moved the layer least.
    """
    smaller = with_adapter(base, lora.of_rank(rank))
    learnt, state = adapted.state_dict(), smaller.state_dict()
    for name in state:
        if name.endswith(".lora_A.default.weight"):
            other = name.replace("lora_A", "lora_B")
            state[name], state[other] = _truncated(learnt[name], learnt[other], rank)
            bias = other.replace("weight", "bias")
            # Biases are scaled by alpha / rank like B, which of_rank keeps.
            state[bias] = learnt[bias]
    smaller.load_state_dict(state)
    return smaller


def _truncated(a: Tensor, b: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """A [R, in], B [out, R] -> A [rank, in], B [out, rank] with B A as near as can be."""
    left, size, right = torch.linalg.svd((b @ a).double(), full_matrices=False)
    root = size[:rank].sqrt()
    cut_a, cut_b = root[:, None] * right[:rank], left[:, :rank] * root
    short = rank - len(size)  # a layer with fewer rows or columns than the rank
    cut_a = nn.functional.pad(cut_a, (0, 0, 0, max(0, short)))
    cut_b = nn.functional.pad(cut_b, (0, max(0, short)))
    return cut_a.to(a.dtype), cut_b.to(b.dtype)


def save_adapter(policy: nn.Module, directory: Path) -> None:
    """Write adapter_model.safetensors and adapter_config.json; `directory` is either whole or not there."""
    scratch = directory.with_name(directory.name + ".tmp")
    shutil.rmtree(scratch, ignore_errors=True)
    with warnings.catch_warnings():
        # PEFT 0.21 takes a bias delta, which has one dimension as it should, for a broken shard.
        warnings.filterwarnings("ignore", message=".*have invalid shape.*")
        policy.save_pretrained(str(scratch))
    shutil.rmtree(directory, ignore_errors=True)
    scratch.replace(directory)
