# SPDX-License-Identifier: Apache-2.0
"""Maps of errors as heat, below the frames they are of: what a person sees at a glance."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
from torch import Tensor

from plasma_trainer.pipelines.runs import write_whole
from plasma_trainer.pipelines.strips import sheet
from plasma_trainer.pipelines.surprise import Foretold, Spoilt

EACH = 3  # frames without a defect, and with each
HOTTEST_ERROR = 0.4  # of the range of a pixel
HOTTEST_PREDICTED = 0.1
HOTTEST_SURPRISE = 2.0  # of what is an alarm
HEAT = matplotlib.colormaps["inferno"]
OUTLINE = (0, 160, 60)


def draw(clean: Foretold, spoilt: dict[str, Spoilt], alarm: float, path: Path) -> None:
    """A PNG: columns of frames without a defect and with each, a box around what is wrong."""
    nothing = np.zeros(clean.error.shape, bool)
    parts = [_rows(clean, nothing, alarm, _spread(len(nothing)))]
    titles = ["clean"] * EACH
    for defect, seen in spoilt.items():
        told = seen.told.nonzero()[:, 0].numpy()
        if not len(told):
            continue
        parts.append(_rows(seen.seen, seen.where.numpy(), alarm, told[_spread(len(told))]))
        titles += [defect] * EACH
    rows = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    write_whole(path, lambda scratch: sheet(rows, titles).save(scratch, "PNG"))


def _spread(count: int) -> np.ndarray:
    """EACH rows of `count`, evenly spread."""
    return np.linspace(0, count - 1, EACH + 2).astype(int)[1:-1]


def _rows(
    seen: Foretold, where: np.ndarray, alarm: float, chosen: np.ndarray
) -> dict[str, np.ndarray]:
    """[EACH, H, W, 3] uint8 by name."""
    frames, pictures = (_shown(x[chosen]) for x in (seen.frames, seen.pictures))
    for frame, mask in zip(frames, where[chosen], strict=True):
        _box(frame, mask)
    return {
        "real": frames,
        "imagined": pictures,
        "error": _heat(seen.error[chosen], HOTTEST_ERROR),
        "predicted error": _heat(seen.maps.predicted[chosen], HOTTEST_PREDICTED),
        "surprise": _heat(seen.maps.surprise[chosen], HOTTEST_SURPRISE * alarm),
    }


def _shown(frames: Tensor) -> np.ndarray:
    return np.ascontiguousarray(frames.permute(0, 2, 3, 1).numpy())


def _heat(maps: Tensor, hottest: float) -> np.ndarray:
    """[K, H, W] -> [K, H, W, 3] uint8: black for 0, nearly white for `hottest` and more."""
    return HEAT(np.clip(maps.numpy() / hottest, 0.0, 1.0), bytes=True)[..., :3]


def _box(frame: np.ndarray, mask: np.ndarray) -> None:
    """Outline what is True in mask [H, W], if anything."""
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    if not len(rows):
        return
    top, left = max(rows[0] - 2, 0), max(columns[0] - 2, 0)
    bottom, right = (
        min(x[-1] + 2, side - 1) for x, side in ((rows, len(mask)), (columns, mask.shape[1]))
    )
    frame[[top, bottom], left : right + 1] = OUTLINE
    frame[top : bottom + 1, [left, right]] = OUTLINE
