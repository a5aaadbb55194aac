"""torch modules and programs of torch.export, built as they are in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from torch import nn

import plasma_edge as pe
import plasma_pack as pp
from plasma_pack.errors import OptionError, SourceError
from tests.pack import networks

OBSERVATIONS = np.random.default_rng(0).standard_normal((16, 4)).astype(np.float32)


class TwoHeads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.torque, self.value = nn.Linear(6, 2), nn.Linear(6, 1)

    def forward(self, position: torch.Tensor, speed: torch.Tensor) -> dict[str, torch.Tensor]:
        both = torch.cat([position, speed], 1)
        return {"torque": torch.tanh(self.torque(both)), "value": self.value(both)}


class Branching(nn.Module):
    def forward(self, obs: torch.Tensor) -> torch.Tensor:
        return obs * 2 if obs.sum() > 0 else obs


def load(key: Ed25519PrivateKey, folder: Path, source: object, **options: Any) -> pe.Policy:
    pp.build(source, key=key, out=folder / "p.plasma", weights="f32", **options)
    return pe.Policy.load(folder / "p.plasma", trust=pp.packet.keys.public_bytes(key))


def test_a_module_is_built_from_its_observations(key: Ed25519PrivateKey, tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = networks.Mlp()
    policy = load(key, tmp_path, module, golden=OBSERVATIONS)
    assert [io.name for io in policy.outputs] == ["action"]
    assert module.training
    with torch.no_grad():
        expected = module(torch.from_numpy(OBSERVATIONS)).numpy()
    found = np.stack([policy(row) for row in OBSERVATIONS])
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_a_dict_of_results_names_the_outputs(key: Ed25519PrivateKey, tmp_path: Path) -> None:
    torch.manual_seed(0)
    golden = {"speed": OBSERVATIONS[:, :2], "position": OBSERVATIONS}
    module = TwoHeads()
    policy = load(key, tmp_path, module, golden=golden, low={"value": -9}, high={"value": 9})
    assert {io.name for io in policy.inputs} == {"position", "speed"}
    found = policy.step({name: rows[3] for name, rows in golden.items()})
    with torch.no_grad():
        expected = module(**{name: torch.from_numpy(rows[3:4]) for name, rows in golden.items()})
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value[0].numpy(), rtol=1e-5, atol=1e-6)


class ByName(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers, self.tasks = nn.Linear(4, 2), nn.Embedding(3, 2)

    def forward(self, obs: dict[str, torch.Tensor]) -> torch.Tensor:
        return torch.tanh(self.layers(obs["position"]) + self.tasks(obs["task"]))


def test_a_dict_of_observations_with_an_index(key: Ed25519PrivateKey, tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = ByName()
    golden = {"task": np.arange(16) % 3, "position": OBSERVATIONS}
    policy = load(key, tmp_path, module, golden=golden)
    assert {port.name: port.shape for port in policy.inputs} == {"position": (4,), "task": (1,)}
    with torch.no_grad():
        expected = module({name: torch.from_numpy(rows) for name, rows in golden.items()}).numpy()
    rows = zip(golden["position"], golden["task"], strict=True)
    found = [policy({"position": row, "task": np.float32([task])}) for row, task in rows]
    np.testing.assert_allclose(np.stack([np.array(f) for f in found]), expected, atol=1e-6)


def test_observations_that_a_module_does_not_take_are_refused(key: Ed25519PrivateKey) -> None:
    with pytest.raises(SourceError, match=r"Mlp does not take a row of golden \(\[1, 3\]\)"):
        pp.build(networks.Mlp(), key=key, golden=OBSERVATIONS[:, :3])


def test_a_program_of_torch_export_knows_its_shapes(key: Ed25519PrivateKey, tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = networks.Mlp()
    program = torch.export.export(module, (torch.zeros(1, 4),))
    policy = load(key, tmp_path, program)
    with torch.no_grad():
        expected = module(torch.from_numpy(OBSERVATIONS[:1]))[0].numpy()
    np.testing.assert_allclose(policy(OBSERVATIONS[0]), expected, rtol=1e-5, atol=1e-6)


def test_dropout_and_batch_norm_are_taken_as_they_act(
    key: Ed25519PrivateKey, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 2), nn.Tanh()
    )
    policy = load(key, tmp_path, module, golden=OBSERVATIONS)
    with torch.no_grad():
        expected = module.eval()(torch.from_numpy(OBSERVATIONS[:1]))[0].numpy()
    np.testing.assert_allclose(policy(OBSERVATIONS[0]), expected, rtol=1e-5, atol=1e-6)


def test_a_module_without_observations_says_what_to_pass(key: Ed25519PrivateKey) -> None:
    with pytest.raises(OptionError, match="pass golden=observations"):
        pp.build(networks.Mlp(), key=key)


def test_inputs_of_another_name_are_refused(key: Ed25519PrivateKey) -> None:
    with pytest.raises(OptionError, match="golden has a, b; forward takes position, speed"):
        pp.build(TwoHeads(), key=key, golden={"a": OBSERVATIONS, "b": OBSERVATIONS})


def test_control_flow_is_refused_with_what_torch_says(key: Ed25519PrivateKey) -> None:
    with pytest.raises(SourceError, match=r"torch\.onnx\.export cannot export the module"):
        pp.build(Branching(), key=key, golden=OBSERVATIONS)


def test_a_saved_program_says_how_to_pass_it(key: Ed25519PrivateKey, tmp_path: Path) -> None:
    program = torch.export.export(networks.Mlp(), (torch.zeros(1, 4),))
    torch.export.save(program, tmp_path / "policy.pt2")
    with pytest.raises(SourceError, match=r"loaded with torch\.export\.load"):
        pp.build(tmp_path / "policy.pt2", key=key)
