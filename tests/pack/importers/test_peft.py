"""PEFT directories: what they compute comes out of patches, what they cannot mean is refused."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch

from plasma_pack import AdapterError
from plasma_pack.compiler.quantize import dequantize
from plasma_pack.importers.peft import load_patches, scaling
from plasma_pack.program.program import Slot

SLOTS = [Slot(0, 4, 4, 8), Slot(2, 4, 8, 2)]
NAMES = ["net.0", "net.2"]
CONFIG: dict[str, Any] = {"peft_type": "LORA", "r": 2, "lora_alpha": 8, "bias": "none"}


def tensors(rank: int = 2) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "base_model.model.net.2.lora_A.weight": rng.standard_normal((rank, 8)).astype(np.float32),
        "base_model.model.net.2.lora_B.weight": rng.standard_normal((2, rank)).astype(np.float32),
        "base_model.model.net.2.lora_B.bias": rng.standard_normal(2).astype(np.float32),
    }


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(weights: dict[str, np.ndarray] | None = None, **config: Any) -> Path:
        (tmp_path / "adapter_config.json").write_text(json.dumps(CONFIG | config))
        save_file(tensors() if weights is None else weights, tmp_path / "adapter_model.safetensors")
        return tmp_path

    return write


def test_a_patch_holds_a_b_scale_and_scaled_bias(write: Callable[..., Path]) -> None:
    (patch,) = load_patches(write(), SLOTS, NAMES)
    given = tensors()
    prefix = "base_model.model.net.2."
    assert (patch.slot, patch.scale) == (1, 4.0)
    np.testing.assert_allclose(dequantize(patch.a), given[f"{prefix}lora_A.weight"], atol=0.02)
    np.testing.assert_allclose(dequantize(patch.b), given[f"{prefix}lora_B.weight"], atol=0.02)
    np.testing.assert_allclose(patch.bias, 4 * given[f"{prefix}lora_B.bias"], rtol=1e-6)


def test_patches_come_in_slot_order(write: Callable[..., Path]) -> None:
    weights = tensors()
    weights["base_model.model.net.0.lora_A.weight"] = np.ones((1, 4), np.float32)
    weights["base_model.model.net.0.lora_B.weight"] = np.ones((8, 1), np.float32)
    assert [patch.slot for patch in load_patches(write(weights), SLOTS, NAMES)] == [0, 1]


def test_a_module_used_twice_is_patched_twice(write: Callable[..., Path]) -> None:
    slots = [Slot(0, 4, 8, 2), Slot(1, 4, 8, 2)]
    patches = load_patches(write(), slots, ["net.2", "net.2"])
    assert [patch.slot for patch in patches] == [0, 1]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"lora_alpha": 8}, 4.0),
        ({"lora_alpha": 8, "use_rslora": True}, 8 / math.sqrt(2)),
        ({"lora_alpha": 8, "alpha_pattern": {"net.2": 3}}, 1.5),
        ({"lora_alpha": 8, "alpha_pattern": {"net.0": 3}}, 4.0),
        ({"lora_alpha": 8, "alpha_pattern": {r"net\.\d": 1}}, 0.5),
    ],
)
def test_scaling_follows_alpha_patterns_and_rslora(config: dict[str, Any], expected: float) -> None:
    assert scaling(config, "net.2", 2) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"use_dora": True}, "use_dora=True is not supported"),
        ({"use_qalora": True}, "use_qalora"),
        ({"fan_in_fan_out": True}, "fan_in_fan_out"),
        ({"bias": "all"}, r"lora_bias=True"),
        ({"modules_to_save": ["head"]}, "modules_to_save"),
        ({"init_lora_weights": "pissa"}, "path_initial_model_for_weight_conversion"),
        ({"peft_type": "IA3"}, "not of a LoRA adapter"),
    ],
)
def test_variants_that_compute_something_else_are_refused(
    write: Callable[..., Path], config: dict[str, Any], words: str
) -> None:
    with pytest.raises(AdapterError, match=words) as info:
        load_patches(write(**config), SLOTS, NAMES)
    assert info.value.code == "E_PACK_ADAPTER"


def test_an_unknown_module_lists_the_slots_of_the_base(write: Callable[..., Path]) -> None:
    with pytest.raises(AdapterError, match=r"'net\.2', which is not a slot.*: a, b"):
        load_patches(write(), SLOTS, ["a", "b"])


def test_a_rank_over_the_slot_s_is_refused(write: Callable[..., Path]) -> None:
    with pytest.raises(AdapterError, match="rank 5, its slot allows 1 to 4"):
        load_patches(write(tensors(rank=5)), SLOTS, NAMES)


def test_an_adapter_of_another_network_is_refused(write: Callable[..., Path]) -> None:
    with pytest.raises(AdapterError, match=r"lora_A of 'net.2' has shape \(2, 8\).*\(2, 9\)"):
        load_patches(write(), [SLOTS[0], Slot(2, 4, 9, 2)], NAMES)


def test_half_a_patch_is_refused(write: Callable[..., Path]) -> None:
    weights = tensors()
    del weights["base_model.model.net.2.lora_B.weight"]
    with pytest.raises(AdapterError, match="only one of lora_A and lora_B"):
        load_patches(write(weights), SLOTS, NAMES)


@pytest.mark.parametrize(
    "name", ["base_model.model.net.2.lora_magnitude_vector", "base_model.model.value.weight"]
)
def test_a_tensor_that_is_no_lora_matrix_is_refused(write: Callable[..., Path], name: str) -> None:
    with pytest.raises(AdapterError, match="expected lora_A and lora_B of linear layers only"):
        load_patches(write({**tensors(), name: np.zeros(2, np.float32)}), SLOTS, NAMES)


def test_weights_that_are_not_finite_are_refused(write: Callable[..., Path]) -> None:
    weights = tensors()
    weights["base_model.model.net.2.lora_A.weight"][0, 0] = np.inf
    with pytest.raises(AdapterError, match="NaN or infinity"):
        load_patches(write(weights), SLOTS, NAMES)


def test_an_empty_adapter_is_refused(write: Callable[..., Path]) -> None:
    with pytest.raises(AdapterError, match="no LoRA tensors"):
        load_patches(write({}), SLOTS, NAMES)


def test_a_directory_that_is_no_adapter_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AdapterError, match="save_pretrained"):
        load_patches(tmp_path, SLOTS, NAMES)


@pytest.mark.parametrize("content", [b"", b"\xff" * 64, b"\x08" + bytes(7) + b"{}      "])
def test_a_file_that_is_no_safetensors_is_refused(
    write: Callable[..., Path], content: bytes
) -> None:
    folder = write()
    (folder / "adapter_model.safetensors").write_bytes(content)
    with pytest.raises(AdapterError):
        load_patches(folder, SLOTS, NAMES)


def test_bfloat16_is_read_as_numbers(write: Callable[..., Path]) -> None:
    weights = {k: torch.from_numpy(v).to(torch.bfloat16) for k, v in tensors().items()}
    folder = write()
    save_torch(weights, folder / "adapter_model.safetensors")
    (patch,) = load_patches(folder, SLOTS, NAMES)
    expected = weights["base_model.model.net.2.lora_B.bias"].float().numpy() * 4
    np.testing.assert_array_equal(patch.bias, expected)
