"""What int8 costs in actions on the benchmark's nets, and what would help: the figures of docs/quantisation.md.

    .venv/bin/python -m benchmarks.bench.nets A B C D E F G H
    .venv/bin/python -m benchmarks.quantisation

Error: root mean square in parts of the range of the float policy's actions, on random observations, as
`plasma-pack build` measures it. Clipped: with the row scale of least squared weight error instead of the
one of the largest weight. Mean: share of the squared error that a correction of the last bias could remove.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from unittest.mock import patch

import numpy as np
from benchmarks.bench.catalog import NETS, Array, Net

from plasma_pack.compiler.limits import LimitOptions, with_limits
from plasma_pack.compiler.precision import layers_of, with_precisions
from plasma_pack.compiler.quantize import quantize
from plasma_pack.importers.onnx.convert import import_onnx
from plasma_pack.program.program import Matrix, Program
from plasma_pack.rehearsal import draft_of, rehearse

SHRINKS = np.linspace(0.5, 1, 51)
OBSERVATIONS = 256
LIMIT = 100.0

Quantize = Callable[[Array, str], Matrix]


def clipped(weights: Array, what: str = "weights") -> Matrix:
    """int8 rows at the scale, of 51 up to the largest weight's, that leaves the least squared error."""
    matrix = quantize(weights, what)
    best = matrix
    for shrink in SHRINKS:
        scales = matrix.scales * np.float32(shrink)
        values = np.clip(np.rint(weights / scales[:, None]), -127, 127)
        is_better = _squares(weights, values, scales) < _squares(weights, best.values, best.scales)
        best = Matrix(
            np.where(is_better[:, None], values, best.values).astype(np.int8),
            np.where(is_better, scales, best.scales).astype(np.float32),
        )
    return best


def _squares(weights: Array, values: Array, scales: Array) -> Array:
    squares: Array = ((values * scales[:, None] - weights) ** 2).sum(axis=1)
    return squares


def actions(program: Program, kind: str, obs: Array, quantizer: Quantize = quantize) -> Array:
    with patch("plasma_pack.compiler.precision.quantize", quantizer):
        stored = with_precisions(program, {layer.weights: kind for layer in layers_of(program)})
    policy = rehearse(draft_of(stored))
    return np.stack([np.array(policy(row.reshape(policy.inputs[0].shape))) for row in obs])


def row(net: Net) -> str:
    program = import_onnx(net.onnx, states=net.states).program
    program = with_limits(program, LimitOptions(low=-LIMIT, high=LIMIT))
    obs = np.random.default_rng(0).standard_normal((OBSERVATIONS, *net.obs)).astype(np.float32)
    exact = actions(program, "f32", obs)
    differences = {
        "int8": actions(program, "int8", obs) - exact,
        "clipped": actions(program, "int8", obs, clipped) - exact,
        "f16": actions(program, "f16", obs) - exact,
    }
    ranges = np.ptp(exact, axis=0)
    errors = {
        name: np.sqrt(np.mean((difference / ranges) ** 2))
        for name, difference in differences.items()
    }
    int8 = differences["int8"]
    mean = (int8.mean(axis=0) ** 2).sum() / (int8**2).mean(axis=0).sum()
    shown = "".join(f"{error:>10.3%}" for error in errors.values())
    return f"{net.letter}  {net.title:<28}{shown}{mean:>10.1%}"


def main() -> None:
    heads = "".join(f"{head:>10}" for head in ("int8", "clipped", "f16", "mean"))
    sys.stdout.write(f"{'net':<31}{heads}\n")
    for net in NETS.values():
        if not net.has_adapters:
            sys.stdout.write(row(net) + "\n")


if __name__ == "__main__":
    main()
