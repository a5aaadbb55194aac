# SPDX-License-Identifier: Apache-2.0
"""From an environment that is only seen through its camera to a signed packet that flies it from frames."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
from rich.console import Console

from plasma_trainer.data import Log, collect_log, derive, random_act
from plasma_trainer.envs import make_pixel_plant
from plasma_trainer.pipelines.audit import audit, read_section
from plasma_trainer.pipelines.camera_packet import Camera, Flight, export_camera, fly_camera
from plasma_trainer.pipelines.evaluate import CONFIRMING_EPISODES
from plasma_trainer.pipelines.open_loop import CONTEXT
from plasma_trainer.pipelines.pixels import PixelArgs, PixelSkill, train_pixels
from plasma_trainer.pipelines.runs import write_json
from plasma_trainer.pipelines.solve import Solution, check_key, key_of
from plasma_trainer.pipelines.strips import imagined_frames, real_frames, save_film, save_strip

SHOWN_STEPS = 40  # of a world's imagination


def solve_pixels(args: PixelArgs, key: Path | None, out: Path, console: Console) -> Solution:
    """Do, or finish, the experiment in `out`: as solve.solve, and a strip and a film of what the world imagines."""
    check_key(key)
    skill, trained = train_pixels(args, out, console)
    learning = {
        "goal": "reached" if trained.solved else "not reached",
        "real steps": f"{trained.real_steps:,}",
        "return, torch": str(trained.returns),
    }
    draw(skill, out, derive(args.seed, "film"))
    with console.status("auditing: one real episode decides"):
        report = audit(skill, out, canary=True, seed=args.seed)
    if not trained.solved or report.verdict == "failed":
        return Solution(learning, report.verdict, None, None)
    key = key or key_of(out, console)
    packet = out / "policy.plasma"
    flight = _pack_and_fly(skill, args, key, packet, console)
    write_json(out / "solution.json", {"real_steps": trained.real_steps, "flight": asdict(flight)})
    apart = "of choices differ" if skill.learner.policy.discrete else "of the range apart at most"
    learning["packet beside torch"] = f"{flight.apart:.2%} {apart}, {flight.frames:,} frames"
    learning["packet"] = f"{flight.step_us:.0f} µs a frame"
    return Solution(learning, report.verdict, packet, flight.returns)


def _pack_and_fly(
    skill: PixelSkill, args: PixelArgs, key: Path, packet: Path, console: Console
) -> Flight:
    policy, plant = skill.learner.policy, make_pixel_plant(args.env)
    with console.status("compiling and signing"):
        frames = np.concatenate([episode.obs for episode in skill.learner.first.episodes])
        export_camera(skill.eye, policy, frames, key, packet, read_section(packet.parent))
    with console.status("flying the packet"):
        camera, seed = Camera(skill.eye, policy).eval(), derive(args.seed, "packet")
        return fly_camera(plant, camera, packet, key.with_suffix(".pub"), CONFIRMING_EPISODES, seed)


def draw(skill: PixelSkill, out: Path, seed: int) -> None:
    """An episode that nothing was fitted to, real and as the world goes on with it: out/strip.png, out/film.gif."""
    episode = max(_fresh(skill, seed).episodes, key=len)
    steps = min(SHOWN_STEPS, len(episode) - CONTEXT)
    if steps < 1:
        return  # it ends before a world has seen enough to go on
    world = skill.learner.through
    rows = {
        "real": real_frames(episode, steps),
        "imagined": imagined_frames(world, episode, steps, seed),
    }
    save_strip(rows, out / "strip.png")
    save_film(rows, out / "film.gif")


def _fresh(skill: PixelSkill, seed: int) -> Log:
    plant = make_pixel_plant(skill.env)
    act = random_act(plant.action_space, seed)
    return collect_log(plant, act, CONTEXT + SHOWN_STEPS, seed, CONTEXT + SHOWN_STEPS)
