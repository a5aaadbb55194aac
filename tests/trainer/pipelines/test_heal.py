# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest
import torch
from rich.console import Console

import plasma_edge
import plasma_pack
from plasma_trainer.audit import AuditReport
from plasma_trainer.envs import SUITES
from plasma_trainer.errors import UselessAdapterError
from plasma_trainer.pipelines import heal as healing
from plasma_trainer.pipelines.adapt import AdaptArgs
from plasma_trainer.pipelines.heal import Base, file_name, heal, train_base
from plasma_trainer.pipelines.learner import Learner
from plasma_trainer.pipelines.train import TrainArgs
from tests.trainer.haste import hasten
from tests.trainer.reports import a_canary, a_report

HASTY = AdaptArgs("", real_steps=20, block_steps=10, iterations=1)


def always_right(learner: Learner, *_: object) -> None:
    """What imagination would teach, if going to the right were all there is."""
    with torch.no_grad():
        learner.policy.base_model.model.net[4].lora_B["default"].bias += torch.tensor([-9.0, 9.0])


@pytest.fixture
def base(tmp_path: Path, quiet: Console, monkeypatch: pytest.MonkeyPatch) -> Base:
    hasten(monkeypatch.setattr)
    plasma_pack.keygen(tmp_path / "key.pem")
    args = TrainArgs("CartPole-v1", real_steps=20, iterations=1)
    return train_base(args, tmp_path / "base", tmp_path / "key.pem", quiet)


def audited(monkeypatch: pytest.MonkeyPatch, report: AuditReport) -> None:
    monkeypatch.setattr(healing, "audit", lambda *_, **__: report)


def test_what_was_adapted_is_signed_for_the_base_and_flown_with_it(
    base: Base, tmp_path: Path, quiet: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    audited(monkeypatch, a_report())
    monkeypatch.setattr(Learner, "imagine", always_right)
    packet = tmp_path / "reversed.plasma"
    healed = heal(base, "reversed", HASTY, tmp_path / "run", packet, quiet)
    info = plasma_edge.verify(packet, trust=base.key.with_suffix(".pub"), base=base.packet)
    assert (info.kind, info.file_bytes) == ("adapter", healed.bytes)
    assert (healed.rank, healed.real_steps) == (8, 20)
    assert healed.seconds > 0
    assert healed.returns == base.flown("reversed", packet)
    assert healed.returns.worst < 12  # always to one side


def test_an_adapter_that_fails_its_audit_is_not_signed(
    base: Base, tmp_path: Path, quiet: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    audited(monkeypatch, a_report(auditor_gap=1.0, canary=a_canary(earned=9.0)))
    packet = tmp_path / "reversed.plasma"
    with pytest.raises(UselessAdapterError, match=r"failed \(auditor_gap, canary_gap\)"):
        heal(base, "reversed", HASTY, tmp_path / "run", packet, quiet)
    assert not packet.exists()


def test_every_variant_of_a_suite_has_a_file_name_of_its_own() -> None:
    for suite in SUITES.values():
        names = {file_name(variant) for variant in suite}
        assert len(names) == len(suite)
        assert all(
            name.replace(".", "").replace("+", "").replace("-", "").isalnum() for name in names
        )
