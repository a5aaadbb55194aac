# SPDX-License-Identifier: Apache-2.0
"""From a trained policy and a broken plant to an adapter: a few kilobytes that put it right."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from torch import nn

from plasma_trainer.data import derive
from plasma_trainer.envs import Act, make_plant
from plasma_trainer.errors import UsageError, UselessAdapterError
from plasma_trainer.pipelines.evaluate import Returns, returns_of
from plasma_trainer.pipelines.learner import Learner
from plasma_trainer.pipelines.relearner import Relearner
from plasma_trainer.pipelines.rounds import Goal, Result, run_rounds
from plasma_trainer.pipelines.runs import Run, write_json
from plasma_trainer.pipelines.train import TrainArgs, load_trained
from plasma_trainer.policies import Lora, greedy_act, save_adapter, with_adapter, with_rank

RECOVERED = 0.95  # share of the lost return that counts as healed
LARGEST_RANK = 8  # what is learnt before an automatic rank is cut ...
RANKS = (1, 2, 4, 6)  # ... to the first of these ...
CUT = 0.01  # ... that gives up no more than this share of the lost return, with 95 % confidence
EPISODES = 50
ADAPTATION = "adaptation.json"


@dataclass(frozen=True)
class AdaptArgs:
    """What `plasma-train adapt` asks for."""

    base: str  # directory of a finished training run
    variant: str = "reversed"
    seed: int = 0
    real_steps: int = 400  # on the broken plant
    block_steps: int = 200
    iterations: int = 20
    threshold: float | None = None  # None: RECOVERED of the return that the base has lost
    rank: int | None = 8  # None: the lowest that is as good
    alpha: float = 16.0
    targets: tuple[str, ...] = ()
    dropout: float = 0.0

    @property
    def lora(self) -> Lora:
        """The adapter that is learnt."""
        return Lora(self.rank or LARGEST_RANK, self.alpha, tuple(self.targets), self.dropout)


@dataclass(frozen=True)
class Damage:
    """What the base is worth on the plant as it was built, and on the broken one."""

    nominal: Returns
    broken: Returns

    @property
    def lost(self) -> float:
        """Return lost to the fault."""
        return self.nominal.mean - self.broken.mean

    def recovered(self, share: float) -> float:
        """The return that wins back a share of what was lost."""
        return self.broken.mean + share * self.lost


def adapt(args: AdaptArgs, out: Path, console: Console) -> Result:
    """Do, or finish, the adaptation in `out`: `out`/adapter is then what PEFT saves. The base stays as it was.

    Raises UselessAdapterError where the base has lost nothing, or the adapter wins nothing back.
    """
    trained, base = load_trained(Path(args.base))
    learner = _new_learner(args, trained, base)
    run = Run.begin(out, args)
    with console.status("flying the base, whole and broken"):
        damage = damage_of(trained.env, args.variant, greedy_act(base.policy), args.seed)
    console.print(f"base: return {damage.nominal}\n  on {args.variant}: return {damage.broken}")
    threshold = damage.recovered(RECOVERED) if args.threshold is None else args.threshold
    if damage.broken.mean >= (damage.nominal.low if args.threshold is None else args.threshold):
        raise UselessAdapterError(
            f"{args.variant} costs the base nothing: return {damage.broken}, and {damage.nominal} without it; "
            "an adapter needs a plant on which the base fails"
        )
    goal = Goal(
        threshold=threshold,
        real_steps=args.real_steps,
        block_steps=args.block_steps,
        iterations=args.iterations,
        seed=args.seed,
    )
    result = run_rounds(run, learner, goal, console)
    policy, rank = learner.policy, args.lora.rank
    if args.rank is None:
        policy, rank = _smallest(base, policy, trained.env, args, damage)
        console.print(f"rank {rank} of {LARGEST_RANK} is enough")
    _refuse_useless(trained.env, args, greedy_act(base.policy), greedy_act(policy))
    save_adapter(policy, out / "adapter")
    write_json(out / ADAPTATION, {**asdict(damage), "threshold": threshold, "rank": rank})
    return result


def load_adapted(out: Path) -> tuple[AdaptArgs, Learner]:
    """The finished adaptation in `out`, flying the adapter that was saved. Raises UsageError when there is none."""
    run = Run.open(out)
    args = AdaptArgs(**run.args)
    trained, base = load_trained(Path(args.base))
    learner = _new_learner(args, trained, base)
    learner.restore(run.finished_round()["learner"])
    if not (out / ADAPTATION).exists():
        raise UsageError(f"{out} holds no adapter; run plasma-train adapt again, it says why")
    rank = json.loads((out / ADAPTATION).read_text())["rank"]
    if rank < args.lora.rank:
        learner.policy = with_rank(base.policy, learner.policy, args.lora, rank)
    return args, learner


def damage_of(env: str, variant: str, base: Act, seed: int) -> Damage:
    """What a variant costs the base: EPISODES fresh episodes each."""
    seed = derive(seed, "loss")
    return Damage(
        *(Returns.of(returns_of(env, v, base, EPISODES, seed)) for v in ("nominal", variant))
    )


def _new_learner(args: AdaptArgs, trained: TrainArgs, base: Learner) -> Learner:
    torch.manual_seed(derive(args.seed, "adapter"))
    plant = make_plant(trained.env, args.variant)
    return Relearner(plant, with_adapter(base.policy, args.lora), base, args.seed)


def _smallest(
    base: Learner, adapted: nn.Module, env: str, args: AdaptArgs, damage: Damage
) -> tuple[nn.Module, int]:
    """The adapter cut to the lowest of RANKS that costs next to nothing: the same episodes tell."""
    seed = derive(args.seed, "rank")

    def flown(policy: nn.Module) -> np.ndarray:
        return returns_of(env, args.variant, greedy_act(policy), EPISODES, seed)

    whole = flown(adapted)
    for rank in RANKS:
        policy = with_rank(base.policy, adapted, args.lora, rank)
        if Returns.of(flown(policy) - whole).low >= -CUT * damage.lost:
            return policy, rank
    return adapted, LARGEST_RANK


def _refuse_useless(env: str, args: AdaptArgs, base: Act, adapted: Act) -> None:
    """Episodes from the same seeds, so that the luck of the start does not count."""
    seed = derive(args.seed, "useful")
    before, after = (returns_of(env, args.variant, act, EPISODES, seed) for act in (base, adapted))
    gain = Returns.of(np.subtract(after, before))
    if gain.low <= 0.0:
        raise UselessAdapterError(
            f"the adapter earns {after.mean():.1f} on {args.variant}, the base {before.mean():.1f}: its gain is at "
            f"least {gain.low:.1f} with 95 % confidence, expected above 0; nothing was saved; "
            "allow more --real-steps or --iterations"
        )
