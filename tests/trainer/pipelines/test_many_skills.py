# SPDX-License-Identifier: Apache-2.0
"""Two adapters on one base, merged and gated: hasty ones, one of which goes left and one right."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from gymnasium import spaces
from rich.console import Console
from typer.testing import CliRunner

import plasma_edge as pe
import plasma_pack
from plasma_trainer.cli import app
from plasma_trainer.envs import Changing, fly
from plasma_trainer.errors import UsageError
from plasma_trainer.pipelines import gate as gating
from plasma_trainer.pipelines.adapt import AdaptArgs, adapt
from plasma_trainer.pipelines.gate import GateArgs, Packets, Told, gate, learn
from plasma_trainer.pipelines.learner import Learner
from plasma_trainer.pipelines.merge import MergeArgs, merge
from plasma_trainer.pipelines.skills import load_skill
from plasma_trainer.pipelines.train import TrainArgs, train
from plasma_trainer.policies import Gate, MlpPolicy
from tests.trainer.haste import hasten

PAGE = (Path(__file__).parents[3] / "docs/skills.md").read_text("utf-8")
PUSH = 9.0  # logits, for one side and against the other


class Runs(NamedTuple):
    base: Path
    left: Path
    right: Path
    key: Path

    @property
    def adapted(self) -> tuple[str, str]:
        return str(self.left), str(self.right)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, quiet: Console) -> Runs:
    root = tmp_path_factory.mktemp("skills")
    made = Runs(root / "base", root / "left", root / "right", root / "release.pem")
    plasma_pack.keygen(made.key)
    with pytest.MonkeyPatch.context() as patch:
        hasten(patch.setattr)
        train(TrainArgs("CartPole-v1", real_steps=20, iterations=1), made.base, quiet)
        for out, variant, side in (
            (made.left, "reversed", -PUSH),
            (made.right, "length=4", PUSH),
        ):

            def imagine(learner: Learner, *_: object, side: float = side) -> None:
                layer = learner.policy.base_model.model.net[4]
                with torch.no_grad():
                    layer.lora_B["default"].bias += torch.tensor([-side, side])

            patch.setattr(Learner, "imagine", imagine)
            adapt(AdaptArgs(str(made.base), variant, real_steps=20, iterations=1), out, quiet)
    return made


@pytest.fixture(scope="module")
def robot(runs: Runs, tmp_path_factory: pytest.TempPathFactory, quiet: Console) -> Packets:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gating, "STEPS", 8)
        patch.setattr(gating, "UPDATES", 50)
        out = tmp_path_factory.mktemp("fleet") / "robot"
        return gate(GateArgs(runs.adapted), runs.key, out, quiet)


def head(run: Path) -> torch.Tensor:
    """What a run's policy prefers where nothing moves, [2]."""
    with torch.no_grad():
        return load_skill(run).learner.policy(torch.zeros(4))


@pytest.mark.parametrize("weights", [(), (0.25, 0.75), (1.0, 0.0)])
def test_a_weighted_merge_is_the_weighted_sum_of_what_adapters_do(
    weights: tuple[float, ...], runs: Runs, tmp_path: Path, quiet: Console
) -> None:
    merge(MergeArgs(runs.adapted, weights=weights), tmp_path, quiet)
    first, second = weights or (0.5, 0.5)
    plain = head(runs.base)
    wanted = plain + first * (head(runs.left) - plain) + second * (head(runs.right) - plain)
    torch.testing.assert_close(head(tmp_path), wanted, atol=0.05, rtol=0.0)


def test_a_merge_exports_and_is_audited_where_it_is_worst(
    runs: Runs, tmp_path: Path, quiet: Console, robot: Packets
) -> None:
    rows = merge(MergeArgs(runs.adapted, weights=(0.0, 1.0)), tmp_path, quiet)
    behind = [row["specialist"]["mean"] - row["generalist"]["mean"] for row in rows]
    assert load_skill(tmp_path).variant == rows[behind.index(max(behind))]["variant"]
    packet = tmp_path / "merged.plasma"
    asked = ["export", str(tmp_path), "--key", str(runs.key), "--out", str(packet)]
    result = CliRunner().invoke(app, [*asked, "--base", str(robot.base)])
    assert result.exit_code == 0, result.output
    policy = pe.Policy.load(robot.base, trust=runs.key.with_suffix(".pub"))
    policy.attach(packet)
    assert policy(np.zeros(4, np.float32)) == 1  # to the right


def test_only_adaptations_of_one_base_are_merged_or_gated(
    runs: Runs, tmp_path: Path, quiet: Console
) -> None:
    for wrong in ((str(runs.left),), (str(runs.left), str(runs.base))):
        with pytest.raises(UsageError, match="expected two adaptations or more"):
            merge(MergeArgs(wrong), tmp_path / "merged", quiet)
        with pytest.raises(UsageError, match="expected two adaptations or more"):
            gate(GateArgs(wrong), runs.key, tmp_path / "gated", quiet)
    with pytest.raises(UsageError, match="nominal, reversed, reversed; expected different ones"):
        gate(GateArgs((str(runs.left),) * 2), runs.key, tmp_path / "gated", quiet)
    with pytest.raises(UsageError, match="expected one of linear, ties"):
        merge(MergeArgs(runs.adapted, "svd"), tmp_path, quiet)
    with pytest.raises(UsageError, match="found 3 weights for 2 runs"):
        merge(MergeArgs(runs.adapted, weights=(1.0, 1.0, 1.0)), tmp_path, quiet)
    for verb, *asked in (["merge"], ["gate", "--key", str(runs.key)]):
        out = ["--out", str(tmp_path / verb)]
        result = CliRunner().invoke(app, [verb, str(runs.left), *asked, *out])
        assert result.exit_code == 2
        assert "expected two adaptations or more" in " ".join(result.stderr.split())
    assert not list(tmp_path.iterdir())


def test_the_gate_packet_says_what_torch_says(runs: Runs, robot: Packets) -> None:
    net = Gate(load_skill(runs.base).learner.policy, 3)
    net.load_state_dict(torch.load(robot.gate.with_suffix(".pt"), weights_only=True))
    packet = pe.Policy.load(robot.gate, trust=runs.key.with_suffix(".pub"))
    order = [output.name for output in packet.outputs]
    memory, told = net.blank(), 0
    for obs in np.random.default_rng(0).normal(0.0, 1.0, (50, 4)).astype(np.float32):
        action = np.float32([obs[0] > 0])
        said = packet({"obs": obs, "action": action})
        with torch.no_grad():
            *gains, before, belief, begun = net(
                torch.from_numpy(obs)[None], torch.from_numpy(action)[None], *memory
            )
        memory = (before, belief, begun)
        sure = (belief.sort().values[0, -1] - belief.sort().values[0, -2]).item() > 0.05
        names = [pe.gain_name(digest) for digest in digests(runs, robot)]
        wanted = {name: gain.item() for name, gain in zip(names, gains, strict=True)}
        if sure:  # f16 weights may tip what is even
            told += 1
            assert {name: said[name].item() for name in order} == wanted
    assert told > 10


def digests(runs: Runs, robot: Packets) -> list[bytes]:
    trust = runs.key.with_suffix(".pub")
    return [pe.verify(path, trust=trust, base=robot.base).content_digest for path in robot.adapters]


def test_what_the_page_shows_a_robot_does(
    runs: Runs, robot: Packets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "robot").symlink_to(robot.base.parent)
    (tmp_path / "release.pub").symlink_to(runs.key.with_suffix(".pub"))
    monkeypatch.chdir(tmp_path)
    shown: dict[str, object] = {"obs": np.zeros(4, np.float32)}
    for block in re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S):
        exec(block, shown)
    policy, gated = shown["policy"], shown["robot"]
    gains = {adapter.name: round(adapter.gain, 3) for adapter in policy.adapters}
    assert gains == {"reversed": 0.3, "long": 0.7}
    plant = Changing("CartPole-v1", {0: "nominal", 5: "reversed"})
    episode = fly(plant, gated, 0, lambda tick: gated.reset() if tick == 0 else None)
    assert len(episode.rewards) >= 8


def test_plants_that_differ_are_told_apart() -> None:
    """Two plants whose motors push to opposite sides."""
    generator = torch.Generator().manual_seed(0)
    obs = torch.randn(4000, 3, generator=generator)
    action = torch.randint(2, (4000, 1), generator=generator).float()
    plant = torch.randint(2, (4000,), generator=generator)
    push = 0.1 * (2.0 * action[:, 0] - 1.0) * (1.0 - 2.0 * plant)
    next_obs = obs + 0.01 * torch.randn(4000, 3, generator=generator)
    next_obs[:, 0] += push

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gating, "UPDATES", 300)
        _, right = learn(MlpPolicy(3, spaces.Discrete(2)), Told(obs, action, next_obs, plant), 2, 0)
    assert right > 0.95
