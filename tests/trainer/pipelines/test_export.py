# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from gymnasium import spaces

import plasma_pack
from plasma_trainer.errors import UsageError
from plasma_trainer.pipelines.evaluate import agreement, load_packet
from plasma_trainer.pipelines.export import export_adapter, export_base, export_onnx
from plasma_trainer.pipelines.skills import load_skill
from plasma_trainer.policies import MlpPolicy, greedy_act


@pytest.mark.parametrize("space", [spaces.Discrete(3), spaces.Box(-2.0, 5.0, (2,))], ids=str)
def test_onnx_computes_what_torch_computes(space: spaces.Space, tmp_path: Path) -> None:
    torch.manual_seed(0)
    policy = MlpPolicy(4, space)
    policy.obs_norm.fit(torch.full((4,), 0.5), torch.full((4,), 2.0))
    export_onnx(policy, tmp_path / "policy.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "policy.onnx")
    act = greedy_act(policy)
    for obs in np.random.default_rng(0).normal(0, 5, (100, 4)).astype(np.float32):
        (action,) = session.run(["action"], {"obs": obs[None]})
        np.testing.assert_allclose(action[0], act(obs), atol=1e-5)


def test_a_packet_acts_like_the_policy_it_was_made_of(trained_run: Path, tmp_path: Path) -> None:
    skill = load_skill(trained_run)
    plasma_pack.keygen(tmp_path / "key.pem")
    export_base(skill, tmp_path / "key.pem", tmp_path / "base.plasma", None)
    packet = load_packet(tmp_path / "base.plasma", None, tmp_path / "key.pub")
    obs = skill.learner.everything.obs
    assert agreement(obs, greedy_act(skill.learner.policy), packet) > 0.95


def test_a_base_is_not_exported_as_an_adapter(trained_run: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not an adapter"):
        export_adapter(load_skill(trained_run), tmp_path, tmp_path, tmp_path / "x.plasma", None)
