# SPDX-License-Identifier: Apache-2.0
"""Real frames above imagined ones: what a figure in a table looks like."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from plasma_trainer.data import Trajectory
from plasma_trainer.pipelines.open_loop import CONTEXT
from plasma_trainer.world_models import World

SHOWN = (0, 1, 2, 5, 10, 15, 20, 30, 40, 50)  # imagined steps; 0 is the last frame that was seen
SCALE = 2
LABEL_PX = 120
HEADER_PX = 18
FRAME_MS = 80
FONT = ImageFont.load_default(size=12)


@torch.no_grad()
def imagined_frames(world: World, episode: Trajectory, steps: int, seed: int) -> np.ndarray:
    """[steps + 1, H, W, C] uint8: one path under the real actions, from behind the first CONTEXT real steps."""
    device = world.temperature.device
    obs, action = (torch.from_numpy(x).to(device) for x in (episode.obs, episode.action))
    state = world.start(obs[:1])
    for t in range(CONTEXT):
        state = world.observe(state, action[t : t + 1], obs[t + 1 : t + 2])
    generator = torch.Generator(device).manual_seed(seed)
    states = [state]
    for t in range(CONTEXT, CONTEXT + steps):
        states.append(world.imagine(states[-1], action[t : t + 1], generator).state)
    frames = world.decode(torch.cat(states)).round().to(torch.uint8)
    return frames.permute(0, 2, 3, 1).cpu().numpy()


def real_frames(episode: Trajectory, steps: int) -> np.ndarray:
    """[steps + 1, H, W, C] uint8: what really happened."""
    return episode.obs[CONTEXT : CONTEXT + steps + 1].transpose(0, 2, 3, 1)


def save_strip(rows: dict[str, np.ndarray], path: Path) -> None:
    """A PNG with a row of frames per name and a column per step of SHOWN."""
    columns = [t for t in SHOWN if t < min(map(len, rows.values()))]
    chosen = {name: row[columns] for name, row in rows.items()}
    sheet(chosen, [f"+{t}" for t in columns]).save(path)


def save_film(rows: dict[str, np.ndarray], path: Path) -> None:
    """A GIF with the names side by side, one frame per step."""
    steps = min(map(len, rows.values()))
    films = [
        sheet({name: row[t : t + 1] for name, row in rows.items()}, [""]) for t in range(steps)
    ]
    films[0].save(path, save_all=True, append_images=films[1:], duration=FRAME_MS, loop=0)


def sheet(rows: dict[str, np.ndarray], titles: Sequence[str]) -> Image.Image:
    """Frames [K, H, W, C] uint8 side by side, a row per name, under K titles."""
    height, width = (side * SCALE for side in next(iter(rows.values())).shape[1:3])
    size = (LABEL_PX + len(titles) * width, HEADER_PX + len(rows) * height)
    page = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(page)
    for x, title in enumerate(titles):
        draw.text((LABEL_PX + x * width + 4, 2), title, fill="black", font=FONT)
        for y, frames in enumerate(rows.values()):
            tile = Image.fromarray(frames[x]).resize((width, height), Image.Resampling.NEAREST)
            page.paste(tile, (LABEL_PX + x * width, HEADER_PX + y * height))
    for y, name in enumerate(rows):
        draw.text((4, HEADER_PX + y * height + height // 2 - 8), name, fill="black", font=FONT)
    return page
