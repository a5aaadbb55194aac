# SPDX-License-Identifier: Apache-2.0
"""Low-rank adapters (LoRA, Hu et al., 2022) on a frozen policy, by PEFT."""

from __future__ import annotations

import copy
import shutil
import warnings
from collections.abc import Sequence
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


@dataclass(frozen=True)
class Merging:
    """How several adapters become one: `weights` of each, and a method of METHODS.

    linear       the weighted sum
    ties         only the largest entries, a share `density`, of those that agree in sign (Yadav et al., 2023)
    dare_linear  a random share `density`, scaled up to make up for the rest (Yu et al., 2024)
    dare_ties    both
    """

    weights: tuple[float, ...]
    method: str = "linear"
    density: float = 0.5

    def of(self, changes: list[Tensor]) -> Tensor:
        """Tensors of one shape -> that shape."""
        from peft.utils import merge_utils

        weights = torch.tensor(self.weights)
        if self.method == "linear":
            return merge_utils.task_arithmetic(changes, weights)
        return getattr(merge_utils, self.method)(changes, weights, self.density)


METHODS = ("linear", "ties", "dare_linear", "dare_ties")


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


def merged(
    base: MlpPolicy, adapted: Sequence[nn.Module], merging: Merging, largest_rank: int
) -> nn.Module:
    """One adapter on `base` that stands for several (each as of `with_adapter(base, ...)`), as nearly as it can.

    What is merged is what each does to a layer, alpha / rank · B A and its bias, so that ranks may differ; the merged
    B A is then cut to the sum of the ranks, `largest_rank` at most. (`add_weighted_adapter` of PEFT 0.21 does the same
    to the products, and forgets biases.)
    """
    rank = min(largest_rank, sum(policy.peft_config["default"].r for policy in adapted))
    targets = sorted({name for p in adapted for name in p.peft_config["default"].target_modules})
    one = with_adapter(base, Lora(rank, rank, tuple(targets)))
    for name in targets:
        changes = zip(*(_change(policy, name) for policy in adapted), strict=True)
        weight, bias = (merging.of(list(change)) for change in changes)
        layer = one.get_submodule(f"base_model.model.{name}")
        a, b = _truncated(torch.eye(weight.shape[1]), weight, rank)
        layer.lora_A["default"].weight.data.copy_(a)
        layer.lora_B["default"].weight.data.copy_(b)
        layer.lora_B["default"].bias.data.copy_(bias)
    return one


def _change(adapted: nn.Module, name: str) -> tuple[Tensor, Tensor]:
    """What an adapter adds to a layer: weight [out, in], bias [out]. Zeros where it leaves the layer alone."""
    layer = adapted.get_submodule(f"base_model.model.{name}")
    if not hasattr(layer, "lora_A"):
        return torch.zeros_like(layer.weight), torch.zeros_like(layer.bias)
    bias = layer.scaling["default"] * layer.lora_B["default"].bias
    return layer.get_delta_weight("default").detach(), bias.detach()


def _truncated(a: Tensor, b: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """A [R, in], B [out, R] -> A [rank, in], B [out, rank] with B A as near as can be."""
    left, size, right = torch.linalg.svd((b @ a).double(), full_matrices=False)
    root = size[:rank].sqrt()
    cut_a, cut_b = root[:, None] * right[:rank], left[:, :rank] * root
    short = rank - len(size)  # a layer with fewer rows or columns than the rank
    cut_a = nn.functional.pad(cut_a, (0, 0, 0, max(0, short)))
    cut_b = nn.functional.pad(cut_b, (0, max(0, short)))
    return cut_a.to(a.dtype), cut_b.to(b.dtype)


def load_adapter(base: MlpPolicy, directory: Path) -> nn.Module:
    """A copy of `base` with the adapter that `save_adapter` wrote."""
    from peft import PeftModel

    return PeftModel.from_pretrained(copy.deepcopy(base), str(directory)).eval()


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
