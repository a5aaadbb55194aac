# SPDX-License-Identifier: Apache-2.0
"""One ONNX node with its operands, as the converters of onnx_arithmetic and onnx_layers see it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

from plasma_pack.compiler.builder import Builder
from plasma_pack.compiler.elements import MAX_ELEMENTS, Arranged, Ids
from plasma_pack.errors import SourceError
from plasma_pack.importers.onnx.graph import Graph, attributes
from plasma_pack.program.program import Array


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
        """The elements of a live operand, of an index the numbers that it is."""
        return self.builder.numbers(self.index(position))

    def elements(self, position: int) -> Ids:
        """The elements of an operand, live or constant."""
        if self.is_live(position):
            return self.ids(position)
        values = self.constant(position)
        return self.builder.constant_ids(values)

    def number(self, value: float) -> Ids:
        """The one element of a constant."""
        return self.builder.constant_ids(np.full(1, value))

    def shape(self, position: int) -> tuple[int, ...]:
        name = self.name(position)
        return self.live[name].shape if name in self.live else self.constants[name].shape

    def broadcast(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """The shape that all of these fit, if a value may be as large."""
        shape: tuple[int, ...] = max(shapes, key=math.prod)
        if len(shapes) > 1 and math.prod(shape) <= MAX_ELEMENTS:
            try:
                shape = np.broadcast_shapes(*shapes)
            except ValueError:
                raise self.error(f"combines values of shapes {shapes}, which do not fit") from None
        if math.prod(shape) > MAX_ELEMENTS:
            raise self.error(f"makes a value {shape}; expected at most {MAX_ELEMENTS} elements")
        return shape

    def type_of(self, position: int) -> int:
        return self.graph.type_of(self.name(position), self.constants)

    def is_of(self, position: int, *types: int) -> bool:
        return self.type_of(position) in types

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

    def together(self, make: Callable[..., str], count: int) -> list[Ids]:
        """make: (builder, tensors…) → y, all of one shape, of the first `count` operands."""
        return self.combine(make, [self.elements(k) for k in range(count)])

    def combine(self, make: Callable[..., str], operands: Sequence[Ids]) -> list[Ids]:
        """The first that is not repeated stays where it lies, the others are laid out like it."""
        shape = self.broadcast(*(ids.shape for ids in operands))
        whole = [k for k, ids in enumerate(operands) if ids.size == math.prod(shape)]
        spread = [np.broadcast_to(ids, shape) for ids in operands]
        lead = whole[0] if whole else len(operands) - 1
        x = self.builder.arrange(spread[lead])
        dims = self.builder.spans[x.name].dims
        names = [
            x.name if k == lead else self.builder.tensor(x.constant(ids.reshape(-1)), dims)
            for k, ids in enumerate(spread)
        ]
        return self.arranged(make(self.builder, *names), x, shape)

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
