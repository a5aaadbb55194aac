# SPDX-License-Identifier: Apache-2.0
"""From a base and adapters for several plants to a gate packet that tells on the robot which plant it flies.

Learnt in imagination: every adaptation has left a world of its plant, so there is no end of transitions whose plant is
known. The policies of all plants act in each world, because a plant that has just changed is flown by the wrong one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from rich.console import Console
from torch import Tensor

import plasma_edge
import plasma_pack
from plasma_trainer.data import derive
from plasma_trainer.envs import step_limit
from plasma_trainer.errors import UsageError
from plasma_trainer.imagination import Phantoms
from plasma_trainer.pipelines.audit import read_section
from plasma_trainer.pipelines.export import MAX_ADAPTERS, export_adapter, export_base, quiet_onnx
from plasma_trainer.pipelines.heal import file_name
from plasma_trainer.pipelines.learner import Learner
from plasma_trainer.pipelines.runs import Run, write_json, write_whole
from plasma_trainer.pipelines.skills import Skill, load_skill, load_specialists
from plasma_trainer.policies import Gate

LIVES = 320  # phantom ones, side by side in each world
STEPS = 64  # of each life
UPDATES = 1500
BATCH = 1024
LEARNING_RATE = 2e-3
HELD_OUT = 10  # one transition in so many is kept to judge by
GOLDEN_TICKS = 256
STATES = {"before": "next_before", "belief": "next_belief", "begun": "next_begun"}


class Told(NamedTuple):
    """Transitions whose plant is known: obs, next_obs [N, O]; action [N, A] or [N, 1]; plant [N] int64."""

    obs: Tensor
    action: Tensor
    next_obs: Tensor
    plant: Tensor

    def rows(self, index: Tensor) -> Told:
        return Told(*(column[index] for column in self))


@dataclass(frozen=True)
class GateArgs:
    """What `plasma-train gate` asks for."""

    runs: tuple[str, ...]  # of adaptations, all of one base
    seed: int = 0


@dataclass(frozen=True)
class Packets:
    """What a robot needs, all signed by one key. `right`: share of single held-out transitions whose plant is told."""

    base: Path
    adapters: tuple[Path, ...]
    gate: Path
    right: float


def gate(args: GateArgs, key: Path, out: Path, console: Console) -> Packets:
    """Write base.plasma, a packet for each adapter and gate.plasma into `out`. Raises UsageError for runs that are not
    adaptations of one base, each to a plant of its own.
    """
    plasma_pack.load_private(key)
    whole, specialists = load_specialists(args.runs)
    skills = [load_skill(whole), *specialists]
    plants = [skill.variant for skill in skills]
    if len(set(plants)) < len(plants) or len(specialists) > MAX_ADAPTERS:
        raise UsageError(
            f"found the plants {', '.join(plants)}; expected different ones, and at most {MAX_ADAPTERS} adapters, "
            "which is what a base takes"
        )
    Run.begin(out, args)
    with console.status("imagining every plant under every policy"):
        told = imagined([skill.learner for skill in skills], args.seed)
    with console.status("learning to tell the plants apart"):
        told_apart, right = learn(skills[0].learner.policy, told, len(skills), args.seed)
    write_whole(out / "gate.pt", lambda scratch: torch.save(told_apart.state_dict(), scratch))
    with console.status("compiling and signing"):
        base, adapters = _pack_skills(skills, [whole, *map(Path, args.runs)], key, out)
        packet = out / "gate.plasma"
        export_gate(told_apart, list(adapters.values()), skills[1], key, packet)
    write_json(out / "gate.json", {"plants": plants, "right": right})
    return Packets(base, tuple(adapters), packet, right)


def imagined(learners: Sequence[Learner], seed: int) -> Told:
    """LIVES × STEPS transitions of each learner's world, under all their exploring policies in turn."""
    parts = []
    for plant, learner in enumerate(learners):
        phantoms = Phantoms(
            learner.world,
            learner.starts(),
            LIVES,
            step_limit(learner.plant),
            derive(seed, "gate", plant),
            lost_return=0.0,  # nothing is to be earned; a life must end where its world is lost
        )
        phantoms.stagger()
        paths = phantoms.roll(lambda *seen: _in_turn(learners, *seen), STEPS)
        known = ~paths.terminated
        action = paths.action[known].float()
        rows = (paths.obs[known], action if action.dim() == 2 else action[:, None])
        labels = torch.full((int(known.sum()),), plant)
        parts.append(Told(*rows, paths.next_obs[known], labels))
    return Told(*(torch.cat(column) for column in zip(*parts, strict=True)))


def learn(base: torch.nn.Module, told: Told, plants: int, seed: int) -> tuple[Gate, float]:
    """A gate for `plants` plants, and the share of held-out transitions that it tells right."""
    torch.manual_seed(derive(seed, "gate-weights"))
    gate = Gate(base, plants)
    gate.adopt(told.obs, told.next_obs)
    generator = torch.Generator().manual_seed(derive(seed, "gate-fit"))
    order = torch.randperm(len(told.plant), generator=generator)
    held_out, seen = told.rows(order[::HELD_OUT]), order[torch.arange(len(order)) % HELD_OUT > 0]
    optimizer = torch.optim.Adam(gate.net.parameters(), LEARNING_RATE, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, UPDATES)
    for _ in range(UPDATES):
        drawn = torch.randint(len(seen), (BATCH,), generator=generator)
        optimizer.zero_grad()
        gate.loss(*told.rows(seen[drawn])).backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        guess = gate.evidence(*held_out[:3]).argmax(-1)
    return gate.eval(), float((guess == held_out.plant).float().mean())


def export_gate(gate: Gate, digests: Sequence[bytes], skill: Skill, key: Path, out: Path) -> None:
    """Compile, sign and write the gate, with its .onnx beside it. Its outputs are named by the contents of the adapters
    that they are for, so that no robot can mix them up; see plasma_edge.Gated.
    """
    source, seen = out.with_suffix(".onnx"), skill.learner.everything
    action = seen.action[:GOLDEN_TICKS].astype(np.float32).reshape(-1, _width(gate))
    with quiet_onnx():
        torch.onnx.export(
            gate,
            (torch.zeros(1, gate.obs_size), torch.zeros(1, _width(gate)), *gate.blank()),
            source,
            input_names=["obs", "action", *STATES],
            output_names=[*map(plasma_edge.gain_name, digests), *STATES.values()],
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    plasma_pack.build(
        source,
        key=key,
        out=out,
        golden={"obs": seen.obs[: len(action)], "action": action},
        states=STATES,
        weights="f16",  # changes are small differences, which int8 rounds off
        max_adapters=0,
        low=0.0,
        high=1.0,
        ranges={"action": (float(action.min()), float(action.max()))},
    )


def _width(gate: Gate) -> int:
    return 1 if gate.discrete else gate.action_size


def _in_turn(learners: Sequence[Learner], obs: Tensor, generator: torch.Generator) -> Tensor:
    """Actions for obs [B, O], of each learner's exploring policy for its share of the rows."""
    actions = torch.stack([learner.agent.sample(obs, generator) for learner in learners])
    policy = learners[0].policy
    if not policy.discrete:  # what a robot would know of it: what its motor was told
        actions = actions.clamp(policy.offset - policy.scale, policy.offset + policy.scale)
    rows = torch.arange(len(obs))
    return actions[rows % len(learners), rows]


def _pack_skills(
    skills: Sequence[Skill], runs: Sequence[Path], key: Path, out: Path
) -> tuple[Path, dict[Path, bytes]]:
    """The base's packet; the adapters' packets, and the content digest of each."""
    base, adapters = out / "base.plasma", {}
    export_base(skills[0], key, base, read_section(runs[0]))
    for skill, run in zip(skills[1:], runs[1:], strict=True):
        path = out / f"{file_name(skill.variant)}.plasma"
        packet = export_adapter(skill, base, key, path, read_section(run))
        adapters[path] = packet.content_digest
    return base, adapters
