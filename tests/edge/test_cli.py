"""`plasma-edge` as a person types it, in a real environment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from plasma_edge._cli import main
from plasma_edge._episodes import RETIRED

from .conftest import REACH, Signer

# Pushes the cart to the side the pole leans to: sum of angle and angular velocity, times two signs, then argmax.
LEAN = """
input  obs f32[4]
const  w   i8[2,4] scale ws = 0 0 -127 -64  0 0 127 64
const  ws  f32[2] = 0.01 0.01
arena  h   f32[2]
output act i32[1] actuator low 0 high 1 safe 0
linear h, obs, w
argmax act, h
"""


@pytest.fixture
def lean(signer: Signer, tmp_path: Path) -> str:
    path = tmp_path / "lean.plasma"
    path.write_bytes(signer.base(LEAN))
    return str(path)


def test_run_flies_a_real_environment(
    lean: str, key_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = ["run", lean, "--trust", str(key_file), "--env", "CartPole-v1", "--episodes", "5"]
    assert main([*args, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["episodes"] == 5
    assert result["return_mean"] > 100  # leaning does well; a random policy gets about 22
    assert result["return_ci95"] == 0  # of 500s
    assert result["faults"] == 0
    assert main([*args[:-1], "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["return_ci95"] is None
    assert main(args) == 0
    assert "return_mean" in capsys.readouterr().out


# Goes right, whatever the square.
WALK = f"""
input  obs f32[1]
const  t   f32[16,4] = {"0 0 1 0 " * 16}
arena  row f32[1,4]
arena  v   f32[4]
output act i32[1] actuator low 0 high 3 safe 0
gather row, t, obs
concat v, row
argmax act, v
"""
LAMPS = """
input  obs f32[1]
const  t   f32[2,2] = 0 1 1 0
arena  row f32[1,2]
output act f32[2] actuator low 0 high 1 safe 0
gather row, t, obs
concat act, row
"""


def _fly(signer: Signer, text: str, env: str, key_file: Path, tmp_path: Path) -> int:
    path = tmp_path / "packet.plasma"
    path.write_bytes(signer.base(text))
    return main(["run", str(path), "--trust", str(key_file), "--env", env, "--json"])


def test_run_gives_indices_to_a_policy(
    signer: Signer, key_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _fly(signer, WALK, "FrozenLake-v1", key_file, tmp_path) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["faults"] == 0
    assert result["steps"] > 20


class Lamps(gymnasium.Env[Any, Any]):
    """Rewards two lamps that are set by index, as whole numbers; observes which is on, by name."""

    observation_space = gymnasium.spaces.Dict({"obs": gymnasium.spaces.Discrete(2)})
    action_space = gymnasium.spaces.MultiDiscrete([2, 2])

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        return {"obs": np.int64(1)}, {}

    def step(self, action: Any) -> Any:
        assert self.action_space.contains(action)
        return {"obs": np.int64(1)}, float(10 * action[0] + action[1]), True, False, {}


def test_run_takes_choices_from_a_policy(
    signer: Signer, key_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gymnasium.register("Lamps-v0", Lamps)
    assert _fly(signer, LAMPS, "Lamps-v0", key_file, tmp_path) == 0
    assert json.loads(capsys.readouterr().out)["return_mean"] == 10


def test_run_flies_the_successor_of_a_retired_environment(
    signer: Signer, key_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = """
    input  obs f32[3]
    const  w   i8[1,3] scale s = 1 1 1
    const  s   f32[1] = 1
    output act f32[1] actuator low -2 high 2 safe 0
    linear act, obs, w
    """
    assert _fly(signer, text, "Pendulum-v0", key_file, tmp_path) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["env"] == "Pendulum-v1"
    assert 0 < result["return_ci95"] < result["return_max"] - result["return_min"]


@pytest.mark.parametrize("successor", sorted(set(RETIRED.values())))
def test_successors_exist(successor: str) -> None:
    assert successor in gymnasium.registry


def test_bench_prints_percentiles(
    lean: str, key_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", lean, "--trust", str(key_file), "--steps", "2000", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    for name in ("step", "call", "call_cold", "call_200_hz"):
        times = result[name]
        assert 0 < times["p50_us"] <= times["p99_us"] <= times["p999_us"] <= times["max_us"]
    assert sum(count for _, count in result["histogram"]) == 2000
    edges = [upper for upper, _ in result["histogram"]]
    assert edges == sorted(edges)
    assert edges[-1] > result["call"]["max_us"]


def test_bench_says_where_the_time_goes(
    lean: str, key_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = ["bench", lean, "--trust", str(key_file), "--steps", "1000", "--profile"]
    assert main([*args, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [row["op"] for row in result["profile"]] == ["linear", "argmax"]
    assert sum(row["cost_units"] for row in result["profile"]) == result["cost_units"]
    assert main(args) == 0
    text = capsys.readouterr().out
    for word in ("p99", "call_200_hz", "#", "argmax", "%"):
        assert word in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--env", "NoSuchPole-v9"], "NoSuchPole"),
        (["--env", "CartPole-v1", "--episodes", "0"], "at least 1"),
        (["--env", "CartPole-v1", "--adapter", "missing.plasma"], "E_IO"),
    ],
)
def test_failures_exit_with_one_and_say_why(
    lean: str,
    key_file: Path,
    change: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["run", lean, "--trust", str(key_file), *change]) == 1
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""


def test_a_policy_that_does_not_fit_the_environment_is_a_clear_failure(
    signer: Signer, tmp_path: Path, key_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "reach.plasma"
    path.write_bytes(signer.base(REACH))
    assert main(["run", str(path), "--trust", str(key_file), "--env", "Pendulum-v1"]) == 1
    assert "takes actions Box(-2.0, 2.0, (1,)" in capsys.readouterr().err
