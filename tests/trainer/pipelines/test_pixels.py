# SPDX-License-Identifier: Apache-2.0
"""From frames to a packet, on a real CartPole behind its camera; how well it balances is not asked here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

import plasma_edge
import plasma_pack
from plasma_trainer.data import collect_log, random_act
from plasma_trainer.envs import make_pixel_plant
from plasma_trainer.pipelines.camera_packet import Camera, export_camera, fly_camera
from plasma_trainer.pipelines.pixels import PixelArgs, PixelSkill, train_pixels, transitions
from plasma_trainer.pipelines.solve_pixels import solve_pixels

ARGS = PixelArgs(
    "CartPole-v1", 1e6, real_steps=100, random_steps=60, block_steps=20, iterations=1, eye_updates=9
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, quiet: Console) -> Path:
    """A run that could not reach its goal."""
    out = tmp_path_factory.mktemp("pixels")
    solution = solve_pixels(ARGS, None, out, quiet)
    assert solution.packet is None
    assert solution.learning["goal"] == "not reached"
    return out


@pytest.fixture(scope="module")
def skill(run: Path, quiet: Console) -> PixelSkill:
    return train_pixels(ARGS, run, quiet)[0]


def test_a_finished_run_is_read_back_and_all_its_steps_are_counted(
    run: Path, skill: PixelSkill, quiet: Console
) -> None:
    again, result = train_pixels(ARGS, run, quiet)
    assert result.real_steps == len(skill.learner.data) >= ARGS.real_steps
    assert skill.learner.first.steps >= ARGS.random_steps
    for name, weight in skill.learner.agent.state_dict().items():
        assert torch.equal(weight, again.learner.agent.state_dict()[name]), name
    assert torch.equal(
        skill.eye.latent_norm.mean, again.eye.latent_norm.mean
    )  # fitted once, opened twice
    assert (run / "strip.png").exists() == (run / "film.gif").exists()


def test_a_learner_remembers_what_it_would_have_seen(skill: PixelSkill) -> None:
    plant = make_pixel_plant("CartPole-v1")
    log = collect_log(plant, random_act(plant.action_space, 5), 20, 5, 50)
    told = transitions(log, skill.learner.through)
    seen, act = skill.learner.plant, random_act(plant.action_space, 5)
    obs, _ = seen.reset(seed=5)
    for t in range(len(log.episodes[0])):
        np.testing.assert_allclose(obs, told.obs[t], atol=1e-4)
        obs, reward, terminated, _, _ = seen.step(act(obs))
        assert (reward, terminated) == (told.reward[t], told.terminated[t])


def test_the_packet_takes_frames_remembers_the_last_and_agrees_with_torch(
    skill: PixelSkill, tmp_path: Path
) -> None:
    key, packet = tmp_path / "key.pem", tmp_path / "policy.plasma"
    plasma_pack.keygen(key, comment="test")
    frames = np.concatenate([e.obs for e in skill.learner.first.episodes])
    with torch.no_grad():  # an undecided policy would agree with anything
        skill.learner.policy.net[-1].weight.mul_(100.0)
    camera = Camera(skill.eye, skill.learner.policy).eval()
    export_camera(skill.eye, skill.learner.policy, frames, key, packet, None)
    flight = fly_camera(
        make_pixel_plant("CartPole-v1"), camera, packet, key.with_suffix(".pub"), 2, 0
    )
    assert flight.frames == flight.returns.mean * 2
    assert flight.apart <= 0.1
    policy = plasma_edge.Policy.load(packet, trust=key.with_suffix(".pub"))
    memory = camera.blank()
    same = []
    for frame in frames[:40]:
        with torch.inference_mode():
            wanted, *memory = camera(torch.from_numpy(frame)[None].float(), *memory)
        same.append(int(policy(frame.astype(np.float32))) == int(wanted))
    assert np.mean(same) >= 0.9
    assert len({int(policy(frame.astype(np.float32))) for frame in frames}) == 2
