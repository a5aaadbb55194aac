# SPDX-License-Identifier: Apache-2.0
import hashlib
import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import PeftModel
from rich.console import Console
from safetensors.torch import load_file

from plasma_trainer.errors import UsageError, UselessAdapterError
from plasma_trainer.pipelines import adapt as adapting
from plasma_trainer.pipelines import learner
from plasma_trainer.pipelines.adapt import AdaptArgs, adapt
from plasma_trainer.pipelines.evaluate import Returns, evaluate, midstride
from plasma_trainer.pipelines.skills import Skill, load_skill
from plasma_trainer.policies import greedy_act


@pytest.fixture(scope="module")
def adapted_run(
    trained_run: Path, tmp_path_factory: pytest.TempPathFactory, quiet: Console
) -> Path:
    """An adapter for the reversed motor: a further block of real steps until it is confirmed, as a user would."""
    out = tmp_path_factory.mktemp("adapted")
    before = digests(trained_run)
    adapt(AdaptArgs(str(trained_run), real_steps=600, iterations=20, threshold=300.0), out, quiet)
    assert digests(trained_run) == before
    return out


DAMAGE = adapting.Damage(Returns(500.0, 500.0, 500.0, 2), Returns(9.0, 9.0, 9.0, 2))


def digests(run: Path) -> dict[str, str]:
    files = sorted(run.glob("round-*.pt"))
    return {path.name: hashlib.sha512(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def skills(trained_run: Path, adapted_run: Path) -> tuple[Skill, Skill]:
    return load_skill(trained_run), load_skill(adapted_run)


def test_the_base_stays_frozen(skills: tuple[Skill, Skill]) -> None:
    base, adapted = (skill.learner.policy.state_dict() for skill in skills)
    for name, value in base.items():
        module, _, leaf = name.rpartition(".")
        inner = f"base_model.model.{module}.base_layer.{leaf}"
        found = adapted.get(inner, adapted.get(f"base_model.model.{name}"))
        assert torch.equal(value, found), name


def test_the_adapter_mends_what_the_base_cannot_fly(skills: tuple[Skill, Skill]) -> None:
    base, adapted = (greedy_act(skill.learner.policy) for skill in skills)
    assert evaluate("CartPole-v1", "reversed", base, 5, seed=0).mean < 15
    assert evaluate("CartPole-v1", "reversed", adapted, 5, seed=0).mean > 200


def test_the_adapter_takes_over_in_midstride(skills: tuple[Skill, Skill]) -> None:
    acts = dict(zip((False, True), (greedy_act(s.learner.policy) for s in skills), strict=True))
    attached = False

    def attach(on: bool) -> None:
        nonlocal attached
        attached = on

    def act(obs: np.ndarray) -> np.int64:
        return acts[attached](obs)

    mended = midstride("CartPole-v1", act, 50, attach, episodes=5, seed=0)
    control = midstride("CartPole-v1", acts[False], 50, lambda on: None, episodes=5, seed=0)
    assert mended.mean > 200
    assert control.mean < 50 + 30


def test_the_saved_adapter_is_the_one_that_was_trained(
    skills: tuple[Skill, Skill], adapted_run: Path
) -> None:
    base, adapted = skills
    loaded = PeftModel.from_pretrained(base.learner.policy, str(adapted_run / "adapter"))
    obs = torch.from_numpy(adapted.learner.everything.obs)
    with torch.no_grad():
        torch.testing.assert_close(loaded(obs), adapted.learner.policy(obs))


def test_steps_on_the_broken_plant_are_counted_apart(
    skills: tuple[Skill, Skill], adapted_run: Path
) -> None:
    base, adapted = skills
    counted = json.loads((adapted_run / "result.json").read_text())["real_steps"]
    assert len(adapted.learner.data) == counted > 0
    assert len(adapted.learner.everything) == counted + len(base.learner.data)
    assert (adapted.variant, adapted.env) == ("reversed", "CartPole-v1")


@pytest.fixture
def hasty(trained_run: Path, monkeypatch: pytest.MonkeyPatch) -> AdaptArgs:
    """Learns next to nothing."""
    monkeypatch.setattr(learner, "UPDATES", 20)
    return AdaptArgs(str(trained_run), real_steps=20, block_steps=10, iterations=1)


def test_an_adapter_that_wins_nothing_back_is_refused(
    hasty: AdaptArgs, tmp_path: Path, quiet: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learner.Learner, "imagine", lambda *_: {})
    with pytest.raises(UselessAdapterError, match="expected above 0; nothing was saved"):
        adapt(hasty, tmp_path, quiet)
    assert not (tmp_path / "adapter").exists()
    with pytest.raises(UsageError, match="holds no adapter"):
        load_skill(tmp_path)


def test_a_variant_that_costs_the_base_nothing_needs_no_adapter(
    hasty: AdaptArgs, tmp_path: Path, quiet: Console
) -> None:
    with pytest.raises(UselessAdapterError, match="nominal costs the base nothing"):
        adapt(replace(hasty, variant="nominal"), tmp_path, quiet)


def test_an_adaptation_resumes_where_it_was_interrupted(
    hasty: AdaptArgs, tmp_path: Path, quiet: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapting, "_refuse_useless", lambda *_: None)
    first = adapt(hasty, tmp_path, quiet)
    saved = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    (tmp_path / "result.json").unlink()
    (tmp_path / "round-001.pt").unlink()
    assert adapt(hasty, tmp_path, quiet) == first
    again = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    assert all(torch.equal(again[name], tensor) for name, tensor in saved.items())


def test_an_automatic_rank_is_the_lowest_that_is_as_good_and_is_the_one_that_flies(
    trained_run: Path,
    adapted_run: Path,
    tmp_path: Path,
    quiet: Console,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copytree(adapted_run, tmp_path, dirs_exist_ok=True)
    args = AdaptArgs(**json.loads((tmp_path / "args.json").read_text()))
    (tmp_path / "args.json").write_text(json.dumps(asdict(replace(args, rank=None))))
    rank_1_is_worse = iter(
        [[500.0, 500.0], [490.0, 480.0], [500.0, 500.0], [9.0, 9.0], [500.0, 499.0]]
    )

    def returns_of(*_: object) -> np.ndarray:
        return np.array(next(rank_1_is_worse))  # the whole, ranks 1 and 2; base and adapter

    monkeypatch.setattr(adapting, "returns_of", returns_of)
    monkeypatch.setattr(adapting, "damage_of", lambda *_: DAMAGE)
    adapt(replace(args, rank=None), tmp_path, quiet)
    tensors = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    assert tensors["base_model.model.net.2.lora_A.weight"].shape == (2, 256)
    skill, obs = load_skill(tmp_path), torch.randn(16, 4)
    loaded = PeftModel.from_pretrained(
        load_skill(trained_run).learner.policy, str(tmp_path / "adapter")
    )
    with torch.no_grad():
        torch.testing.assert_close(loaded(obs), skill.learner.policy(obs))
