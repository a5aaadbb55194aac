# SPDX-License-Identifier: Apache-2.0
"""What each ONNX operator becomes. One function an operator; `OPERATORS` is the list of what is
supported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

from .builder import Builder, Ids
from .errors import SourceError
from .onnx_graph import Graph, attributes, module_path
from .program import Array, DType

LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Converter:
    """One node with its operands: live ones are ids in ONNX shape, the others constants."""

    graph: Graph
    builder: Builder
    node: onnx.NodeProto
    live: Mapping[str, Ids]
    constants: Mapping[str, Array]

    def error(self, message: str) -> SourceError:
        return SourceError(f"{self.graph.where(self.node)}: {message}")

    @property
    def attributes(self) -> dict[str, Any]:
        return attributes(self.node)

    def name(self, position: int) -> str:
        return self.node.input[position] if position < len(self.node.input) else ""

    def is_live(self, position: int) -> bool:
        return self.name(position) in self.live

    def ids(self, position: int) -> Ids:
        """The elements of a live f32 operand."""
        if not self.is_live(position):
            raise self.error(
                f"operand {position} is a constant, expected a value that depends on the inputs"
            )
        ids = self.live[self.name(position)]
        if self.builder.dtype(ids) is not DType.F32:
            raise self.error("works on the index that ArgMax gives; an index can only be an output")
        return ids

    def tensor(self, position: int) -> str:
        return self.builder.tensor(self.ids(position))

    def constant(self, position: int, default: Array | None = None) -> Array:
        name = self.name(position)
        if name in self.constants:
            return self.constants[name]
        if name or default is None:
            raise self.error(f"operand {position} ({name!r}) must be a constant")
        return default

    def wrap(self, tensor: str, shape: tuple[int, ...]) -> list[Ids]:
        return [self.builder.ids(tensor).reshape(shape)]

    def spread(self, values: Array, shape: tuple[int, ...]) -> Array:
        """A constant as f64 [n] over the elements of a live value."""
        try:
            spread = np.broadcast_to(np.asarray(values, np.float64), shape)
        except ValueError:
            raise self.error(
                f"a constant of shape {values.shape} does not fit a value of shape {shape}"
            ) from None
        return spread.reshape(-1)

    def row(self, ids: Ids) -> str:
        """A live value whose leading dimensions are 1, as a vector."""
        if ids.size != ids.shape[-1]:
            raise self.error(
                f"found a batch of {ids.size // ids.shape[-1]}; export with batch 1 or a dynamic batch"
            )
        return self.builder.tensor(ids)


def _unary(op: str) -> Callable[[Converter], list[Ids]]:
    def convert(c: Converter) -> list[Ids]:
        return c.wrap(c.builder.unary(op, c.tensor(0)), c.ids(0).shape)

    return convert


def _with_alpha(op: str, default: float) -> Callable[[Converter], list[Ids]]:
    def convert(c: Converter) -> list[Ids]:
        alpha = float(c.attributes.get("alpha", default))
        return c.wrap(c.builder.unary(op, c.tensor(0), (alpha,)), c.ids(0).shape)

    return convert


def _gemm(c: Converter) -> list[Ids]:
    a = c.attributes
    if a.get("transA", 0):
        raise c.error("transA is set; export the policy with the batch first")
    x = c.row(c.ids(0))
    weights = c.constant(1).astype(np.float32)
    weights = weights if a.get("transB", 0) else weights.T
    rows = weights.shape[0]
    bias = c.spread(c.constant(2, np.zeros(1)), (rows,) if c.name(2) == "" else (1, rows))
    label = module_path(c.node, c.name(1))
    scaled = weights * np.float32(a.get("alpha", 1.0))
    return c.wrap(c.builder.linear(x, scaled, bias * a.get("beta", 1.0), label), (1, rows))


def _matmul(c: Converter) -> list[Ids]:
    if c.is_live(1):
        raise c.error(
            "multiplies two values that both depend on the inputs; only constant weights are supported"
        )
    ids = c.ids(0)
    weights = c.constant(1).astype(np.float32)
    if weights.ndim != 2:
        raise c.error(f"the weights have shape {weights.shape}, expected [in, out]")
    y = c.builder.linear(c.row(ids), weights.T, None, module_path(c.node, c.name(1)))
    return c.wrap(y, (*ids.shape[:-1], weights.shape[1]))


def _pair(c: Converter, op: str) -> list[Ids]:
    a, b = c.ids(0), c.ids(1)
    shape = np.broadcast_shapes(a.shape, b.shape)
    if a.size != b.size or a.size != np.prod(shape):
        raise c.error(
            f"combines values of shapes {a.shape} and {b.shape}; expected the same number of elements"
        )
    return c.wrap(c.builder.binary(op, c.builder.tensor(a), c.builder.tensor(b)), shape)


def _split_pair(c: Converter) -> tuple[Ids, Array, tuple[int, ...]]:
    """(live ids, constant as f64 [n], shape) of an operator between a live value and a constant."""
    live = 0 if c.is_live(0) else 1
    ids, values = c.ids(live), c.constant(1 - live)
    shape = np.broadcast_shapes(ids.shape, values.shape)
    if int(np.prod(shape)) != ids.size:
        raise c.error(f"repeats a value of shape {ids.shape} to {shape}; that is not supported")
    return ids, c.spread(values, shape), shape


def _add(c: Converter) -> list[Ids]:
    if c.is_live(0) and c.is_live(1):
        return _pair(c, "add")
    ids, values, shape = _split_pair(c)
    return c.wrap(c.builder.shift(c.builder.tensor(ids), values), shape)


def _sub(c: Converter) -> list[Ids]:
    if c.is_live(0) and c.is_live(1):
        return _pair(c, "sub")
    ids, values, shape = _split_pair(c)
    x = c.builder.shift(c.builder.tensor(ids), -values)
    return c.wrap(x if c.is_live(0) else c.builder.scale(x, np.full(ids.size, -1.0)), shape)


def _mul(c: Converter) -> list[Ids]:
    if c.is_live(0) and c.is_live(1):
        return _pair(c, "mul")
    ids, values, shape = _split_pair(c)
    return c.wrap(c.builder.scale(c.builder.tensor(ids), values), shape)


def _div(c: Converter) -> list[Ids]:
    if c.is_live(1):
        raise c.error("divides by a value that depends on the inputs; only constants may divide")
    ids, values, shape = _split_pair(c)
    if (values == 0).any():
        raise c.error("divides by zero; check the statistics the observations are normalised with")
    return c.wrap(c.builder.scale(c.builder.tensor(ids), 1 / values), shape)


def _neg(c: Converter) -> list[Ids]:
    ids = c.ids(0)
    return c.wrap(c.builder.scale(c.builder.tensor(ids), np.full(ids.size, -1.0)), ids.shape)


def _limit(c: Converter, low: Array, high: Array) -> list[Ids]:
    ids = c.ids(0)
    limits = [np.clip(c.spread(values, ids.shape), -LARGEST, LARGEST) for values in (low, high)]
    return c.wrap(c.builder.emit("clamp", [c.builder.tensor(ids)], ids.size, limits), ids.shape)


def _clip(c: Converter) -> list[Ids]:
    a = c.attributes  # before opset 11 the limits were attributes
    return _limit(
        c,
        c.constant(1, np.array(a.get("min", -LARGEST))),
        c.constant(2, np.array(a.get("max", LARGEST))),
    )


def _one_sided(c: Converter, is_max: bool) -> list[Ids]:
    if len(c.node.input) != 2 or (c.is_live(0) and c.is_live(1)):
        raise c.error("is supported between one value and one constant only")
    ids, values, shape = _split_pair(c)
    limits = (
        [values, np.full(ids.size, LARGEST)] if is_max else [np.full(ids.size, -LARGEST), values]
    )
    return c.wrap(c.builder.emit("clamp", [c.builder.tensor(ids)], ids.size, limits), shape)


def _layer_norm(c: Converter) -> list[Ids]:
    ids = c.ids(0)
    axis = c.attributes.get("axis", -1) % ids.ndim
    if np.prod(ids.shape[axis:]) != ids.size:
        raise c.error(
            f"normalises axis {axis} of shape {ids.shape}; expected all elements of one vector"
        )
    gain = c.spread(c.constant(1), ids.shape)
    bias = c.spread(c.constant(2, np.zeros(1)), ids.shape)
    eps = float(c.attributes.get("epsilon", 1e-5))
    y = c.builder.emit("layer_norm", [c.builder.tensor(ids)], ids.size, [gain, bias], (eps,))
    return c.wrap(y, ids.shape)


def _gru(c: Converter) -> list[Ids]:
    a = c.attributes
    if (
        a.get("direction", "forward") != "forward"
        or a.get("layout", 0) != 0
        or c.name(4)
        or "clip" in a
    ):
        raise c.error("expected one forward direction, layout 0, no sequence lengths, no clipping")
    if a.get("activations", ["Sigmoid", "Tanh"]) not in (
        ["Sigmoid", "Tanh"],
        [b"Sigmoid", b"Tanh"],
    ):
        raise c.error("expected the activations Sigmoid and Tanh")
    if a.get("linear_before_reset", 0) != 1:
        raise c.error(
            "linear_before_reset is 0; the machine has the form of torch.nn.GRU, which exports as 1"
        )
    x = c.ids(0)
    if x.size != x.shape[-1]:
        raise c.error(
            f"found {x.shape[0]} steps of a batch of {x.shape[1]}; export one step: input [1, 1, n]"
        )
    hidden = int(a["hidden_size"])
    biases = c.constant(3, np.zeros((1, 6 * hidden), np.float32))[0]
    path = module_path(c.node, "") or "gru"
    h = c.tensor(5)
    gates = [
        c.builder.linear(source, _gates(c.constant(k)[0]), _gates(bias), f"{path}.{part}")
        for source, k, bias, part in (
            (c.builder.tensor(x), 1, biases[: 3 * hidden], "ih"),
            (h, 2, biases[3 * hidden :], "hh"),
        )
    ]
    y = c.builder.emit("gru", [*gates, h], hidden)
    return [*c.wrap(y, (1, 1, 1, hidden)), *c.wrap(y, (1, 1, hidden))]


def _gates(rows: Array) -> Array:
    """ONNX keeps the gates as z, r, h; the machine as r, z, c."""
    z, r, h = np.split(rows, 3)
    return np.concatenate([r, z, h])


def _argmax(c: Converter) -> list[Ids]:
    a, ids = c.attributes, c.ids(0)
    axis = a.get("axis", 0) % ids.ndim
    if a.get("select_last_index", 0) or ids.shape[axis] != ids.size:
        raise c.error(
            f"picks along axis {axis} of shape {ids.shape}; expected the first largest of all elements"
        )
    shape = tuple(
        1 if i == axis else n for i, n in enumerate(ids.shape) if a.get("keepdims", 1) or i != axis
    )
    return c.wrap(c.builder.emit("argmax", [c.builder.tensor(ids)], 1, dtype=DType.I32), shape)


def _cast(c: Converter) -> list[Ids]:
    ids = c.live[c.name(0)]
    to = c.attributes["to"]
    is_index = c.builder.dtype(ids) is DType.I32
    whole = (onnx.TensorProto.INT32, onnx.TensorProto.INT64)
    if to not in (whole if is_index else (onnx.TensorProto.FLOAT,)):
        raise c.error(
            f"converts to {onnx.TensorProto.DataType.Name(to)}; export the policy in float32"
        )
    return [ids]


OPERATORS: dict[str, Callable[[Converter], list[Ids]]] = {
    "Add": _add,
    "ArgMax": _argmax,
    "Cast": _cast,
    "Clip": _clip,
    "Div": _div,
    "Elu": _with_alpha("elu", 1.0),
    "GRU": _gru,
    "Gemm": _gemm,
    "LayerNormalization": _layer_norm,
    "LeakyRelu": _with_alpha("leaky_relu", 0.01),
    "MatMul": _matmul,
    "Max": lambda c: _one_sided(c, is_max=True),
    "Min": lambda c: _one_sided(c, is_max=False),
    "Mul": _mul,
    "Neg": _neg,
    "Relu": _unary("relu"),
    "Sigmoid": _unary("sigmoid"),
    "Sub": _sub,
    "Tanh": _unary("tanh"),
}
