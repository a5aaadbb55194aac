"""The C++ door against arguments that lie: a stranger as self, a dict that changes, keys of any length."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import plasma_edge as pe
from plasma_edge import _core

from .conftest import REACH, SWAP, Signer

PAIR = """
input  a f32[10000]
input  b f32[1]
output x f32[10000]
output y f32[1]
copy x, a
copy y, b
"""


@pytest.mark.parametrize("stranger", [None, 42, object(), "policy"])
@pytest.mark.parametrize(
    "call",
    [
        lambda self: pe.Policy.reset(self),
        lambda self: pe.Policy.detach(self, "a"),
        lambda self: pe.Policy.set_gains(self, {}),
        lambda self: pe.Policy.attach(self, b""),
        lambda self: pe.Policy.stats.fget(self),  # type: ignore[attr-defined]
    ],
)
def test_a_method_refuses_a_stranger_as_self(call: Callable[[Any], Any], stranger: object) -> None:
    with pytest.raises(TypeError):
        call(stranger)


def test_takes_any_buffer_as_a_packet(signer: Signer) -> None:
    packet = signer.base(REACH)
    for buffer in (bytearray(packet), memoryview(packet), np.frombuffer(packet, np.uint8)):
        assert pe.Policy.load(buffer, trust=signer.public).info.kind == "base"  # type: ignore[arg-type]


def test_keeps_its_names_while_reading_a_gain(signer: Signer) -> None:
    class Spiteful:
        """Empties the dict of gains while it is read."""

        def __float__(self) -> float:
            gains.clear()
            gc.collect()
            self.junk = ["x" * len("spiteful") for _ in range(100)]
            return 0.5

    policy = pe.Policy.load(signer.base(REACH), trust=signer.public)
    policy.attach(signer.adapter(REACH, SWAP), name="spiteful")
    gains: dict[str, Any] = {"".join(["spite", "ful"]): Spiteful()}
    policy.set_gains(gains)
    assert policy.adapters[0].gain == 0.5


def test_keeps_its_inputs_while_converting_another(signer: Signer) -> None:
    class Spiteful:
        """Drops the other input from the dict while it is converted itself."""

        def __init__(self, obs: dict[str, Any]) -> None:
            self.obs = obs

        def __array__(self, *_: object, **__: object) -> Any:
            self.obs["a"] = None
            gc.collect()
            self.junk = [np.full(10_000, 7, np.float32) for _ in range(4)]
            return np.zeros(1, np.float32)

    policy = pe.Policy.load(signer.base(PAIR), trust=signer.public)
    obs: dict[str, Any] = {"a": np.full(10_000, 3, np.float32)}
    obs["b"] = Spiteful(obs)
    action: Any = policy(obs)
    assert set(action["x"]) == {3}


@pytest.mark.parametrize("deadline_us", [-1.0, float("nan"), float("inf"), 1e300])
def test_refuses_a_deadline_that_is_no_time(signer: Signer, deadline_us: float) -> None:
    with pytest.raises(pe.UsageError) as caught:
        pe.Policy.load(signer.base(REACH), trust=signer.public, deadline_us=deadline_us)
    assert caught.value.code == "E_ARGUMENT"


def test_refuses_a_path_with_a_zero_in_it(signer: Signer) -> None:
    with pytest.raises(pe.UsageError):
        pe.Policy.load("a.plasma\0b", trust=signer.public)


@pytest.mark.parametrize("length", [0, 31, 33, 100])
def test_refuses_a_key_of_another_length(length: int) -> None:
    with pytest.raises(pe.SignatureError):
        _core.signer_id(bytes(length))
