"""Stable-Baselines3 policies by the ONNX export of its documentation: actions, values and log
probabilities of a deterministic policy.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from stable_baselines3.common.policies import ActorCriticCnnPolicy, ActorCriticPolicy

import plasma_edge as pe
from plasma_pack import build
from tests.pack import networks

BOX = gym.spaces.Box(-1, 1, (6,), np.float32)
IMAGE = gym.spaces.Box(0, 255, (4, 84, 84), np.uint8)
MOTORS = gym.spaces.Box(-2, 2, (3,), np.float32)
NAMES = ["action", "value", "log_prob"]


class OnnxableSB3Policy(torch.nn.Module):
    """As the documentation of Stable-Baselines3 has it."""

    def __init__(self, policy: ActorCriticPolicy) -> None:
        super().__init__()
        self.policy = policy

    def forward(self, observation: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        return self.policy(observation, deterministic=True)


POLICIES = {
    "motors": (ActorCriticPolicy, BOX, MOTORS),
    "buttons": (ActorCriticPolicy, BOX, gym.spaces.Discrete(5)),
    "several buttons": (ActorCriticPolicy, BOX, gym.spaces.MultiDiscrete([3, 2])),
    "switches": (ActorCriticPolicy, BOX, gym.spaces.MultiBinary(4)),
    "pixels": (ActorCriticCnnPolicy, IMAGE, gym.spaces.Discrete(6)),
}


@pytest.fixture(autouse=True)
def unvalidated() -> Iterator[None]:
    """The checks of torch.distributions depend on data, which torch.export cannot follow."""
    torch.distributions.Distribution.set_default_validate_args(False)
    yield
    torch.distributions.Distribution.set_default_validate_args(__debug__)


@pytest.mark.parametrize(
    ("name", "dynamo"), [*((name, False) for name in POLICIES), ("motors", True), ("buttons", True)]
)
def test_the_documented_export_flies(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes, name: str, dynamo: bool
) -> None:
    torch.manual_seed(0)
    of, sees, acts = POLICIES[name]
    module = OnnxableSB3Policy(of(sees, acts, lambda _: 1e-3)).eval()
    shape = (1, *sees.shape)
    path = networks.export(
        module,
        (torch.zeros(shape),),
        tmp_path / "net.onnx",
        dynamo=dynamo,
        opset_version=18,
        input_names=["observation"],
        output_names=NAMES,
    )
    is_image = sees is IMAGE
    packet = build(
        path,
        key=key,
        weights="int8" if is_image else "f32",
        actuators=["action"],
        low=-2,
        high=5,
        ranges={"observation": (0, 255) if is_image else (-1, 1)},
    ).data
    policy = pe.Policy.load(packet, trust=trust)
    rng = np.random.default_rng(3)
    for _ in range(4):
        obs = rng.uniform(sees.low, sees.high).astype(np.float32)
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = [t.numpy().reshape(-1) for t in module(torch.from_numpy(obs[None]))]
        found = policy(obs)
        for key_, wanted in zip(NAMES, expected, strict=True):
            atol = 0.03 if is_image else 2e-5
            np.testing.assert_allclose(np.reshape(found[key_], -1), wanted, rtol=1e-4, atol=atol)
