"""build_adapter(): what PEFT trained is what the robot runs, bound to one base."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import peft
import pytest
import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import plasma_edge as pe
from plasma_edge import PacketError, PolicyRefusal
from plasma_pack import AdapterError, Packet, build, build_adapter, open_packet
from plasma_pack.packet.format import Section
from tests.pack import networks

Adapted = tuple[Path, peft.PeftModel]


@pytest.fixture
def adapt(tmp_path: Path) -> Callable[..., Adapted]:
    """Saves a LoRA adapter of the network behind mlp_onnx, with random A, B and bias."""

    def adapt(zero: bool = False, **config: object) -> Adapted:
        torch.manual_seed(0)
        module = networks.Mlp()
        options = {"r": 4, "lora_alpha": 6, "target_modules": ["net.0", "net.2"], "lora_bias": True}
        model = peft.get_peft_model(module, peft.LoraConfig(**(options | config)))
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.data.normal_(0, 0 if zero and "lora_B" in name else 0.5)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PEFT 0.21 takes the bias of lora_B for a torn matrix
            model.save_pretrained(tmp_path / "peft")
        return tmp_path / "peft", model.eval()

    return adapt


@pytest.fixture(scope="session")
def base(mlp_onnx: Path, key: Ed25519PrivateKey) -> Packet:
    return build(mlp_onnx, key=key, weights="f32")


def policy_with(base: Packet, adapter: Packet, trust: bytes) -> pe.Policy:
    policy = pe.Policy.load(base.data, trust=trust)
    policy.attach(adapter.data, name="test")
    return policy


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"lora_bias": False},
        {"use_rslora": True},
        {"rank_pattern": {"net.2": 2}, "alpha_pattern": {"net.2": 3}},
        {"target_modules": ["net.2"]},
    ],
)
def test_an_adapted_packet_matches_torch(
    base: Packet,
    key: Ed25519PrivateKey,
    trust: bytes,
    adapt: Callable[..., Adapted],
    config: dict[str, object],
) -> None:
    folder, model = adapt(**config)
    policy = policy_with(base, build_adapter(base, folder, key=key), trust)
    obs = networks.observations(100)
    expected = networks.torch_actions(model, obs)
    flown = np.stack([policy(row).copy() for row in obs])
    plain = networks.fly(base.data, trust, obs)
    change = np.abs(plain - expected).mean()
    assert change > 0.1
    assert np.abs(flown - expected).mean() < 0.03 * change


def test_detaching_gives_the_base_again(
    base: Packet, key: Ed25519PrivateKey, trust: bytes, adapt: Callable[..., Adapted]
) -> None:
    policy = policy_with(base, build_adapter(base, adapt()[0], key=key), trust)
    obs = networks.observations(5)
    policy.detach("test")
    flown = np.stack([policy(row).copy() for row in obs])
    np.testing.assert_array_equal(flown, networks.fly(base.data, trust, obs))


def test_the_same_adapter_and_key_give_the_same_bytes(
    base: Packet, key: Ed25519PrivateKey, adapt: Callable[..., Adapted], tmp_path: Path
) -> None:
    folder, _ = adapt()
    out = tmp_path / "icy.plasma"
    first = build_adapter(base, folder, key=key, out=out)
    base_file = tmp_path / "base.plasma"
    base.save(base_file)
    assert out.read_bytes() == first.data == build_adapter(base_file, folder, key=key).data


def test_an_adapter_is_bound_to_the_content_of_its_base_not_to_its_audit(
    mlp_onnx: Path,
    base: Packet,
    key: Ed25519PrivateKey,
    trust: bytes,
    adapt: Callable[..., Adapted],
) -> None:
    adapter = build_adapter(base, adapt()[0], key=key)
    audited = build(mlp_onnx, key=key, weights="f32", audit={"verdict": "unverified"})
    policy_with(audited, adapter, trust)
    other = build(mlp_onnx, key=key, weights="f32", max_rank=8)
    with pytest.raises(PolicyRefusal) as info:
        policy_with(other, adapter, trust)
    assert info.value.code == "E_BASE_MISMATCH"


def test_slots_are_kept_by_name(
    base: Packet, key: Ed25519PrivateKey, adapt: Callable[..., Adapted]
) -> None:
    adapter = build_adapter(base, adapt(target_modules=["net.2"])[0], key=key, name="icy")
    opened = open_packet(adapter.data)
    assert adapter.slots == ("net.2",)
    assert opened.manifest["name"] == "icy"
    assert opened.header.base_digest == base.content_digest
    assert set(opened.sections) == {Section.LORA, Section.LORA_CONST, Section.GOLD}


def test_golden_cases_that_tell_the_adapter_apart_come_first(
    key: Ed25519PrivateKey, adapt: Callable[..., Adapted], tmp_path: Path, base: Packet
) -> None:
    """With B = 0 and a bias, only the bias moves the action; a saturated observation hides it."""
    folder, _ = adapt()
    golden = np.concatenate([networks.observations(20), np.zeros((5, 4), np.float32)])
    gold = open_packet(build_adapter(base, folder, key=key, golden=golden).data).sections[
        Section.GOLD
    ]
    assert gold[:4] == b"\x10\0\0\0"


def test_an_adapter_that_changes_nothing_is_refused(
    base: Packet, key: Ed25519PrivateKey, adapt: Callable[..., Adapted], tmp_path: Path
) -> None:
    folder, _ = adapt(zero=True, lora_bias=False)
    with pytest.raises(AdapterError, match="changes no action"):
        build_adapter(base, folder, key=key, out=tmp_path / "x.plasma")
    assert not (tmp_path / "x.plasma").exists()


def test_a_base_without_room_is_refused(
    mlp_onnx: Path, key: Ed25519PrivateKey, adapt: Callable[..., Adapted]
) -> None:
    closed = build(mlp_onnx, key=key, max_adapters=0)
    with pytest.raises(AdapterError, match="max_adapters=0"):
        build_adapter(closed, adapt()[0], key=key)


def test_an_adapter_is_no_base(
    base: Packet, key: Ed25519PrivateKey, adapt: Callable[..., Adapted]
) -> None:
    folder, _ = adapt()
    adapter = build_adapter(base, folder, key=key)
    with pytest.raises(PacketError) as info:
        build_adapter(adapter, folder, key=key)
    assert info.value.code == "E_KIND"


def test_a_damaged_base_is_refused(
    base: Packet, key: Ed25519PrivateKey, adapt: Callable[..., Adapted]
) -> None:
    damaged = bytearray(base.data)
    damaged[-100] ^= 1
    with pytest.raises(PacketError, match="fetch"):
        build_adapter(bytes(damaged), adapt()[0], key=key)


def test_dora_is_refused(
    base: Packet, key: Ed25519PrivateKey, adapt: Callable[..., Adapted]
) -> None:
    folder, _ = adapt(use_dora=True, lora_bias=False)
    with pytest.raises(AdapterError, match="use_dora=True"):
        build_adapter(base, folder, key=key)
