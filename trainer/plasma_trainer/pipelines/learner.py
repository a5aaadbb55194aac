# SPDX-License-Identifier: Apache-2.0
"""One turn of the loop that training and adapting share: real steps in, a better policy out, nothing else touched."""

from __future__ import annotations

from typing import Any, Self

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor, nn

from plasma_trainer.data import Transitions, collect, derive, random_act
from plasma_trainer.envs import Act, make_plant, step_limit
from plasma_trainer.imagination import Phantoms, Starts, worst_return
from plasma_trainer.pipelines.curiosity import Seeker, anything_tells
from plasma_trainer.policies import ActorCritic, MlpPolicy, Ppo
from plasma_trainer.world_models import Ensemble, fit
from plasma_trainer.world_models.memory import Memory, Remembering

PATHS = 320
VISITED_SHARE = 0.5
REAL_EPISODE_STEPS = 50  # many short episodes see more of the task than a long one ...
REAL_EPISODE_SHARE = 4  # ... but a quarter of a whole one is needed to get anywhere
UPDATES = 2000  # of the world, each round

LOOKAHEADS = 6  # in an episode: how far to look ahead is a matter of how long the task is
USUAL_DISCOUNTS = (0.95, 0.99)


def usual_discount(plant: gym.Env[Any, Any]) -> float:
    """A horizon, 1 / (1 - discount), of a share of the plant's time limit: 0.97 for 200 steps."""
    return float(np.clip(1.0 - LOOKAHEADS / step_limit(plant), *USUAL_DISCOUNTS))


class Learner:
    """A policy, its critic, the world they live in and the experience behind it.

    `past` is experience of the same task on another plant: it says what steps are worth and where paths may begin, not
    how the plant moves. `policy` may carry adapters; then its own normaliser is frozen with the rest of it.
    """

    def __init__(
        self,
        plant: gym.Env[Any, Any],
        policy: nn.Module,
        world: Ensemble,
        discount: float | None,
        seed: int,
        past: Transitions | None = None,
    ) -> None:
        self.plant, self.policy, self.world = plant, policy, world
        self.discount = usual_discount(plant) if discount is None else discount
        self.seed, self.past = seed, past
        scale = None if policy.discrete else policy.scale
        self.agent = ActorCritic(policy, world.obs_size, scale)
        self.ppo = Ppo(self.agent, self.discount)
        self.paths, self.updates = PATHS, UPDATES
        self.data: Transitions | None = None

    @classmethod
    def fresh(cls, env_id: str, seed: int, discount: float | None = None) -> Self:
        """One for a Gymnasium environment, that has not lived yet."""
        plant = make_plant(env_id)
        obs_size = plant.observation_space.shape[0]
        torch.manual_seed(derive(seed, "weights"))
        policy = MlpPolicy(obs_size, plant.action_space)
        world = Ensemble(obs_size, policy.action_size, policy.discrete)
        return cls(plant, policy, world, discount, seed)

    def live(self, steps: int, index: int) -> Transitions:
        """Add `steps` real steps: random ones in round 0, then those of the exploring policy.

        While nothing that was seen is worth anything, the exploring policy is one that seeks what was not seen.
        """
        seed, learn = derive(self.seed, "explore", index), None
        if self.data is None:
            act = random_act(self.plant.action_space, seed)
        elif self.silent:
            seeker = Seeker(self.world, self.data, self.plant.action_space, seed)
            act, learn = seeker.act, seeker.learn
        else:
            act = self.explore(seed)
        longest = max(REAL_EPISODE_STEPS, step_limit(self.plant) // REAL_EPISODE_SHARE)
        begun = derive(self.seed, "collect", index)
        block = collect(self.plant, act, steps, begun, longest, learn)
        self.data = block if self.data is None else self.data + block
        return block

    def learn_world(self, index: int) -> dict[str, Tensor]:
        """Fit the world to everything lived."""
        plant, task = self.experience()
        return fit(self.world, plant, task, self.updates, derive(self.seed, "fit", index))

    def imagine(self, iterations: int, index: int) -> dict[str, float]:
        """Improve the policy on phantom paths only. Without a reason to do anything it stays as it is."""
        if self.silent:
            return {}
        _, task = self.experience()
        self._follow_data(task["obs"])
        phantoms = Phantoms(
            self.dreamt(),
            self.starts(),
            self.paths,
            step_limit(self.plant),
            derive(self.seed, "phantoms", index),
            self.feared(task),
        )
        phantoms.stagger()
        return self.ppo.practise(phantoms.roll, iterations, derive(self.seed, "ppo", index))

    def memory(self) -> Memory | None:
        """What was lived on this plant, if that is truer than what the world makes of it."""
        assert self.data is not None
        memory = Memory(self.world, self.data)
        return memory if memory.is_truer() else None

    def dreamt(self) -> Ensemble | Remembering:
        """The world to imagine in."""
        memory = self.memory()
        return self.world if memory is None else Remembering(self.world, memory)

    def starts(self) -> Starts:
        """Where phantom paths begin: at real resets, and in the middle of real experience."""
        _, task = self.experience()
        resets = torch.from_numpy(self.everything.reset_obs)
        return Starts(self.world.start(resets), self.world.start(task["obs"]), VISITED_SHARE)

    def feared(self, task: dict[str, Tensor]) -> float | None:
        """What a phantom life earns from where the world is lost; None: it goes on as the world believes."""
        return worst_return(task["reward"], task["terminated"], self.discount)

    @property
    def silent(self) -> bool:
        """Nothing that was seen gives a reason to be anywhere."""
        _, task = self.experience()
        action = self.world.encode_action(task["action"])
        return not anything_tells(action, task["reward"], task["terminated"])

    def explore(self, seed: int) -> Act:
        """The act function that tries things out on the plant, within its action limits."""
        generator = torch.Generator().manual_seed(seed)
        space = self.plant.action_space

        def act(obs: np.ndarray) -> Any:
            action = self.agent.sample(torch.from_numpy(obs)[None], generator)[0].numpy()
            if isinstance(space, spaces.Box):
                return np.clip(action, space.low, space.high)
            return action[()]

        return act

    def state(self) -> dict[str, Any]:
        """Everything needed to go on in another process, as tensors and plain values."""
        assert self.data is not None
        return {
            "agent": self.agent.state_dict(),  # contains the policy
            "world": self.world.state_dict(),
            "optimizer": self.ppo.optimizer.state_dict(),
            "data": self.data.tensors(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.data = Transitions(**{name: column.numpy() for name, column in state["data"].items()})
        self.agent.load_state_dict(state["agent"])
        self.world.load_state_dict(state["world"])
        self.ppo.optimizer.load_state_dict(state["optimizer"])

    @property
    def everything(self) -> Transitions:
        """All experience of this task, the past's included."""
        assert self.data is not None
        return self.data if self.past is None else self.past + self.data

    def experience(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Columns of this plant's transitions, and of all of this task's."""
        assert self.data is not None
        return self.data.tensors(), self.everything.tensors()

    def _follow_data(self, obs: Tensor) -> None:
        """Normalise by the data at hand; networks that have learnt something keep computing what they did."""
        fresh = not self.ppo.optimizer.state  # which goes with a saved learner
        if fresh:
            _, task = self.experience()
            typical = task["reward"].square().mean().sqrt()
            self.agent.return_scale.copy_(typical / (1.0 - self.discount))
        followers = [(self.agent.obs_norm, self.agent.critic[0])]
        if isinstance(self.policy, MlpPolicy):
            followers.append((self.policy.obs_norm, self.policy.net[0]))
        for normalizer, first_layer in followers:
            if fresh:
                normalizer.fit(obs.mean(0), obs.std(0))
            else:
                normalizer.refit_before(first_layer, obs.mean(0), obs.std(0))
        if fresh:
            self.agent.calm(obs)
