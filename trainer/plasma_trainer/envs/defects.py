# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with a picture: a camera that freezes in places, shows a wrong colour, or overlooks a thing.

A defect is a square window, and stays from where it began. Shapes: frames [T, C, H, W] uint8, masks [T, H, W] bool.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from plasma_trainer.errors import UsageError

SIDE = 24  # pixels of the window
VISIBLE = 24  # grey levels of some channel; less is no defect that anybody could see
CLEAN = 2  # frames before it begins, at least

Window = np.ndarray
"""[T, C, side, side]: what the camera sees there from the last good frame on."""


def background(frames: np.ndarray) -> np.ndarray:
    """[C, H, W] uint8: what is there most of the time, the median over many frames."""
    return np.median(frames, 0).astype(np.uint8)


def _frozen(window: Window, behind: np.ndarray) -> np.ndarray:
    return np.broadcast_to(window[:1], window.shape)


def _wrong_colour(window: Window, behind: np.ndarray) -> np.ndarray:
    """Red for green, green for blue, blue for red."""
    return np.roll(window, 1, axis=1)


def _missing(window: Window, behind: np.ndarray) -> np.ndarray:
    return np.broadcast_to(behind, window.shape)


DEFECTS: dict[str, Callable[[Window, np.ndarray], np.ndarray]] = {
    "frozen patch": _frozen,
    "wrong colour": _wrong_colour,
    "missing object": _missing,
}


def spoil(
    frames: np.ndarray, defect: str, behind: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """An episode's frames as a camera with `defect` shows them, and where that can be seen.

    Its window lies on something that moves, its beginning in the first half of the episode; `seed` says where. `behind`
    [C, H, W] is the background. Raises UsageError for an unknown defect, for frames smaller than the window, or when
    nothing moves.
    """
    if defect not in DEFECTS:
        raise UsageError(f"defect {defect!r} is unknown; choose one of {', '.join(DEFECTS)}")
    rng = np.random.default_rng(seed)
    begin = CLEAN + int(rng.integers(max(1, len(frames) // 2 - CLEAN)))
    moving = np.argwhere(visible(frames, behind[None]).any(0))
    height, width = frames.shape[2:]
    if min(height, width) < SIDE or not len(moving) or begin >= len(frames):
        raise UsageError(
            f"{len(frames)} frames of {height}×{width}, {len(moving)} pixels of which move; expected more than {CLEAN} "
            f"frames of at least {SIDE}×{SIDE} in which something moves"
        )
    centre = moving[rng.integers(len(moving))]
    top, left = np.clip(centre - SIDE // 2, 0, (height - SIDE, width - SIDE))
    rows, columns = slice(top, top + SIDE), slice(left, left + SIDE)
    window = frames[begin - 1 :, :, rows, columns]
    spoilt = frames.copy()
    spoilt[begin:, :, rows, columns] = DEFECTS[defect](window, behind[:, rows, columns])[1:]
    return spoilt, visible(frames, spoilt)


def visible(frames: np.ndarray, others: np.ndarray) -> np.ndarray:
    """[T, H, W] bool: where frames differ by what an eye would notice."""
    return np.abs(frames.astype(np.int16) - others).max(1) > VISIBLE
