# SPDX-License-Identifier: Apache-2.0
"""From a log of episodes to a fitted world, whichever it is: one loop, that survives being killed.

Every random number of update i comes from a seed of (seed, i), so there is no stream of randomness to restore: a fit
that was killed and begun again ends with the same bits as one that was not. A checkpoint is written at every look at
the held-out episodes, whole or not at all.
"""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn

from plasma_trainer.data import Log, Sequences, derive
from plasma_trainer.errors import TrainerError
from plasma_trainer.pipelines.runs import Run, write_whole

MAX_GRAD_NORM = 10.0
WEIGHT_DECAY = 1e-4
HELD_OUT_STRETCHES = 64


@dataclass(frozen=True)
class FitArgs:
    """How a world is fitted. Memory grows with batch × length; `accumulate` such batches make one update."""

    world: str  # what is fitted, to tell runs apart
    updates: int = 3000  # at most
    batch: int = 16  # stretches
    length: int = 32  # steps of a stretch
    accumulate: int = 1
    learning_rate: float = 1e-3
    cooling: float = 0.0  # share of the updates, the last, in which the learning rate falls to 0
    interval: int = (
        100  # updates between two looks at held-out episodes, and between two checkpoints
    )
    patience: int = 8  # looks without improvement before it stops
    seed: int = 0


@dataclass(frozen=True)
class Fitted:
    """How a fit ended: updates done, the best of which is kept; CPU seconds, those before a restart included.

    CPU seconds of one thread are wall seconds on a free core, and do not depend on what else the machine does.
    """

    updates: int
    best_update: int
    held_out_loss: float
    cpu_seconds: float


class Learnable(Protocol):
    """A world, or the eye of one."""

    def loss(
        self, batch: Sequences, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]: ...


def fit_world(
    model: nn.Module, train: Log, held_out: Log, args: FitArgs, out: Path, console: Console
) -> Fitted:
    """Do, or finish, the fit in `out`; `model` ends with the weights that were best on the held-out episodes.

    A World must have adopted its data before. The model's device is where the work is done; on a GPU, in bfloat16
    where that is safe.
    """
    from torch.utils.tensorboard import SummaryWriter  # not needed by who only imagines

    run = Run.begin(out, args)
    fitting = _Fitting(model, train, held_out, args)
    checkpoint = out / "checkpoint.pt"
    if checkpoint.exists():
        fitting.restore(torch.load(checkpoint, weights_only=True, map_location=fitting.device))
    with (
        SummaryWriter(str(out / "tensorboard"), purge_step=fitting.update) as board,
        Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f}, {task.fields[note]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        ) as progress,
    ):
        bar = progress.add_task(
            args.world, total=args.updates, completed=fitting.update, note="starting"
        )
        while not fitting.finished:
            scalars = fitting.interval()
            write_whole(checkpoint, lambda scratch: torch.save(fitting.state(), scratch))
            for name, value in scalars.items():
                board.add_scalar(name, value, fitting.update)
            note = f"held out {scalars['loss/held_out']:.4g}"
            progress.update(bar, completed=fitting.update, note=note)
    model.load_state_dict(fitting.best)
    result = Fitted(fitting.update, fitting.best_update, fitting.best_loss, fitting.cpu_seconds)
    run.finish(result)
    return result


class _Fitting:
    """Everything that changes while a model is fitted."""

    def __init__(self, model: nn.Module, train: Log, held_out: Log, args: FitArgs) -> None:
        self.model, self.train, self.args = model, train, args
        self.device = next(model.parameters()).device
        self.optimizer = torch.optim.AdamW(
            model.parameters(), lr=args.learning_rate, weight_decay=WEIGHT_DECAY
        )
        generator = torch.Generator().manual_seed(derive(args.seed, "held-out"))
        self.held_out = held_out.batch(HELD_OUT_STRETCHES, args.length, generator)
        self.update, self.best_update, self.cpu_seconds = 0, 0, 0.0
        self.best_loss = float("inf")
        self.best = copy.deepcopy(model.state_dict())

    @property
    def finished(self) -> bool:
        """All updates done, or none of the last looks at the held-out episodes was better than an earlier one."""
        waited = self.update - self.best_update
        return self.update >= self.args.updates or waited >= self.args.patience * self.args.interval

    def interval(self) -> dict[str, float]:
        """Updates until the next checkpoint is due, then a look at the held-out episodes. Returns what to plot."""
        begin = time.process_time()
        end = min(self.update + self.args.interval, self.args.updates)
        loss, metrics = torch.zeros(()), {}
        while self.update < end:
            loss, metrics = self._step()
            self.update += 1
        held_out = self._look()
        self.cpu_seconds += time.process_time() - begin
        scalars = {f"train/{name}": float(value) for name, value in metrics.items()}
        return scalars | {"loss/train": float(loss), "loss/held_out": held_out}

    def state(self) -> dict[str, Any]:
        """All of it, as tensors and plain values."""
        names = ("update", "best_update", "best_loss", "cpu_seconds", "best")
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            **{name: getattr(self, name) for name in names},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.model.load_state_dict(state.pop("model"))
        self.optimizer.load_state_dict(state.pop("optimizer"))
        vars(self).update(state)

    def _step(self) -> tuple[Tensor, dict[str, Tensor]]:
        """One update from `accumulate` batches: the loss and the metrics of the last of them."""
        self.optimizer.zero_grad()
        self.optimizer.param_groups[0]["lr"] = self.args.learning_rate * self._warmth
        seeds = (
            derive(self.args.seed, "batch", self.update),
            derive(self.args.seed, "noise", self.update),
        )
        draws = torch.Generator().manual_seed(seeds[0])
        noise = torch.Generator(self.device).manual_seed(seeds[1])
        for _ in range(self.args.accumulate):
            batch = self.train.batch(self.args.batch, self.args.length, draws)
            loss, metrics = self._loss(batch, noise)
            (loss / self.args.accumulate).backward()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), MAX_GRAD_NORM)
        if not torch.isfinite(norm):
            raise TrainerError(
                f"the gradient of {self.args.world} is {float(norm)} at update {self.update}; "
                "lower the learning rate"
            )
        self.optimizer.step()
        return loss.detach(), metrics

    @property
    def _warmth(self) -> float:
        """Share of the learning rate at this update."""
        left = 1.0 - self.update / self.args.updates
        return 1.0 if left >= self.args.cooling else left / self.args.cooling

    @torch.no_grad()
    def _look(self) -> float:
        """The loss on held-out stretches, always the same ones with the same noise; keeps the best weights."""
        noise = torch.Generator(self.device).manual_seed(derive(self.args.seed, "look"))
        loss = float(self._loss(self.held_out, noise)[0])
        if loss < self.best_loss:
            self.best_loss, self.best_update = loss, self.update
            self.best = copy.deepcopy(self.model.state_dict())
        return loss

    def _loss(self, batch: Sequences, noise: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        model: Learnable = self.model  # type: ignore[assignment]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            return model.loss(batch.to(self.device), noise)
