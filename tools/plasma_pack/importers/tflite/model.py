# SPDX-License-Identifier: Apache-2.0
"""A TensorFlow Lite file as plain records: tensors by name, operators in order.

The format is a flatbuffer; the package `tflite` knows its tables. A broken file makes them fail in
many ways, all of which are one SourceError here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from plasma_pack.errors import SourceError

IDENTIFIER = b"TFL3"  # from byte 4 on
MAX_OPERATORS, MAX_TENSORS, MAX_ELEMENTS = 10_000, 50_000, 1 << 24
BROKEN = (
    *(struct.error, ValueError, TypeError, IndexError, KeyError, AttributeError),
    *(OverflowError, ZeroDivisionError),
)
_DTYPES: dict[str, np.dtype[Any]] = {
    "FLOAT32": np.dtype("<f4"),
    "FLOAT16": np.dtype("<f2"),
    "INT8": np.dtype("i1"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "BOOL": np.dtype("?"),
}
AnyArray = npt.NDArray[Any]
FLOAT_ONLY = "convert the model with float activations; plasma-pack quantises it"


@dataclass(frozen=True)
class Tensor:
    """shape: static. type: as TensorFlow Lite calls it. values: of a constant; int8 ones as f32."""

    name: str
    type: str
    shape: tuple[int, ...]
    values: AnyArray | None


@dataclass(frozen=True)
class Operator:
    """options: attributes by their names in the schema. inputs: None where one is left out."""

    op: str
    index: int
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]
    options: Any

    def __str__(self) -> str:
        return f"{self.op} operator {self.index}"

    def option(self, name: str, default: Any = 0) -> Any:
        return default if self.options is None else getattr(self.options, name)()


# (name, tensor); the name is that of the signature, if the file has one.
Ports = tuple[tuple[str, Tensor], ...]


@dataclass(frozen=True)
class Model:
    inputs: Ports
    outputs: Ports
    operators: tuple[Operator, ...]


def is_tflite(data: bytes) -> bool:
    return data[4:8] == IDENTIFIER


def read_model(data: bytes) -> Model:
    """Raises SourceError when the file is broken, or holds more than one graph."""
    tables = _tables()
    try:
        root = tables.Model.GetRootAsModel(data, 0)
        if root.SubgraphsLength() != 1:
            raise SourceError(
                f"the file has {root.SubgraphsLength()} graphs, expected one; export without "
                "control flow"
            )
        return _Reader(tables, root).model()
    except SourceError:
        raise
    except BROKEN as error:
        raise SourceError(f"the file is not whole TensorFlow Lite: {error}") from error


def _tables() -> ModuleType:
    try:
        import tflite  # type: ignore[import-untyped]
    except ImportError as error:
        raise SourceError(
            "a TensorFlow Lite file needs the package tflite; "
            "run: pip install 'plasma-edge[tflite]'"
        ) from error
    tables: ModuleType = tflite
    return tables


class _Reader:
    def __init__(self, tables: ModuleType, root: Any) -> None:
        self.tables = tables
        self.root = root
        self.graph = root.Subgraphs(0)
        if self.graph.TensorsLength() > MAX_TENSORS or self.graph.OperatorsLength() > MAX_OPERATORS:
            raise SourceError(
                f"the graph has {self.graph.TensorsLength()} tensors and "
                f"{self.graph.OperatorsLength()} operators, expected at most {MAX_TENSORS:,} and "
                f"{MAX_OPERATORS:,}"
            )
        self.types = _names(tables.TensorType)
        self.ops = _names(tables.BuiltinOperator)
        self.tensors = [self._tensor(index) for index in range(self.graph.TensorsLength())]

    def model(self) -> Model:
        return Model(
            tuple(self._ports(self.graph.InputsAsNumpy(), "Inputs")),
            tuple(self._ports(self.graph.OutputsAsNumpy(), "Outputs")),
            tuple(self._operator(index) for index in range(self.graph.OperatorsLength())),
        )

    def _tensor(self, index: int) -> Tensor:
        tensor = self.graph.Tensors(index)
        name = f"{_text(tensor.Name())}#{index}"  # names need not be unique
        shape = tuple(int(n) for n in _numbers(tensor.ShapeAsNumpy()))
        signature = [int(n) for n in _numbers(tensor.ShapeSignatureAsNumpy())]
        if any(n < 0 for n in (*shape, *signature[1:])):
            raise SourceError(f"tensor {name!r} has shape {signature or shape}; export static ones")
        if np.prod([float(n) for n in shape]) > MAX_ELEMENTS:
            raise SourceError(f"tensor {name!r} has shape {shape}, too large")
        kind = self.types[tensor.Type()]
        return Tensor(name, kind, shape, self._values(tensor, kind, shape, name))

    def _values(self, tensor: Any, kind: str, shape: tuple[int, ...], name: str) -> AnyArray | None:
        buffer = self.root.Buffers(tensor.Buffer())
        if buffer.DataLength() == 0:
            if buffer.Offset() > 1:
                raise SourceError(f"{name!r} lies outside the flatbuffer: the file is over 2 GB")
            return None
        if kind not in _DTYPES:
            raise SourceError(f"tensor {name!r} is {kind}; {FLOAT_ONLY}")
        raw: bytes = buffer.DataAsNumpy().tobytes()
        values: AnyArray = np.frombuffer(raw, _DTYPES[kind]).reshape(shape)
        return _dequantized(tensor.Quantization(), values) if kind == "INT8" else values

    def _operator(self, index: int) -> Operator:
        operator = self.graph.Operators(index)
        code = self.root.OperatorCodes(operator.OpcodeIndex())
        op = self.ops[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
        if op == "CUSTOM":
            raise SourceError(f"custom operator {_text(code.CustomCode())!r} is not supported")
        inputs = [self._at(k) if k >= 0 else None for k in _numbers(operator.InputsAsNumpy())]
        outputs = [self._at(k) for k in _numbers(operator.OutputsAsNumpy())]
        return Operator(op, index, tuple(inputs), tuple(outputs), self._options(operator))

    def _at(self, index: int) -> Tensor:
        if not 0 <= index < len(self.tensors):
            raise SourceError(f"the graph has no tensor {index}")
        return self.tensors[index]

    def _options(self, operator: Any) -> Any:
        union = operator.BuiltinOptions()
        if union is None:
            return None
        name = _names(self.tables.BuiltinOptions)[operator.BuiltinOptionsType()]
        options = getattr(self.tables, name)()
        options.Init(union.Bytes, union.Pos)
        return options

    def _ports(self, indices: Any, which: str) -> Iterator[tuple[str, Tensor]]:
        named = {}
        if self.root.SignatureDefsLength() == 1:
            signature = self.root.SignatureDefs(0)
            for k in range(getattr(signature, f"{which}Length")()):
                entry = getattr(signature, which)(k)
                named[int(entry.TensorIndex())] = _text(entry.Name())
        for index in _numbers(indices):
            tensor = self._at(index)
            yield named.get(int(index), tensor.name.rpartition("#")[0]), tensor


def _dequantized(by: Any, values: AnyArray) -> AnyArray:
    """Weights of dynamic range quantisation: scale · (q − zero), row by row or all alike."""
    scales, zeros = by.ScaleAsNumpy(), by.ZeroPointAsNumpy()
    shape = np.ones(values.ndim, np.int64)
    shape[by.QuantizedDimension()] = scales.size
    shifted: AnyArray = values.astype(np.float64) - zeros.reshape(shape)
    with np.errstate(over="ignore"):  # weights that are not finite are refused
        weights: AnyArray = (shifted * scales.reshape(shape)).astype(np.float32)
    return weights


def _numbers(array: Any) -> list[int]:
    """A vector of a flatbuffer; one that is not there is 0."""
    return [] if isinstance(array, int) else [int(n) for n in array]


def _text(name: bytes | None) -> str:
    return (name or b"").decode("utf-8", "replace")


def _names(enumeration: Any) -> dict[int, str]:
    return {value: name for name, value in vars(enumeration).items() if isinstance(value, int)}
