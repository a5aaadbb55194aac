# SPDX-License-Identifier: Apache-2.0
"""What a policy sees when it flies: observations of a Gymnasium environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from plasma_edge import Policy
from plasma_edge._episodes import act, make_env
from plasma_pack.errors import OptionError
from plasma_pack.observations import Case, inputs_of
from plasma_pack.program.program import Program

_EPISODES = 8  # at least, so that none fills the data alone


def rollouts(program: Program, policy: Policy, env_id: str, count: int) -> list[list[Case]]:
    """Observations of `count` steps, by episode. Episodes of the policy and of random actions take
    turns: where the policy goes, and where it is when something went wrong.
    """
    env = make_env(env_id, policy)
    env.action_space.seed(0)
    episodes: list[list[Case]] = []
    while (rest := count - sum(map(len, episodes))) > 0:
        acts = policy if len(episodes) % 2 == 0 else None
        longest = min(rest, count // _EPISODES)
        episodes.append(_episode(program, acts, env, len(episodes), longest))
    env.close()
    return episodes


def _episode(
    program: Program, policy: Policy | None, env: Any, seed: int, longest: int
) -> list[Case]:
    cases: list[Case] = []
    obs, _ = env.reset(seed=seed)
    ended = False
    if policy is not None:
        policy.reset()
    while not ended and len(cases) < longest:
        cases.append(_case(program, obs))
        action = env.action_space.sample() if policy is None else act(policy, env, obs)
        obs, _, terminated, truncated, _ = env.step(action)
        ended = terminated or truncated
    return cases


def _case(program: Program, obs: Any) -> Case:
    inputs = inputs_of(program)
    named = obs if isinstance(obs, Mapping) else {inputs[0][0].name: obs}
    case = {}
    for io, tensor in inputs:
        values = np.asarray(named.get(io.name, ()), np.float32)
        if values.size != tensor.elements:
            raise OptionError(
                f"--env: found {values.size} numbers for input {io.name!r}, "
                f"expected {tensor.elements}; wrap the environment as the policy was trained"
            )
        case[io.name] = values.reshape(tensor.dims)
    return case
