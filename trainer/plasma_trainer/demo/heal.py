# SPDX-License-Identifier: Apache-2.0
"""Broken plants, each before and after its adapter: learnt, audited, signed, flown and filmed.

Every figure is of packets in the real environment. Every plant is a stage, so that an interrupted demo goes on where
it was.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rich.console import Console

import plasma_pack
from plasma_trainer.data import derive
from plasma_trainer.demo.film import check_camera, film_episode, save_gif
from plasma_trainer.demo.gallery import table, write_gallery
from plasma_trainer.demo.stages import Figures, Stages
from plasma_trainer.envs import check_variant
from plasma_trainer.errors import UsageError, UselessAdapterError
from plasma_trainer.pipelines.evaluate import load_packet
from plasma_trainer.pipelines.heal import TASKS, Base, file_name, heal, train_base
from plasma_trainer.pipelines.runs import Run, write_json

PLANTS = {
    "CartPole-v1": ("reversed", "length=4", "sensor.swap=0:2", "motor.delay=3"),
    "Pendulum-v1": ("reversed", "gravity=14", "sensor.gain=-1@2", "motor.bias=0.5"),
    "InvertedPendulum-v5": ("reversed", "length=2", "sensor.swap=0:2", "motor.delay=1"),
}


@dataclass(frozen=True)
class HealArgs:
    """What `plasma-train demo heal` asks for."""

    env: str = "CartPole-v1"
    variants: tuple[str, ...] = ()  # none: PLANTS of the environment
    seed: int = 0


def run_heal(args: HealArgs, out: Path, console: Console) -> Figures:
    """Do, or finish, the gallery in `out`; returns the figures of `out`/summary.json. Raises UsageError for a task or
    a plant that it cannot learn, break or film.
    """
    if args.env not in TASKS:
        raise UsageError(f"found task {args.env}; expected one of {', '.join(TASKS)}")
    args = replace(args, variants=args.variants or PLANTS[args.env])
    for variant in args.variants:
        check_camera(args.env, check_variant(variant)).close()
    Run.begin(out, args)
    stages, gallery = Stages(out, console), _Gallery(args, out, console)
    base = gallery.base()
    whole = stages.run("fly", "fly the base on the plant as built", lambda: gallery.whole(base))
    plants = {
        variant: stages.run(
            file_name(variant),
            f"break and heal: {variant}",
            lambda v=variant: gallery.heal(base, v),
        )
        for variant in args.variants
    }
    summary = {
        "env": args.env,
        "seed": args.seed,
        "base": whole | {"bytes": base.packet.stat().st_size, "real_steps": base.real_steps},
        "plants": plants,
    }
    write_json(out / "summary.json", summary)
    console.print(table(summary))
    console.print(f"page: {write_gallery(summary, out)}")
    return summary


@dataclass(frozen=True)
class _Gallery:
    args: HealArgs
    out: Path
    console: Console

    def base(self) -> Base:
        key = self.out / "key.pem"
        if not key.exists():
            plasma_pack.keygen(key, comment="plasma-train demo heal")
        asked = replace(TASKS[self.args.env].train, seed=self.args.seed)
        return train_base(asked, self.out / "base", key, self.console)

    def whole(self, base: Base) -> Figures:
        return {"returns": asdict(base.flown("nominal"))}

    def heal(self, base: Base, variant: str) -> Figures:
        """Returns without and with the adapter, its price, and films of both; or why there is no adapter."""
        name = file_name(variant)
        asked = replace(TASKS[base.env].adapt, seed=self.args.seed)
        figures: Figures = {"broken": asdict(base.flown(variant))}
        self._film(base, variant, None, f"{name}-before.gif")
        adapter = self.out / f"{name}.plasma"
        try:
            healed = heal(base, variant, asked, self.out / name, adapter, self.console)
        except UselessAdapterError as error:
            return figures | {"refused": str(error)}
        self._film(base, variant, adapter, f"{name}-after.gif")
        return figures | {"healed": asdict(healed)}

    def _film(self, base: Base, variant: str, adapter: Path | None, name: str) -> None:
        act = load_packet(base.packet, adapter, base.key.with_suffix(".pub"))
        frames = film_episode(base.env, variant, act, derive(self.args.seed, "film"))
        save_gif(frames, self.out / name)
