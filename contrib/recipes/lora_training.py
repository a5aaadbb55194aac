# SPDX-License-Identifier: Apache-2.0
"""A policy is trained and signed; its motor is reversed; an adapter is learnt, signed, and attached in flight.

    python contrib/recipes/lora_training.py [REAL_STEPS]

REAL_STEPS (default 600) is the budget of the policy, and again of the adapter. Ends in one line of figures.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import torch
from rich.console import Console

import plasma_edge as pe
from plasma_pack import keygen
from plasma_trainer.envs import fly, make_plant
from plasma_trainer.pipelines.adapt import AdaptArgs, adapt
from plasma_trainer.pipelines.export import export_adapter, export_base
from plasma_trainer.pipelines.skills import load_skill
from plasma_trainer.pipelines.train import TrainArgs, train

ENV, FLIGHTS = "CartPole-v1", 3


def main(folder: Path, real_steps: int) -> None:
    torch.set_num_threads(1)
    console, key = Console(stderr=True), folder / "release.pem"
    keygen(key)
    train(TrainArgs(ENV, real_steps=real_steps), folder / "base", console)
    export_base(load_skill(folder / "base"), key, folder / "base.plasma", audit=None)

    asked = AdaptArgs(str(folder / "base"), "reversed", real_steps=real_steps)
    adapt(asked, folder / "adapter", console)
    adapter = folder / "adapter.plasma"
    export_adapter(load_skill(folder / "adapter"), folder / "base.plasma", key, adapter, audit=None)

    policy = pe.Policy.load(folder / "base.plasma", trust=key.with_suffix(".pub"))
    broken = make_plant(ENV, "reversed")
    before = sum(fly(broken, policy, seed).total for seed in range(FLIGHTS)) / FLIGHTS
    policy.attach(adapter, name="reversed")
    after = sum(fly(broken, policy, seed).total for seed in range(FLIGHTS)) / FLIGHTS
    sys.stdout.write(
        f"motor reversed: return {before:.0f}, with an adapter of {adapter.stat().st_size} bytes {after:.0f}\n"
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        main(Path(scratch), int(sys.argv[1]) if len(sys.argv) > 1 else 600)
