# SPDX-License-Identifier: Apache-2.0
"""From what was learnt of frames to a signed packet that takes frames: eye, memory and policy in one program."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor, nn

import plasma_edge
import plasma_pack
from plasma_trainer.data import derive
from plasma_trainer.envs import fly
from plasma_trainer.pipelines.evaluate import Returns
from plasma_trainer.pipelines.export import quiet_onnx
from plasma_trainer.policies import MlpPolicy, greedy
from plasma_trainer.world_models import Eye

GOLDEN_FRAMES = 256
STATES = {"latent": "next_latent", "begun": "next_begun"}


class Camera(nn.Module):
    """What a robot computes: a frame [1, C, H, W] of 0 ... 255 and its memory -> action and memory.

    The memory is what SecondOrder's state needs: the `latent` [1, Z] of the frame before, and `begun` [1, 1], which is
    0 at the first frame of an episode, where nothing has moved yet. A runtime resets both to 0.
    """

    def __init__(self, eye: Eye, policy: MlpPolicy) -> None:
        super().__init__()
        self.eye, self.policy = eye, policy

    def blank(self) -> tuple[Tensor, Tensor]:
        """The memory of an episode that has not begun."""
        return torch.zeros(1, self.eye.latent_dim), torch.zeros(1, 1)

    def forward(
        self, frame: Tensor, latent: Tensor, begun: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        now = self.eye(frame)
        action = greedy(self.policy, torch.cat([now, begun * (now - latent)], -1))
        return action, now, (begun + 1.0).clamp(0.0, 1.0)


@dataclass(frozen=True)
class Flight:
    """A packet in the real environment, with torch beside it on the same frames."""

    returns: Returns
    frames: int
    apart: float  # from torch: the furthest action, as a share of its range; or the share of choices that differ
    step_us: float  # median of a packet's step, as Python calls it
    packet_bytes: int


def export_camera(
    eye: Eye, policy: MlpPolicy, frames: np.ndarray, key: Path, out: Path, audit: Any
) -> None:
    """Compile, sign and write the packet, with its .onnx beside it. frames [N, C, H, W]: consecutive real ones, for
    its self-test."""
    out.parent.mkdir(parents=True, exist_ok=True)
    source = out.with_suffix(".onnx")
    camera = Camera(eye, policy).eval()
    with quiet_onnx():
        torch.onnx.export(
            camera,
            (torch.zeros(1, *eye.frame_shape), *camera.blank()),
            source,
            input_names=["frame", *STATES],
            output_names=["action", *STATES.values()],
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    golden = frames[:GOLDEN_FRAMES].astype(np.float32)
    plasma_pack.build(
        source,
        key=key,
        out=out,
        golden={"frame": golden},
        states=STATES,
        weights="f16",  # a velocity is a small difference of latents, which int8 rounds off
        ranges={"frame": (0.0, 255.0)},
        audit=audit,
    )


def fly_camera(
    plant: gym.Env[Any, Any],
    camera: Camera,
    packet: Path,
    trust: Path,
    episodes: int,
    seed: int,
) -> Flight:
    """Fly the packet in a plant of frames for `episodes` fresh episodes; torch looks on, and is not asked."""
    policy = plasma_edge.Policy.load(packet, trust=trust)
    beside = Beside(camera, policy)
    totals = [
        fly(plant, beside, derive(seed, "evaluate", index), beside.begin).total
        for index in range(episodes)
    ]
    return Flight(
        Returns.of(np.array(totals)),
        len(beside.step_us),
        beside.disagreement,
        float(np.median(beside.step_us)),
        packet.stat().st_size,
    )


class Beside:
    """The act function of a packet, that notes how far torch would have been from it."""

    def __init__(self, camera: Camera, policy: plasma_edge.Policy) -> None:
        self.camera, self.policy = camera, policy
        self.step_us: list[float] = []
        self.apart: list[float] = []

    def begin(self, tick: int) -> None:
        """At tick 0 both forget the last episode."""
        if tick == 0:
            self.policy.reset()
            self.memory = self.camera.blank()

    @torch.inference_mode()
    def __call__(self, frame: np.ndarray) -> Any:
        start = time.perf_counter()
        action = self.policy(frame)
        self.step_us.append(1e6 * (time.perf_counter() - start))
        wanted, *memory = self.camera(torch.from_numpy(frame)[None], *self.memory)
        self.memory = tuple(memory)
        self.apart.append(self._distance(action, wanted[0].numpy()))
        return action

    @property
    def disagreement(self) -> float:
        """See Flight.apart."""
        return float(np.mean(self.apart) if self.camera.policy.discrete else np.max(self.apart))

    def _distance(self, action: Any, wanted: np.ndarray) -> float:
        if self.camera.policy.discrete:
            return float(action != wanted)
        whole = 2.0 * self.camera.policy.scale.numpy()
        return float(np.max(np.abs(action - wanted) / whole))
