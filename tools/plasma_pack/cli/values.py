# SPDX-License-Identifier: Apache-2.0
"""What options of the command line mean: numbers per output, names in pairs, arrays and findings in
files.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from plasma_pack.compiler.limits import PerOutput
from plasma_pack.errors import OptionError
from plasma_pack.observations import Observations


def per_output(option: str, texts: Sequence[str]) -> PerOutput:
    """'-1' or '-1,-2' for every output, 'action=-1,-2' for one; None when the option is not
    given.
    """
    if not texts:
        return None
    named = [text.partition("=") for text in texts]
    if len(texts) == 1 and not named[0][1]:
        return _numbers(option, texts[0])
    if not all(separator for _, separator, _ in named):
        raise OptionError(
            f"{option}: found {', '.join(texts)}; give one list of numbers, or NAME=NUMBERS each"
        )
    return {name: _numbers(option, numbers) for name, _, numbers in named}


def pairs(option: str, texts: Sequence[str]) -> dict[str, str]:
    """'h=h2' as {'h': 'h2'}."""
    found = dict(text.partition("=")[::2] for text in texts)
    if not all(found) or not all(found.values()):
        raise OptionError(f"{option}: found {', '.join(texts)}, expected NAME=…")
    return found


def ranges(option: str, texts: Sequence[str]) -> dict[str, tuple[float, float]]:
    """'obs=-1,2' as {'obs': (-1, 2)}."""
    found = {}
    for name, numbers in pairs(option, texts).items():
        low_high = _numbers(option, numbers)
        if len(low_high) != 2:
            raise OptionError(f"{option}: found {numbers!r} for {name!r}, expected LOW,HIGH")
        found[name] = (low_high[0], low_high[1])
    return found


def load_observations(option: str, path: Path | None) -> Observations:
    """A .npy file with [N, n], or a .npz file with one such array for each input."""
    if path is None:
        return None
    try:
        loaded = np.load(path, allow_pickle=False)
        return (
            loaded
            if isinstance(loaded, np.ndarray)
            else {name: loaded[name] for name in loaded.files}
        )
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise OptionError(
            f"{option}: {path} is not a .npy or .npz file of numbers: {error}"
        ) from error


def load_audit(path: Path | None) -> Mapping[str, Any] | None:
    """A JSON object with 'verdict' and scores."""
    if path is None:
        return None
    try:
        audit = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise OptionError(f"--audit: {path} is not a JSON file: {error}") from error
    if not isinstance(audit, dict):
        raise OptionError(
            f"--audit: {path} holds a {type(audit).__name__}, expected an object with 'verdict'"
        )
    return audit


def moment(option: str, text: str | None) -> int:
    """'2027-11-21', '2027-11-21T12:00' (UTC unless it says otherwise) or Unix seconds; 0 for none."""
    if text is None:
        return 0
    if text.isdecimal():
        return int(text)
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise OptionError(
            f"{option}: found {text!r}, expected a day such as 2027-11-21, or Unix seconds"
        ) from None
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())


def _numbers(option: str, text: str) -> list[float]:
    try:
        return [float(number) for number in text.split(",")]
    except ValueError:
        raise OptionError(
            f"{option}: found {text!r}, expected numbers separated by commas"
        ) from None
