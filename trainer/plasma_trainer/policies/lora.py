# SPDX-License-Identifier: Apache-2.0
"""Low-rank adapters (LoRA, Hu et al., 2022) on a frozen policy, by PEFT."""

from __future__ import annotations

import copy
import shutil
import warnings
from pathlib import Path

from torch import nn

from plasma_trainer.policies.mlp import MlpPolicy

RANK = 8
ALPHA = 16


def with_adapter(base: MlpPolicy) -> nn.Module:
    """A copy of `base` with a trainable adapter on each Linear layer and everything else frozen.

    Forward is as before until training moves it: B and its bias start at zero. The adapter may also shift biases
    (`lora_bias`), for a plant that pulls to one side.
    """
    from peft import (
        LoraConfig,
        get_peft_model,
    )  # imports transformers: seconds that only adapting should cost

    linear = [name for name, module in base.named_modules() if isinstance(module, nn.Linear)]
    config = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=linear, lora_bias=True)
    return get_peft_model(copy.deepcopy(base), config)


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
