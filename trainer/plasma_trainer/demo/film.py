# SPDX-License-Identifier: Apache-2.0
"""Films of the robot: what the accident looks like with and without the adapter."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import plasma_edge as pe
from plasma_trainer.envs import fly, make_plant

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # frames go into files: no window, no display

FLIP_TICK = 100
SIZE = (300, 200)
FIRST_TICK = FLIP_TICK - 12
LAST_TICK = FLIP_TICK + 100
FRAME_MS = 50
STRIP_FRAMES = 5
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
            frames.append(_frame(plant.render(), tick))

    policy.reset()
    fly(plant, policy, seed, on_tick)
    if adapter is not None:
        policy.detach("film")
    plant.close()
    return frames


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
    """A rendered frame [H, W, 3] at the size of our films, with a line of text on it."""
    image = Image.fromarray(pixels).resize(SIZE)
    ImageDraw.Draw(image).text((8, 4), caption, fill=color, font=FONT)
    return image.quantize(64)


def _frame(pixels: np.ndarray, tick: int) -> Image.Image:
    after = tick >= FLIP_TICK
    state, color = ("motor reversed", "#c0392b") if after else ("motor as built", "#555555")
    return captioned(pixels, f"tick {tick}: {state}", color)
