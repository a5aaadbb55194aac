"""Many robots in one call: the bits of single steps, and a state each."""

from __future__ import annotations

import numpy as np
import pytest

import plasma_edge as pe

from .conftest import CHOICE, COUNTER, REACH, SWAP, Signer

DIFFERENCE = """
input  a f32[2]
input  b f32[2]
output act f32[2]
output which i32[1]
sub act, a, b
argmax which, a
"""
BOUNDED = COUNTER.replace("act f32[1]", "act f32[1] actuator low -9 high 9 safe 7")


@pytest.mark.parametrize("kernels", pe.kernel_tables())
def test_a_row_has_the_bits_of_a_single_step(signer: Signer, kernels: str) -> None:
    batch = pe.Policy.load(signer.base(REACH), trust=signer.public, kernels=kernels)
    single = pe.Policy.load(signer.base(REACH), trust=signer.public, kernels=kernels)
    for policy in (batch, single):
        policy.attach(signer.adapter(REACH, SWAP), name="swap", gain=0.5)
    obs = np.random.default_rng(0).normal(size=(37, 4)).astype(np.float32)
    expected = np.stack([single(row) for row in obs])
    assert batch.step_batch(obs).tobytes() == expected.tobytes()


def test_every_row_has_a_state_of_its_own(signer: Signer) -> None:
    policy = pe.Policy.load(signer.base(COUNTER), trust=signer.public)
    steps = np.array([[1.0], [10.0], [100.0]], np.float32)
    policy.step_batch(steps)
    assert policy.step_batch(steps).ravel().tolist() == [2, 20, 200]
    assert policy(steps[0]) == [1.0]  # a single robot's state is not among them
    starts = [False, True, False]
    assert policy.step_batch(steps, starts=starts).ravel().tolist() == [3, 10, 300]
    policy.reset()
    assert policy.step_batch(steps).ravel().tolist() == [1, 10, 100]
    assert policy.step_batch(steps[:2]).ravel().tolist() == [1, 10]  # other robots


def test_a_fault_stays_in_its_row(signer: Signer) -> None:
    policy = pe.Policy.load(signer.base(BOUNDED), trust=signer.public)
    policy.step_batch([[1.0], [1.0], [1.0]])
    assert policy.step_batch([[1.0], [np.nan], [1.0]]).ravel().tolist() == [2, 7, 2]
    assert policy.step_batch([[1.0], [1.0], [1.0]]).ravel().tolist() == [3, 2, 3]
    assert policy.stats.steps == 0


def test_an_index_a_row(signer: Signer) -> None:
    policy = pe.Policy.load(signer.base(CHOICE), trust=signer.public)
    actions = policy.step_batch([[0, 1, 0], [5, 1, 0]])
    assert actions.dtype == np.int32
    assert actions.tolist() == [1, 0]


def test_several_inputs_and_outputs_are_dicts(signer: Signer) -> None:
    policy = pe.Policy.load(signer.base(DIFFERENCE), trust=signer.public)
    a, b = np.arange(6.0).reshape(3, 2), np.ones((3, 2))
    result = policy.step_batch({"a": a, "b": b})
    assert result["act"].tolist() == (a - b).tolist()
    assert result["which"].tolist() == [1, 1, 1]
    with pytest.raises(pe.UsageError, match="b"):
        policy.step_batch({"a": a})
    with pytest.raises(pe.UsageError, match="3 rows"):
        policy.step_batch({"a": a, "b": b[:2]})


@pytest.mark.parametrize(
    "obs",
    [np.zeros(4), np.zeros((0, 4)), np.zeros((2, 3)), np.zeros((2, 4), complex), "text", [["a"]]],
    ids=lambda obs: str(getattr(obs, "shape", obs)),
)
def test_refuses_what_is_not_rows_of_observations(signer: Signer, obs: object) -> None:
    policy = pe.Policy.load(signer.base(REACH), trust=signer.public)
    with pytest.raises(pe.UsageError, match=r"expected numbers of shape \(rows, 4\)") as caught:
        policy.step_batch(obs)
    assert caught.value.code == "E_WRONG_OBS"


@pytest.mark.parametrize("starts", [[True], [0, 1], [[True, False]], "no", ["a", "b"]])
def test_refuses_what_is_not_a_flag_a_row(signer: Signer, starts: object) -> None:
    policy = pe.Policy.load(signer.base(REACH), trust=signer.public)
    with pytest.raises(pe.UsageError, match="expected 2 bools, one a row"):
        policy.step_batch(np.zeros((2, 4)), starts=starts)


def test_a_profile_names_every_instruction_and_leaves_the_flight_alone(signer: Signer) -> None:
    policy = pe.Policy.load(signer.base(COUNTER), trust=signer.public)
    policy([1.0])
    times = policy.profile(np.ones((50, 1)))
    assert sum(time.cost_units for time in times) == policy.info.cost_units
    assert all(time.us >= 0 for time in times)
    assert policy([1.0]) == [2.0]
    assert policy.stats.steps == 2
    with pytest.raises(pe.UsageError, match="rows"):
        policy.profile(np.ones(1))
