# SPDX-License-Identifier: Apache-2.0
"""A PEFT LoRA directory in, patches out: y += gain · (scale · B (A x) + bias), against the slots of
one base.

Reads adapter_config.json and adapter_model.safetensors; PEFT and torch are not needed. Variants of
LoRA that compute something else are refused by name, never approximated.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from plasma_pack.compiler.quantize import quantize
from plasma_pack.errors import AdapterError
from plasma_pack.program.program import Array, Patch, Slot

_PREFIX = "base_model.model."
_KEY = re.compile(r"(?P<module>.+)\.(?P<part>lora_A\.weight|lora_B\.weight|lora_B\.bias)")
# Settings that change what the adapter computes, and the values under which they do not.
_PLAIN: dict[str, tuple[Any, ...]] = {
    "use_dora": (False,),
    "use_qalora": (False,),
    "use_bdlora": (False,),
    "fan_in_fan_out": (False,),
    "bias": ("none",),
    "modules_to_save": ((), []),
    "layer_replication": (),
    "target_parameters": ((), []),
    "trainable_token_indices": (),
    "alora_invocation_tokens": (),
    "arrow_config": (),
    "kasa_config": (),
    "init_lora_weights": (True, False, "gaussian", "orthogonal", "eva"),
}
_ADVICE = {
    "bias": "train the bias with LoraConfig(lora_bias=True) instead",
    "modules_to_save": "adapt those layers with LoRA instead of saving them whole",
    "init_lora_weights": "convert it when saving (path_initial_model_for_weight_conversion)",
}


@dataclass
class _Module:
    """The tensors of one adapted module."""

    parts: dict[str, Array] = field(default_factory=dict)


def load_patches(
    directory: str | PathLike[str], slots: Sequence[Slot], slot_names: Sequence[str]
) -> list[Patch]:
    """Patches in slot order. Raises AdapterError naming the module, what was found and what to
    do.
    """
    folder = Path(directory)
    config = _load_config(folder / "adapter_config.json")
    patches: list[Patch] = []
    for module, tensors in _load_modules(folder / "adapter_model.safetensors").items():
        indices = [i for i, name in enumerate(slot_names) if name == module]
        if not indices:
            raise AdapterError(
                f"the adapter changes module {module!r}, which is not a slot of this base; "
                f"its slots are: {', '.join(slot_names) or 'none'}"
            )
        patches += [_patch(index, slots[index], module, tensors.parts, config) for index in indices]
    return sorted(patches, key=lambda patch: patch.slot)


def _load_config(path: Path) -> Mapping[str, Any]:
    try:
        config = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise AdapterError(
            f"{path} cannot be read: {error}; give the directory that save_pretrained wrote"
        ) from error
    if not isinstance(config, dict) or config.get("peft_type") != "LORA":
        raise AdapterError(f"{path} is not of a LoRA adapter (peft_type LORA)")
    for name, plain in _PLAIN.items():
        value = config.get(name)
        if value is not None and value not in plain:
            advice = _ADVICE.get(name, "train a plain LoRA adapter")
            raise AdapterError(f"{name}={value!r} is not supported; {advice}")
    return config


def _load_modules(path: Path) -> dict[str, _Module]:
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise AdapterError(f"{path} cannot be read: {error}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise AdapterError(
            f"{path} has a tensor type that numpy lacks ({error}); save it in float32"
        ) from error
    modules: dict[str, _Module] = {}
    for key, values in tensors.items():
        match = _KEY.fullmatch(key.removeprefix(_PREFIX))
        if match is None:
            raise AdapterError(
                f"{path} holds {key!r}; expected lora_A and lora_B of linear layers only"
            )
        modules.setdefault(match["module"], _Module()).parts[match["part"]] = values
    if not modules:
        raise AdapterError(f"{path} holds no LoRA tensors")
    return modules


def _patch(
    index: int, slot: Slot, module: str, parts: Mapping[str, Array], config: Mapping[str, Any]
) -> Patch:
    a, b = (_matrix(parts.get(f"lora_{part}.weight")) for part in "AB")
    if a is None or b is None:
        raise AdapterError(
            f"module {module!r} has only one of lora_A and lora_B; save the adapter again"
        )
    rank = a.shape[0] if a.ndim == 2 else 1
    _check_shape(module, "lora_A", a, (rank, slot.inputs))
    _check_shape(module, "lora_B", b, (slot.outputs, rank))
    if not 1 <= rank <= slot.max_rank:
        raise AdapterError(
            f"module {module!r} has rank {rank}, its slot allows 1 to {slot.max_rank}; "
            "train with a smaller r, or build the base with a larger max_rank"
        )
    scale = scaling(config, module, rank)
    bias = parts.get("lora_B.bias")
    if bias is not None:
        _check_shape(module, "lora_B.bias", bias, (slot.outputs,))
        bias = (bias.astype(np.float64) * scale).astype(np.float32)
    return Patch(
        slot=index,
        scale=float(np.float32(scale)),
        a=quantize(a, f"lora_A of {module}"),
        b=quantize(b, f"lora_B of {module}"),
        bias=bias if bias is not None and bias.any() else None,
    )


def _matrix(values: Array | None) -> Array | None:
    """The kernels [out, in, 1, 1] of a convolution of 1 × 1 are a matrix."""
    is_point = values is not None and values.ndim == 4 and values.shape[2:] == (1, 1)
    return values[:, :, 0, 0] if values is not None and is_point else values


def scaling(config: Mapping[str, Any], module: str, rank: int) -> float:
    """alpha / rank, or alpha / √rank with rsLoRA; alpha_pattern may give a module its own alpha."""
    alpha = config.get("lora_alpha", 8)
    try:
        for pattern, value in (config.get("alpha_pattern") or {}).items():
            if re.match(rf"(.*\.)?({pattern})$", module):
                alpha = value
                break
        return float(alpha) / (math.sqrt(rank) if config.get("use_rslora") else rank)
    except (re.error, AttributeError, TypeError, ValueError) as error:
        raise AdapterError(f"lora_alpha or alpha_pattern cannot be read: {error}") from error


def _check_shape(module: str, part: str, values: Array, expected: tuple[int, ...]) -> None:
    if values.shape != expected:
        raise AdapterError(
            f"{part} of {module!r} has shape {values.shape}, this base expects {expected}; "
            "was the adapter trained on another network?"
        )
    if not np.isfinite(values).all():
        raise AdapterError(f"{part} of {module!r} holds NaN or infinity; train again")
