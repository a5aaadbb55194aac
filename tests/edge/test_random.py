"""Policies that draw random numbers: the host's seed decides which."""

from __future__ import annotations

import numpy as np
import pytest

import plasma_edge as pe

from .conftest import Signer

NOISE = """
input  x f32[1]
output y f32[3]
output e f32[1]
normal y
copy e, x
"""
GUMBEL = """
input  x f32[1]
output choice i32[1]
const  logits f32[4] = 0 -0.6931472 1.0986123 -1
const  minus  f32[4] = -1
const  zero   f32[1] = 0
arena  u f32[4]
arena  a f32[4]
arena  b f32[4]
arena  c f32[4]
arena  d f32[4]
arena  z f32[1]
arena  n f32[4]
arena  s f32[4]
uniform u
log a, u
mul b, a, minus
log c, b
sub d, logits, c
mul z, x, zero
strided n, z, 0, 0, 0, 0, 0
add s, d, n
argmax choice, s
"""


def draws(policy: pe.Policy, count: int = 3) -> list[list[float]]:
    return [policy([0.0])["y"].tolist() for _ in range(count)]


@pytest.fixture(params=pe.kernel_tables())
def load(request: pytest.FixtureRequest, signer: Signer):
    def loaded(text: str = NOISE, **options: object) -> pe.Policy:
        kernels = request.param
        packet = signer.base(text)
        return pe.Policy.load(packet, trust=signer.public, kernels=kernels, **options)

    return loaded


def test_a_seed_gives_the_same_numbers_again(load) -> None:
    policy = load(seed=5)
    first = draws(policy)
    assert len({tuple(row) for row in first}) == 3
    policy.reset()
    assert draws(policy) == first
    assert draws(load(seed=5)) == first
    assert draws(load()) == draws(load(seed=0)) != first


def test_reset_takes_another_seed_and_keeps_it(load) -> None:
    policy = load()
    policy.reset(seed=5)
    assert draws(policy) == draws(load(seed=5))
    policy.reset()
    assert draws(policy) == draws(load(seed=5))


def test_a_seed_has_64_bits(load) -> None:
    largest = (1 << 64) - 1
    assert draws(load(seed=largest)) != draws(load(seed=largest >> 32))
    for wrong in (-1, 1 << 64):
        with pytest.raises(TypeError):
            load(seed=wrong)


def test_a_fault_counts_as_a_tick(load) -> None:
    policy, other = load(), load()
    expected = draws(policy)
    other([np.nan])
    assert draws(other, 2) == expected[1:]


def test_row_i_of_a_batch_has_the_seed_plus_i(load) -> None:
    batch = load(seed=9)
    rows = [batch.step_batch([[0.0]] * 3)["y"].tolist() for _ in range(2)]
    for i in range(3):
        assert draws(load(seed=9 + i), 2) == [row[i] for row in rows]
    batch.reset(seed=20)
    assert batch.step_batch([[0.0]] * 3)["y"][2].tolist() == draws(load(seed=22), 1)[0]
    again = batch.step_batch([[0.0]] * 3, starts=[False, True, False])["y"]
    assert again[1].tolist() == draws(load(seed=21), 1)[0]


def test_gumbel_s_maximum_draws_each_category_by_its_probability(load) -> None:
    rows = 50_000
    choices = load(GUMBEL).step_batch(np.zeros((rows, 1), np.float32)).reshape(-1)
    weights = np.exp([0, np.log(0.5), np.log(3), -1])
    expected = rows * weights / weights.sum()
    found = np.bincount(choices, minlength=4)
    chi_squared = ((found - expected) ** 2 / expected).sum()
    assert chi_squared < 16.3  # three degrees of freedom, once in a thousand seeds
