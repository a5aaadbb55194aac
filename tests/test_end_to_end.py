"""From a real environment to a signed packet that flies it: the whole product on a small budget."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import plasma_edge as pe
import plasma_pack
from plasma_trainer.pipelines.audit import audit
from plasma_trainer.pipelines.evaluate import agreement, evaluate
from plasma_trainer.pipelines.export import export_base
from plasma_trainer.pipelines.skills import Skill, load_skill
from plasma_trainer.pipelines.train import TrainArgs, train
from plasma_trainer.policies import greedy_act

ENV = "CartPole-v1"
RANDOM_POLICY = 22.0  # what uniformly random actions are worth on CartPole


@pytest.fixture(scope="module")
def skill(tmp_path_factory: pytest.TempPathFactory) -> Skill:
    """Learnt in imagination from 200 real steps, with a third of the usual imagination; from 400 if those do not do."""
    out = tmp_path_factory.mktemp("run")
    args = TrainArgs(ENV, seed=0, real_steps=400, iterations=10, threshold=200.0)
    train(args, out, Console(file=io.StringIO()))
    return load_skill(out)


def test_learns_packs_signs_and_flies_what_it_learnt(skill: Skill, tmp_path: Path) -> None:
    key, packet = tmp_path / "release.pem", tmp_path / "cartpole.plasma"
    plasma_pack.keygen(key)
    report = audit(skill, tmp_path, canary=False, seed=0)
    export_base(skill, key, packet, report.section())

    policy = pe.Policy.load(packet, trust=key.with_suffix(".pub"), require_audit="unverified")
    teacher = greedy_act(skill.learner.policy)
    in_torch = evaluate(ENV, "nominal", teacher, 10, seed=1).mean
    in_packet = evaluate(ENV, "nominal", policy, 10, seed=1).mean
    assert in_torch > 5 * RANDOM_POLICY
    assert in_packet > 0.9 * in_torch
    assert agreement(skill.learner.everything.obs, teacher, policy) > 0.95
    assert policy.stats.faults == 0
    with pytest.raises(pe.PolicyRefusal, match="E_AUDIT"):
        pe.Policy.load(packet, trust=key.with_suffix(".pub"), require_audit="verified")


def test_the_packet_gives_the_same_actions_on_every_kernel_table(
    skill: Skill, tmp_path: Path
) -> None:
    key, packet = tmp_path / "release.pem", tmp_path / "cartpole.plasma"
    plasma_pack.keygen(key)
    export_base(skill, key, packet, None)
    obs = np.random.default_rng(0).normal(0, 0.5, (2000, 4)).astype(np.float32)
    actions = {}
    for table in pe.kernel_tables():
        policy = pe.Policy.load(packet, trust=key.with_suffix(".pub"), kernels=table)
        actions[table] = [policy(row) for row in obs]
    assert all(taken == actions["scalar"] for taken in actions.values())
