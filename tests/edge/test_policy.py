"""A policy as its users hold it: numpy in, numpy out, adapters under way."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import plasma_edge as pe

from .conftest import CHOICE, COUNTER, REACH, SWAP, Signer

OBS = np.array([0.5, -0.25, 0.0, 0.0], np.float32)


@pytest.fixture(params=pe.kernel_tables())
def kernels(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def reach(signer: Signer) -> pe.Policy:
    return pe.Policy.load(signer.base(REACH), trust=signer.public)


def test_flies_what_was_packed(signer: Signer, kernels: str) -> None:
    policy = pe.Policy.load(signer.base(REACH), trust=signer.public, kernels=kernels)
    action = policy(OBS)
    assert policy.kernels == kernels
    assert action.dtype == np.float32
    assert action.shape == (2,)
    np.testing.assert_allclose(action, [0.5 * 1.27, -0.25 * 1.27], atol=0.01)


def test_a_path_loads_like_bytes(signer: Signer, tmp_path: Path, key_file: Path) -> None:
    packet = tmp_path / "reach.plasma"
    packet.write_bytes(signer.base(REACH))
    from_path = pe.Policy.load(packet, trust=key_file)
    from_text = pe.Policy.load(str(packet), trust=str(key_file))
    assert from_path.info == from_text.info == pe.verify(packet, trust=key_file)
    assert from_path.info.kind == "base"
    assert from_path.info.audit == "none"


def test_says_what_it_takes_and_gives(reach: pe.Policy) -> None:
    (obs,) = reach.inputs
    (act,) = reach.outputs
    assert (obs.name, obs.unit, obs.dtype, obs.shape) == ("obs", "m", "float32", (4,))
    assert (obs.low, obs.high, obs.is_actuator) == (-1, 1, False)
    assert (act.name, act.shape, act.is_actuator) == ("act", (2,), True)


@pytest.mark.parametrize(
    "obs",
    [
        [0.5, -0.25, 0, 0],
        OBS.astype(np.float64),
        np.stack([OBS, OBS], axis=1)[:, 0],
        np.asfortranarray(OBS),
        OBS.astype(">f4"),
    ],
    ids=["list", "float64", "strided", "fortran", "big-endian"],
)
def test_takes_any_real_array_of_the_right_shape(reach: pe.Policy, obs: object) -> None:
    np.testing.assert_array_equal(reach(obs), reach(OBS))


def test_takes_integer_images(signer: Signer) -> None:
    policy = pe.Policy.load(signer.base(CHOICE), trust=signer.public)
    assert policy(np.array([3, 200, 7], np.uint8)) == 1
    assert type(policy(np.array([9, 2, 7], np.int64))) is int


@pytest.mark.parametrize(
    "obs",
    [
        OBS[:3],
        OBS[None],
        np.float32(1),
        "walk",
        None,
        OBS + 1j,
        {"obs": OBS, "more": OBS},
        {"eyes": OBS},
    ],
    ids=["short", "batched", "scalar", "text", "none", "complex", "extra key", "wrong key"],
)
def test_refuses_an_observation_that_does_not_fit(reach: pe.Policy, obs: object) -> None:
    with pytest.raises(pe.UsageError, match="E_WRONG_OBS") as caught:
        reach(obs)
    assert caught.value.code == "E_WRONG_OBS"
    assert isinstance(caught.value, ValueError)


def test_a_dict_of_one_input_is_the_input(reach: pe.Policy) -> None:
    np.testing.assert_array_equal(reach({"obs": OBS}), reach(OBS))


def test_out_is_filled_and_returned(reach: pe.Policy) -> None:
    out = np.zeros(2, np.float32)
    assert reach.step(OBS, out=out) is out
    np.testing.assert_array_equal(out, reach(OBS))


@pytest.mark.parametrize(
    "out", [np.zeros(3, np.float32), np.zeros(2), np.zeros((2, 2), np.float32)[:, 0], [0, 0]]
)
def test_refuses_an_out_that_does_not_fit(reach: pe.Policy, out: object) -> None:
    with pytest.raises(pe.UsageError, match="out must be"):
        reach.step(OBS, out=out)


def test_refuses_a_read_only_out(reach: pe.Policy) -> None:
    out = np.zeros(2, np.float32)
    out.setflags(write=False)
    with pytest.raises(pe.UsageError, match="out must be"):
        reach.step(OBS, out=out)


def test_cannot_be_made_without_a_packet() -> None:
    with pytest.raises(TypeError, match=r"Policy\.load"):
        pe.Policy()


def test_a_nan_gives_the_safe_action_and_is_counted(reach: pe.Policy) -> None:
    broken = OBS.copy()
    broken[3] = np.nan
    np.testing.assert_array_equal(reach(broken), np.float32([0.25, 0.25]))
    reach(OBS)
    assert (reach.stats.steps, reach.stats.faults) == (2, 1)


def test_actions_stay_inside_their_limits(reach: pe.Policy) -> None:
    np.testing.assert_array_equal(reach(OBS * 100), np.float32([1, -1]))


def test_state_is_carried_until_reset_and_kept_through_a_fault(signer: Signer) -> None:
    policy = pe.Policy.load(signer.base(COUNTER), trust=signer.public)
    assert [float(policy([1.0])[0]) for _ in range(3)] == [1, 2, 3]
    assert float(policy([np.inf])[0]) == 0
    assert float(policy([1.0])[0]) == 4
    policy.reset()
    assert float(policy([1.0])[0]) == 1


def test_an_adapter_is_live_at_the_next_step_and_gone_after_detach(
    signer: Signer, reach: pe.Policy
) -> None:
    before = reach(OBS)
    reach.attach(signer.adapter(REACH, SWAP), name="swap")
    swapped = reach(OBS)
    np.testing.assert_allclose(swapped, before[::-1], atol=0.02)
    assert [(a.name, a.gain) for a in reach.adapters] == [("swap", 1.0)]
    reach.set_gains({"swap": 0.0})
    np.testing.assert_array_equal(reach(OBS), before)
    reach.set_gains({"swap": 1.0})
    np.testing.assert_array_equal(reach(OBS), swapped)
    reach.detach("swap")
    np.testing.assert_array_equal(reach(OBS), before)
    assert reach.adapters == ()


def test_an_action_that_somebody_keeps_is_never_written_again(reach: pe.Policy) -> None:
    rows = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    kept = [reach(row) for row in rows]
    views = [reach(row)[:1] for row in rows]
    shared = [memoryview(reach(row)) for row in rows]  # type: ignore[arg-type]
    for row, action, view, buffer in zip(rows, kept, views, shared, strict=True):
        expected = reach.step(row, out=np.empty(2, np.float32))
        np.testing.assert_array_equal(action, expected)
        np.testing.assert_array_equal(view, expected[:1])
        np.testing.assert_array_equal(buffer, expected)


def test_an_action_that_was_changed_and_dropped_does_no_harm(reach: pe.Policy) -> None:
    for change in ("shape", "dtype", "flags"):
        expected = reach(OBS).copy()
        for _ in range(3):
            action = reach(OBS)
            if change == "shape":
                action.shape = (2, 1)
            elif change == "dtype":
                action.dtype = np.int32
            else:
                action.flags.writeable = False
            del action
            np.testing.assert_array_equal(reach(OBS), expected)


class Half:
    def __float__(self) -> float:
        return 0.5


@pytest.mark.parametrize("gain", [0.5, np.float32(0.5), np.array(0.5), Half()])
def test_takes_any_number_as_a_gain(signer: Signer, reach: pe.Policy, gain: Any) -> None:
    reach.attach(signer.adapter(REACH, SWAP), name="swap")
    reach.set_gains({"swap": gain})
    assert reach.adapters[0].gain == 0.5


@pytest.mark.parametrize(
    ("gains", "code"),
    [
        ({"swap": 2.0}, "E_GAIN"),
        ({"swap": float("nan")}, "E_GAIN"),
        ({"swap": "much"}, "E_GAIN"),
        ({"swap": 0.0, "ice": 1.0}, "E_UNKNOWN_NAME"),
        ({str(i): 0.0 for i in range(17)}, "E_UNKNOWN_NAME"),
        ({3: 1.0}, "E_ARGUMENT"),
        ({"\ud800": 1.0}, "E_ARGUMENT"),
        (["swap"], "E_ARGUMENT"),
    ],
)
def test_refuses_wrong_gains_and_keeps_those_it_had(
    signer: Signer, reach: pe.Policy, gains: Any, code: str
) -> None:
    reach.attach(signer.adapter(REACH, SWAP), name="swap")
    with pytest.raises(pe.UsageError) as caught:
        reach.set_gains(gains)
    assert caught.value.code == code
    assert reach.adapters[0].gain == 1.0


def test_half_a_gain_is_half_the_change(signer: Signer, reach: pe.Policy) -> None:
    before = reach(OBS)
    reach.attach(signer.adapter(REACH, SWAP), name="swap", gain=0.5)
    np.testing.assert_allclose(reach(OBS), (before + before[::-1]) / 2, atol=0.02)


@pytest.mark.parametrize("gain", [-0.1, 1.1, float("nan")])
def test_refuses_a_gain_outside_zero_to_one(signer: Signer, reach: pe.Policy, gain: float) -> None:
    with pytest.raises(pe.UsageError, match="E_GAIN"):
        reach.attach(signer.adapter(REACH, SWAP), name="swap", gain=gain)
    assert reach.adapters == ()


def test_refuses_an_adapter_of_another_base(signer: Signer, reach: pe.Policy) -> None:
    other = REACH.replace("0.01 0.01", "0.01 0.02")
    with pytest.raises(pe.PolicyRefusal, match="E_BASE_MISMATCH"):
        reach.attach(signer.adapter(other, SWAP), name="swap")


def test_refuses_a_stranger_s_adapter(reach: pe.Policy) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    stranger = Signer(Ed25519PrivateKey.generate())
    with pytest.raises(pe.SignatureError, match="E_SIG_UNKNOWN_KEY"):
        reach.attach(stranger.adapter(REACH, SWAP), name="swap")


def test_refuses_to_attach_twice_and_to_detach_what_is_not_there(
    signer: Signer, reach: pe.Policy
) -> None:
    adapter = signer.adapter(REACH, SWAP)
    reach.attach(adapter, name="swap")
    with pytest.raises(pe.UsageError, match="E_NAME_TAKEN"):
        reach.attach(adapter, name="again")
    with pytest.raises(pe.UsageError, match="E_UNKNOWN_NAME"):
        reach.detach("again")


def test_verify_judges_an_adapter_on_its_base(signer: Signer) -> None:
    base, adapter = signer.base(REACH), signer.adapter(REACH, SWAP)
    info = pe.verify(adapter, trust=signer.public, base=base)
    assert info.kind == "adapter"
    assert info.base_digest == pe.verify(base, trust=signer.public).content_digest
    with pytest.raises(pe.PolicyRefusal, match="E_BASE_MISMATCH"):
        pe.verify(adapter, trust=signer.public, base=signer.base(REACH.replace("0.01", "0.02")))


def test_a_base_cannot_be_attached_nor_an_adapter_loaded(signer: Signer, reach: pe.Policy) -> None:
    with pytest.raises(pe.PacketError, match="E_KIND"):
        reach.attach(signer.base(REACH), name="base")
    with pytest.raises(pe.PacketError, match="E_KIND"):
        pe.Policy.load(signer.adapter(REACH, SWAP), trust=signer.public)


def test_device_limits_refuse_what_asks_for_more(signer: Signer) -> None:
    packet = signer.base(REACH, channel="walker")
    info = pe.verify(packet, trust=signer.public)
    cases = [
        ({"max_cost_units": info.cost_units - 1}, "E_DEADLINE"),
        ({"max_memory_bytes": info.arena_bytes - 1}, "E_MEMORY_CAP"),
        ({"channel": "crawler"}, "E_CHANNEL"),
        ({"require_audit": "verified"}, "E_AUDIT"),
    ]
    for options, code in cases:
        with pytest.raises(pe.PolicyRefusal, match=code):
            pe.Policy.load(packet, trust=signer.public, **options)
    pe.Policy.load(packet, trust=signer.public, channel="walker", max_cost_units=info.cost_units)


def test_counts_steps_that_miss_the_deadline(signer: Signer) -> None:
    policy = pe.Policy.load(signer.base(REACH), trust=signer.public, deadline_us=0.001)
    for _ in range(10):
        policy(OBS)
    stats = policy.stats
    assert stats.deadline_misses == 10
    assert 0 < stats.p50_us <= stats.p99_us <= stats.p999_us <= stats.max_us


def test_a_missing_file_says_which(signer: Signer, tmp_path: Path) -> None:
    with pytest.raises(pe.PacketError, match=r"E_IO.*nowhere\.plasma"):
        pe.Policy.load(tmp_path / "nowhere.plasma", trust=signer.public)


def test_an_unknown_kernel_table_is_refused(signer: Signer) -> None:
    with pytest.raises(pe.UsageError, match="E_KERNEL_TABLE"):
        pe.Policy.load(signer.base(REACH), trust=signer.public, kernels="abacus")


def test_the_environment_forces_a_kernel_table(
    signer: Signer, tmp_path: Path, key_file: Path
) -> None:
    packet = tmp_path / "reach.plasma"
    packet.write_bytes(signer.base(REACH))
    code = f"import plasma_edge as pe; print(pe.Policy.load({str(packet)!r}, trust={str(key_file)!r}).kernels)"
    forced = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PLASMA_KERNELS": "scalar"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert forced.stdout.strip() == "scalar"


def test_adapters_come_and_go_while_another_thread_steps(signer: Signer, reach: pe.Policy) -> None:
    adapter = signer.adapter(REACH, SWAP)
    plain = reach(OBS).tobytes()
    reach.attach(adapter, name="swap")
    swapped = reach(OBS).tobytes()
    seen: set[bytes] = set()
    stop = threading.Event()

    def fly() -> None:
        while not stop.is_set():
            seen.add(reach(OBS).tobytes())

    thread = threading.Thread(target=fly)
    thread.start()
    for swaps in range(20_000):
        reach.detach("swap")
        reach.attach(adapter, name="swap")
        if swaps >= 200 and len(seen) == 2:
            break
    stop.set()
    thread.join()
    assert seen == {plain, swapped}


def test_dropping_a_policy_frees_it(signer: Signer) -> None:
    packet = signer.base(REACH)
    for _ in range(200):
        policy = pe.Policy.load(packet, trust=signer.public)
        policy(OBS)
    del policy
