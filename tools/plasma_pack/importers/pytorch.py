# SPDX-License-Identifier: Apache-2.0
"""torch modules and programs of torch.export, through torch's own ONNX exporter."""

from __future__ import annotations

import inspect
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnx

from plasma_pack.errors import OptionError, SourceError
from plasma_pack.importers.objects import is_a
from plasma_pack.program.program import Array

Example = Array | Mapping[str, Array] | None


def is_pytorch(source: object) -> bool:
    return is_a(source, "torch.Module", "torch.ExportedProgram")


def to_onnx(source: Any, example: Example) -> onnx.ModelProto:
    """example: observations [N, …], or {input: [N, …]} when there are several inputs; the first one
    says what shapes a module takes. A program of torch.export knows them. A dict of results gives
    its names to the outputs.

    Raises SourceError with what torch's exporter says.
    """
    torch = _torch()
    if is_a(source, "torch.ExportedProgram"):
        return _export(torch, source)
    arguments = _arguments(torch, source, example)
    with _acting(source):
        names = _result_names(torch, source, arguments)
        return _export(
            torch,
            source,
            kwargs=arguments,
            input_names=[name for name, _ in _tensors(arguments)],
            output_names=names,
        )


def _export(torch: Any, source: Any, **options: Any) -> onnx.ModelProto:
    try:
        with _quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exported = torch.onnx.export(source, (), dynamo=True, verbose=False, **options)
    except Exception as error:  # the exporter raises whatever its parts do
        raise SourceError(
            f"torch.onnx.export cannot export the module: {_first_line(error)}; it must run with "
            "inputs of one batch, without control flow that depends on data"
        ) from error
    model: onnx.ModelProto = exported.model_proto
    return model


def _torch() -> Any:
    try:
        import onnxscript  # noqa: F401 the exporter's
        import torch
    except ImportError as error:
        raise SourceError(
            f"a torch module needs torch and onnxscript ({error.name} is missing); "
            "run: pip install 'plasma-edge[torch]'"
        ) from error
    return torch


def _arguments(torch: Any, module: Any, example: Example) -> dict[str, Any]:
    """One row of each input, by name; of a module with one parameter several inputs are a dict of them."""
    parameters = list(inspect.signature(module.forward).parameters)
    if example is None:
        raise OptionError(
            f"{type(module).__name__} does not say what shapes it takes; pass golden=observations "
            f"[N, …], or {{input: [N, …]}} for {', '.join(parameters)}"
        )
    if not isinstance(example, Mapping):
        example = {parameters[0]: example}
    rows = {name: _first_row(torch, values) for name, values in example.items()}
    if len(parameters) == 1 and parameters[0] not in example:
        return {parameters[0]: dict(sorted(rows.items()))}
    unknown = [name for name in example if name not in parameters]
    missing = [name for name in parameters[: len(example)] if name not in example]
    if unknown or missing:
        raise OptionError(f"golden has {', '.join(example)}; forward takes {', '.join(parameters)}")
    return {name: rows[name] for name in parameters if name in rows}


def _first_row(torch: Any, values: Array) -> Any:
    """[1, …] as float32; whole numbers are indices, but for the bytes of pictures."""
    row = np.asarray(values)[:1]
    is_index = np.issubdtype(row.dtype, np.signedinteger)
    return torch.from_numpy(row.astype(np.int64 if is_index else np.float32))


def _result_names(torch: Any, module: Any, arguments: Mapping[str, Any]) -> list[str]:
    try:
        with torch.no_grad():
            result = module(**arguments)
    except Exception as error:  # a module raises whatever it likes
        shapes = ", ".join(str(list(row.shape)) for _, row in _tensors(arguments))
        raise SourceError(
            f"{type(module).__name__} does not take a row of golden ({shapes}): "
            f"{_first_line(error)}"
        ) from error
    if isinstance(result, Mapping):
        return [str(name) for name in result]
    count = len(result) if isinstance(result, (tuple, list)) else 1
    return ["action", *(f"output_{k}" for k in range(1, count))]


def _tensors(arguments: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """(name, row) of every input, those of a dict under their own names."""
    for name, value in arguments.items():
        yield from value.items() if isinstance(value, Mapping) else ((name, value),)


@contextmanager
def _acting(module: Any) -> Iterator[None]:
    """As it acts, not as it learns: without dropout, with the statistics of batch norm."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter tells the log what it thinks of opsets."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        logging.disable(before)


def _first_line(error: Exception) -> str:
    """The cause that torch names first, without its pages of advice."""
    while error.__cause__ is not None:
        error = error.__cause__  # type: ignore[assignment]
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:200] if lines else type(error).__name__
