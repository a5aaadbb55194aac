"""Zips of Stable-Baselines3 1.6 and gym 0.21 (zips/make.py): what the public zoo has, in small."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import plasma_pack as pp
from plasma_pack.packet.keys import Key

from . import agents

ZIPS = Path(__file__).parent / "zips"


@pytest.mark.parametrize("name", ["ppo", "a2c", "sac"])
def test_a_zip_of_gym_s_time_acts_as_it_did(name: str, key: Key, trust: bytes) -> None:
    path = ZIPS / name / "model.zip"
    with np.load(ZIPS / name / "flight.npz") as flight:
        obs, wanted = flight["obs"], flight["actions"]
    assert wanted.std() > 0.05
    policy = agents.load(path, key, trust, weights="f32")
    np.testing.assert_allclose(agents.flown(policy, list(obs)), wanted, atol=1e-5)
    origin = pp.open_packet(pp.build(path, key=key).data).manifest["source"]
    assert origin["version"] == "1.6.2"
    assert origin["vec_normalize"] == ("vecnormalize.pkl" if name == "a2c" else "")
