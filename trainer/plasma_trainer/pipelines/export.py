# SPDX-License-Identifier: Apache-2.0
"""From a finished run to a signed packet: the last thing that happens on the workstation."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import plasma_pack
from plasma_trainer.errors import UsageError
from plasma_trainer.pipelines.skills import Skill
from plasma_trainer.policies import MlpPolicy

MAX_ADAPTERS = 4
MAX_RANK = 16
GOLDEN_OBS = 256  # observations offered for the packet's self-test


class Deployed(nn.Module):
    """What a robot computes: obs [N, O] -> action, [N] int64 (discrete) or [N, A] float32.

    Its layers keep the policy's names (net.0, ...): they become the slots that adapters are bound to.
    """

    def __init__(self, policy: MlpPolicy) -> None:
        super().__init__()
        self.obs_norm, self.net, self.discrete = policy.obs_norm, policy.net, policy.discrete
        if not self.discrete:
            self.scale, self.offset = policy.scale, policy.offset

    def forward(self, obs: Tensor) -> Tensor:
        out = self.net(self.obs_norm(obs))
        return out.argmax(-1) if self.discrete else torch.tanh(out) * self.scale + self.offset


def export_onnx(policy: MlpPolicy, path: Path) -> None:
    """Write an ONNX file of `Deployed`, input `obs` [N, O], output `action`."""
    example = torch.zeros(1, len(policy.obs_norm.mean))
    with quiet_onnx():
        torch.onnx.export(
            Deployed(policy).eval(),
            (example,),
            path,
            input_names=["obs"],
            output_names=["action"],
            dynamo=True,
            external_data=False,
            verbose=False,
        )


@contextmanager
def quiet_onnx() -> Iterator[None]:
    """Without what torch's exporter says of itself: that torchvision is missing, and that torch is deprecated."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def export_base(skill: Skill, key: Path, out: Path, audit: dict[str, Any] | None) -> None:
    """Compile, sign and write the base packet of a training run, with its .onnx beside it."""
    if skill.adapter is not None:
        raise UsageError("this run holds an adapter; pass the packet of its base with --base")
    out.parent.mkdir(parents=True, exist_ok=True)
    source = out.with_suffix(".onnx")
    export_onnx(skill.learner.policy, source)
    plasma_pack.build(
        source,
        key=key,
        out=out,
        golden=golden_obs(skill),
        audit=audit,
        max_adapters=MAX_ADAPTERS,
        max_rank=MAX_RANK,
    )


def export_adapter(
    skill: Skill, base: Path, key: Path, out: Path, audit: dict[str, Any] | None
) -> plasma_pack.Packet:
    """Compile, sign and write the adapter packet of an adaptation run, bound to the packet `base`."""
    if skill.adapter is None:
        raise UsageError("this run holds a base, not an adapter; export it without --base")
    out.parent.mkdir(parents=True, exist_ok=True)
    return plasma_pack.build_adapter(
        base, skill.adapter, key=key, out=out, golden=golden_obs(skill), audit=audit
    )


def golden_obs(skill: Skill) -> np.ndarray:
    """Real observations [N, O] float32, spread over the run's experience."""
    obs = skill.learner.everything.obs
    return obs[:: max(1, len(obs) // GOLDEN_OBS)][:GOLDEN_OBS]
