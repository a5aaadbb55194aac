# SPDX-License-Identifier: Apache-2.0
"""Films of the robot: what a fault looks like with and without the adapter."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

import plasma_edge as pe
from plasma_trainer.envs import Act, Actuator, fly, make_plant
from plasma_trainer.errors import UsageError

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # frames go into files: no window, no display

FLIP_TICK = 100
SIZE = (300, 200)
FIRST_TICK = FLIP_TICK - 12
LAST_TICK = FLIP_TICK + 100
FRAME_MS = 50
STRIP_FRAMES = 5
GREY, RED = "#555555", "#c0392b"
FONT = ImageFont.load_default(size=16)


def film(env_id: str, policy: pe.Policy, adapter: Path | None, seed: int) -> list[Image.Image]:
    """Frames from shortly before the motor is reversed until the episode ends or the film does."""
    plant = make_plant(env_id, render_mode="rgb_array")
    frames: list[Image.Image] = []

    def on_tick(tick: int) -> None:
        if tick == FLIP_TICK:
            plant.reverse()
            if adapter is not None:
                policy.attach(adapter, name="film")
        if FIRST_TICK <= tick < LAST_TICK:
            after = tick >= FLIP_TICK
            state, color = ("motor reversed", RED) if after else ("motor as built", GREY)
            frames.append(captioned(plant.render(), f"tick {tick}: {state}", color))

    policy.reset()
    fly(plant, policy, seed, on_tick)
    if adapter is not None:
        policy.detach("film")
    plant.close()
    return frames


def film_episode(env_id: str, variant: str, act: Act, seed: int) -> list[Image.Image]:
    """Frames of an episode on a broken plant, until it ends or the film does. Raises UsageError as `check_camera`."""
    plant = check_camera(env_id, variant)
    frames: list[Image.Image] = []

    def on_tick(tick: int) -> None:
        if tick < LAST_TICK:
            frames.append(captioned(plant.render(), f"tick {tick}", GREY))

    episode = fly(plant, act, seed, on_tick)
    if episode.terminated and len(frames) < LAST_TICK:
        frames.append(captioned(plant.render(), f"tick {len(frames)}: it is over", RED))
    plant.close()
    return frames


def check_camera(env_id: str, variant: str) -> Actuator:
    """A plant that can be filmed. Raises UsageError where it cannot be rendered: better before than after learning."""
    plant = make_plant(env_id, variant, render_mode="rgb_array")
    plant.reset(seed=0)
    try:
        plant.render()
    except Exception as error:  # every engine has errors of its own
        raise UsageError(
            f"{env_id} cannot be rendered here ({error}); install what its renderer needs, or for MuJoCo without a "
            "display set MUJOCO_GL=egl or MUJOCO_GL=osmesa"
        ) from error
    return plant


def save_gif(frames: list[Image.Image], path: Path) -> None:
    """An endless GIF that rests on its last frame."""
    durations = [FRAME_MS] * (len(frames) - 1) + [1500]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=durations, loop=0)


def save_strip(frames: list[Image.Image], path: Path) -> None:
    """Frames side by side, evenly spread over the film."""
    chosen = [frames[i] for i in np.linspace(0, len(frames) - 1, STRIP_FRAMES).round().astype(int)]
    strip = Image.new("RGB", (SIZE[0] * len(chosen), SIZE[1]), "white")
    for index, frame in enumerate(chosen):
        strip.paste(frame.convert("RGB"), (index * SIZE[0], 0))
    strip.save(path)


def captioned(pixels: np.ndarray, caption: str, color: str) -> Image.Image:
    """A rendered frame [H, W, 3] within the size of our films, with a line of text on it."""
    image = ImageOps.pad(Image.fromarray(pixels), SIZE, color="white")
    ImageDraw.Draw(image).text((8, 4), caption, fill=color, font=FONT)
    return image.quantize(64)
