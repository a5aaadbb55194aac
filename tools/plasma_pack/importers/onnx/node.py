# SPDX-License-Identifier: Apache-2.0
"""One ONNX node with its operands, as the converters of onnx_arithmetic and onnx_layers see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

from plasma_pack.compiler.builder import Arranged, Builder, Ids
from plasma_pack.errors import SourceError
from plasma_pack.importers.onnx.graph import Graph, attributes
from plasma_pack.program.program import Array, DType


@dataclass(frozen=True)
class Node:
    """Operands are live (element ids in ONNX shape) or constant (arrays)."""

    graph: Graph
    builder: Builder
    proto: onnx.NodeProto
    live: Mapping[str, Ids]
    constants: Mapping[str, Array]

    def error(self, message: str) -> SourceError:
        return SourceError(f"{self.graph.where(self.proto)}: {message}")

    @property
    def attributes(self) -> dict[str, Any]:
        return attributes(self.proto)

    def name(self, position: int) -> str:
        return self.proto.input[position] if position < len(self.proto.input) else ""

    def is_live(self, position: int) -> bool:
        return self.name(position) in self.live

    def ids(self, position: int) -> Ids:
        """The elements of a live f32 operand."""
        if not self.is_live(position):
            raise self.error(f"operand {position} is constant, expected one that inputs reach")
        ids = self.live[self.name(position)]
        if self.builder.dtype(ids) is not DType.F32:
            raise self.error("works on an index; one can only be an output, or choose in a Gather")
        return ids

    def index(self, position: int) -> Ids:
        """The elements of a live operand that names rows: an index, or floats converted to one."""
        if not self.is_live(position):
            raise self.error(f"operand {position} is constant, expected one that inputs reach")
        return self.live[self.name(position)]

    def tensor(self, position: int) -> str:
        return self.builder.tensor(self.ids(position))

    def constant(self, position: int, default: Array | None = None) -> Array:
        """A constant operand; `default` when it is left out."""
        name = self.name(position)
        if name in self.constants:
            return self.constants[name]
        if name or default is None:
            raise self.error(f"operand {position} ({name!r}) must be a constant")
        return default

    def wrap(self, tensor: str, shape: tuple[int, ...]) -> list[Ids]:
        return [self.builder.ids(tensor).reshape(shape)]

    def arranged(self, tensor: str, x: Arranged, shape: tuple[int, ...]) -> list[Ids]:
        """A value that lies in `tensor` as x does in its own."""
        return [self.builder.arranged_ids(tensor, x.order).reshape(shape)]

    def map(self, position: int, make: Callable[[Arranged], str]) -> list[Ids]:
        """The result of an operation that treats all elements of a live operand alike."""
        ids = self.ids(position)
        x = self.builder.arrange(ids)
        return self.arranged(make(x), x, ids.shape)

    def spread(self, values: Array, shape: tuple[int, ...]) -> Array:
        """A constant as f64 [n] over the elements of a value of that shape."""
        try:
            return np.broadcast_to(np.asarray(values, np.float64), shape).reshape(-1)
        except ValueError:
            raise self.error(
                f"a constant of shape {values.shape} does not fit a value of shape {shape}"
            ) from None
