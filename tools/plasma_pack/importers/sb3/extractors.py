# SPDX-License-Identifier: Apache-2.0
"""Features extractors: NatureCNN for images, nn.Flatten for the rest, and both side by side for the
members of a Dict.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from plasma_pack.compiler.elements import Ids
from plasma_pack.errors import SourceError
from plasma_pack.importers.sb3.observations import Seen
from plasma_pack.importers.state_dict.network import Network, Pixels


def features(network: Network, seen: Mapping[str | None, Seen], prefix: str) -> Ids:
    """What the extractor of this name makes of the observations."""
    parts = [
        _part(network, value, prefix if key is None else f"{prefix}extractors.{key}.")
        for key, value in seen.items()
    ]
    return np.concatenate(parts)


def _part(network: Network, seen: Seen, prefix: str) -> Ids:
    if not network.has(f"{prefix}cnn."):
        return _flat(network, seen)
    image = seen if isinstance(seen, Pixels) else Pixels(seen, 1.0)
    if image.ids.ndim != 3:
        raise SourceError(f"policy.pth: {prefix}cnn sees {image.ids.shape}, expected an image")
    return network.nature_cnn(image, prefix)


def _flat(network: Network, seen: Seen) -> Ids:
    if not isinstance(seen, Pixels):
        return seen.reshape(-1)
    if seen.scale == 1.0:
        return seen.ids.reshape(-1)
    shape = seen.ids.shape
    return network.affine(seen.ids, np.zeros(shape), np.full(shape, seen.scale)).reshape(-1)
