# SPDX-License-Identifier: Apache-2.0
"""Maps for people and tools (manifest, audit) as canonical CBOR: a map has one encoding only."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import cbor2
import numpy as np

from plasma_pack.errors import OptionError, packet_error


def encode_map(values: Mapping[str, Any], what: str) -> bytes:
    """Numbers, text, bytes, lists and maps of them; numpy values become plain ones. Raises OptionError."""
    return cbor2.dumps(_plain(values, what), canonical=True)


def decode_map(encoded: bytes, what: str, code: str) -> Mapping[str, Any]:
    """One canonical map with text keys and nothing after it; anything else raises PacketError(code)."""
    try:
        value = cbor2.CBORDecoder(BytesIO(encoded)).decode()
        is_canonical = cbor2.dumps(value, canonical=True) == encoded
    except (
        cbor2.CBORError,
        ValueError,
        TypeError,
        RecursionError,
        MemoryError,
        OverflowError,
    ) as error:
        raise packet_error(code, f"the {what} is not CBOR") from error
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise packet_error(code, f"the {what} is not a CBOR map with text keys")
    if not is_canonical:
        raise packet_error(code, f"the {what} is not one map in canonical CBOR")
    return value


def _plain(value: Any, what: str) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item, what) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(item, what) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return value
    raise OptionError(
        f"{what}: a {type(value).__name__} cannot be signed; use numbers, text, lists and dicts"
    )
