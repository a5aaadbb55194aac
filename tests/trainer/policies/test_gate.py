# SPDX-License-Identifier: Apache-2.0
import torch
from gymnasium import spaces
from torch import Tensor

from plasma_trainer.policies import Gate, MlpPolicy

TELLS = 2.0  # logit of a transition that shows its plant


class Told(Gate):
    """A gate whose evidence is the second observation itself."""

    def evidence(self, obs: Tensor, action: Tensor, next_obs: Tensor) -> Tensor:
        return next_obs


def chosen(gate: Gate, seen: list[list[float]]) -> list[int]:
    """The plant put on at each tick: 0 is the base's."""
    memory, plants = gate.blank(), []
    for obs in seen:
        *gains, before, belief, begun = gate(torch.tensor([obs]), torch.zeros(1, 1), *memory)
        memory = (before, belief, begun)
        torch.testing.assert_close(belief.sum(), torch.tensor(1.0))
        on = [index + 1 for index, gain in enumerate(gains) if gain.item() == 1.0]
        assert len(on) <= 1
        plants.append(on[0] if on else 0)
    return plants


def told(plants: int) -> Told:
    return Told(MlpPolicy(plants, spaces.Discrete(2)), plants)


def test_the_first_observation_shows_nothing() -> None:
    assert chosen(told(3), [[0.0, 0.0, TELLS]]) == [0]


def test_what_is_seen_again_and_again_is_believed_and_unlearnt_again() -> None:
    base, second = [TELLS, 0.0, 0.0], [0.0, TELLS, 0.0]
    ticks = chosen(told(3), [base, *[second] * 20, *[base] * 20])
    assert ticks[1] == ticks[20] == 1
    assert ticks[-1] == 0
    assert ticks[21:].index(0) <= 5  # whatever was believed, and for however long


def test_a_single_doubt_does_not_overthrow_a_belief() -> None:
    base, doubt = [TELLS, 0.0], [0.0, TELLS]
    assert chosen(told(2), [base, *[base] * 10, doubt, base]) == [0] * 13


def test_one_transition_can_say_so_much_and_no_more() -> None:
    torch.manual_seed(0)
    gate = Gate(MlpPolicy(4, spaces.Discrete(2)), 3)
    for weight in gate.net.parameters():
        weight.data.mul_(1000.0)
    evidence = gate.evidence(torch.randn(64, 4), torch.ones(64, 1), torch.randn(64, 4))
    assert evidence.abs().max() <= 3.0
    assert evidence.abs().max() > 2.9


def test_actions_are_told_apart_whatever_they_are_counted_in() -> None:
    discrete = Gate(MlpPolicy(4, spaces.Discrete(3)), 2)
    assert discrete._encode(torch.tensor([[2.0]])).tolist() == [[0.0, 0.0, 1.0]]
    box = spaces.Box(-1.0, 3.0, (2,))
    continuous = Gate(MlpPolicy(4, box), 2)
    assert continuous._encode(torch.tensor([[-1.0, 3.0]])).tolist() == [[-1.0, 1.0]]
