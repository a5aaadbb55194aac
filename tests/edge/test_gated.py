"""A gate and the policy that it switches: the gate's output is a gain, by the adapter's contents."""

from __future__ import annotations

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import plasma_edge as pe
from tests.edge.conftest import REACH, SWAP, Signer

# The gain is the third observation and what the first action was, within 0 and 1.
GATE = """
input  obs f32[4]
input  action f32[2]
const  w   i8[1,4] scale ws = 0 0 127 0
const  ws  f32[1] = 0.0078740157
const  v   i8[1,2] scale vs = 127 0
const  vs  f32[1] = 0.0078740157
const  b   f32[1] = 0
arena  x   f32[1]
arena  y   f32[1]
output GAIN f32[1] actuator low 0 high 1 safe 0
linear x, obs, w, b
linear y, action, v, b
add GAIN, x, y
"""
CALM, ALARM = np.float32([-0.5, 0.25, 0, 0]), np.float32([0, 0, 1, 0])


def gate(signer: Signer, adapter: bytes, text: str = GATE) -> bytes:
    digest = pe.verify(adapter, trust=signer.public, base=signer.base(REACH)).content_digest
    return signer.base(text.replace("GAIN", pe.gain_name(digest)), max_adapters=0)


def gated(signer: Signer) -> pe.Gated:
    adapter = signer.adapter(REACH, SWAP)
    return pe.Gated.load(signer.base(REACH), [adapter], gate(signer, adapter), trust=signer.public)


def gain(robot: pe.Gated) -> float:
    (adapter,) = robot.policy.adapters
    return adapter.gain


def test_the_gate_decides_on_the_tick_on_which_it_sees(signer: Signer) -> None:
    robot = gated(signer)
    calm = robot(CALM)
    assert gain(robot) == 0.0
    np.testing.assert_allclose(calm, [-0.635, 0.3175], atol=0.02)
    robot(ALARM)
    assert gain(robot) == pytest.approx(1.0 - 0.635, abs=0.02)
    robot(ALARM)
    assert gain(robot) == 1.0


def test_the_gate_sees_the_last_action_until_reset(signer: Signer) -> None:
    robot = gated(signer)
    up, level = np.float32([0.5, 0, 0, 0]), np.zeros(4, np.float32)
    robot(up)
    robot(level)
    assert gain(robot) == pytest.approx(0.635, abs=0.02)
    robot(up)
    robot.reset()
    robot(level)
    assert gain(robot) == 0.0


def test_refuses_an_adapter_that_the_gate_does_not_know(signer: Signer) -> None:
    known = signer.adapter(REACH, SWAP)
    other = signer.adapter(REACH, SWAP.replace("scale 1", "scale 0.5"))
    base = signer.base(REACH)
    for adapters in ([], [other], [known, other]):
        with pytest.raises(pe.UsageError, match=r"the gate knows the adapters gain_\w{24}, found"):
            pe.Gated.load(base, adapters, gate(signer, known), trust=signer.public)


def test_refuses_what_is_no_gate(signer: Signer) -> None:
    adapter = signer.adapter(REACH, SWAP)
    other = gate(signer, adapter, GATE.replace("action", "order"))
    with pytest.raises(pe.UsageError, match="takes obs and action, found obs, order"):
        pe.Gated.load(signer.base(REACH), [adapter], other, trust=signer.public)


def test_a_gate_of_a_stranger_is_not_loaded(signer: Signer) -> None:
    adapter, stranger = signer.adapter(REACH, SWAP), Signer(Ed25519PrivateKey.generate())
    theirs = gate(stranger, stranger.adapter(REACH, SWAP))
    with pytest.raises(pe.SignatureError):
        pe.Gated.load(signer.base(REACH), [adapter], theirs, trust=signer.public)
