# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from rich.console import Console
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from plasma_trainer.data import Log, collect_log, derive, random_act
from plasma_trainer.envs import make_plant
from plasma_trainer.errors import RunMismatchError, TrainerError
from plasma_trainer.pipelines.fit_world import FitArgs, Fitted, fit_world
from plasma_trainer.world_models import Ensemble, Rssm

ARGS = FitArgs("rssm", updates=40, batch=4, length=8, interval=10)
SLEEPS_AT = 25

CHILD = """
import sys, time
from pathlib import Path
import torch
from tests.trainer.pipelines import test_fit_world as this
from plasma_trainer.pipelines import fit_world

torch.set_num_threads(1)
step = fit_world._Fitting._step

def slow_step(self):
    if self.update == this.SLEEPS_AT:
        Path(sys.argv[1], "sleeping").touch()
        time.sleep(600)
    return step(self)

fit_world._Fitting._step = slow_step
this.fit(Path(sys.argv[1]))
"""


def pendulum() -> tuple[Log, Log]:
    plant = make_plant("Pendulum-v1")
    log = collect_log(plant, random_act(plant.action_space, 0), 600, seed=0, longest=50)
    train, held_out = log.split((0.8, 0.2), seed=0)
    return train, held_out


def world_of(train: Log) -> Rssm:
    torch.manual_seed(0)
    world = Rssm((3,), 1, discrete=False, deter=16, groups=4, classes=4, hidden=16)
    world.adopt(train.whole())
    return world


def fit(out: Path, args: FitArgs = ARGS) -> tuple[Rssm, Fitted]:
    train, held_out = pendulum()
    world = world_of(train)
    return world, fit_world(world, train, held_out, args, out, Console(quiet=True))


def test_a_fit_that_was_killed_loses_less_than_an_interval_and_ends_with_the_same_bits(
    tmp_path: Path,
) -> None:
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    killed.mkdir()
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(killed)], cwd=Path(__file__).parents[3]
    )
    deadline = time.monotonic() + 120
    while not (killed / "sleeping").exists():
        assert child.poll() is None, "the fit ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    child.wait()
    left = torch.load(killed / "checkpoint.pt", weights_only=True)
    assert left["update"] == SLEEPS_AT // ARGS.interval * ARGS.interval
    (resumed, one), (straight, two) = fit(killed), fit(whole)
    assert one.updates == two.updates == ARGS.updates
    assert one.held_out_loss == two.held_out_loss
    for name, weight in straight.state_dict().items():
        assert torch.equal(weight, resumed.state_dict()[name]), name
    started_over, _ = fit(tmp_path / "other", FitArgs(**{**vars(ARGS), "seed": 1}))
    assert not torch.equal(started_over.gru.weight_hh, straight.gru.weight_hh)


def test_a_finished_fit_is_read_back_and_another_one_refused(tmp_path: Path) -> None:
    args = FitArgs("rssm", updates=4, batch=4, length=8, interval=2)
    first, _ = fit(tmp_path, args)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    again, fitted = fit(tmp_path, args)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before
    assert fitted.updates == 4
    assert torch.equal(first.gru.weight_hh, again.gru.weight_hh)
    with pytest.raises(RunMismatchError, match="batch: 4 there, 5 now"):
        fit(tmp_path, FitArgs("rssm", updates=4, batch=5, length=8, interval=2))


def test_stops_when_held_out_episodes_say_so_and_keeps_the_best(tmp_path: Path) -> None:
    args = FitArgs(
        "rssm", updates=900, batch=4, length=8, interval=5, patience=2, learning_rate=0.0
    )
    world, fitted = fit(tmp_path, args)  # a rate of 0 never gets better than at the first look
    assert (fitted.best_update, fitted.updates) == (5, 15)
    assert torch.equal(world.gru.weight_hh, world_of(pendulum()[0]).gru.weight_hh)


def test_accumulated_batches_make_one_update(tmp_path: Path) -> None:
    train, held_out = pendulum()
    args = FitArgs("rssm", updates=1, batch=4, length=8, accumulate=3, interval=1)
    world, by_hand = world_of(train), world_of(train)
    fit_world(world, train, held_out, args, tmp_path, Console(quiet=True))
    draws = torch.Generator().manual_seed(derive(0, "batch", 0))
    noise = torch.Generator().manual_seed(derive(0, "noise", 0))
    optimizer = torch.optim.AdamW(by_hand.parameters(), lr=1e-3, weight_decay=1e-4)
    losses = [by_hand.loss(train.batch(4, 8, draws), noise)[0] for _ in range(3)]
    (sum(losses) / 3).backward()
    torch.nn.utils.clip_grad_norm_(by_hand.parameters(), 10.0)
    optimizer.step()
    for one, two in zip(world.parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(one, two, atol=2e-4, rtol=0)


def test_what_it_did_can_be_seen_in_tensorboard(tmp_path: Path) -> None:
    fit(tmp_path, FitArgs("rssm", updates=6, batch=4, length=8, interval=2))
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [e.step for e in events.Scalars("loss/held_out")] == [2, 4, 6]
    assert {"loss/train", "train/kl"} <= set(events.Tags()["scalars"])


def test_a_fit_that_explodes_ends_in_a_sentence(tmp_path: Path) -> None:
    train, held_out = pendulum()
    world = Ensemble(3, 1, discrete=False)
    world.adopt(train.whole())
    args = FitArgs("ensemble", batch=4, length=8, learning_rate=1e30)
    with pytest.raises(TrainerError, match="lower the learning rate"):
        fit_world(world, train, held_out, args, tmp_path, Console(quiet=True))
