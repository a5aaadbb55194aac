"""What int4 weights with group scales would cost in actions and save in bytes: the table of docs/quantisation.md.

    .venv/bin/python -m benchmarks.bench.nets A B C D E F G H
    .venv/bin/python -m benchmarks.int4

Weights are rounded to [-7, 7] times a scale for each 32, 64 or 128 of a row, and run in float: what reads them
is exact, so the error is that of the weights alone, the least that any int4 kernel could have. Layers of fewer
columns than a group have a scale a row. Error: as in benchmarks/quantisation.py, or, where runs/sb3 has policies of
benchmarks/sb3_policies.py, on observations of their environment, with the return of paired episodes. Bytes: of the
weights and scales (f16 for int4), packed and compressed as a packet is.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import zstandard
from benchmarks.bench.catalog import NETS, Array
from benchmarks.quantisation import LIMIT, OBSERVATIONS
from benchmarks.sb3_policies import RUNS, TABLE

from plasma_edge import Policy
from plasma_pack.compiler.limits import LimitOptions, with_limits
from plasma_pack.compiler.precision import layers_of, with_precisions
from plasma_pack.compiler.quantize import quantize
from plasma_pack.importers.onnx.convert import import_onnx
from plasma_pack.importers.sb3.convert import import_sb3
from plasma_pack.program.program import Program
from plasma_pack.rehearsal import draft_of, rehearse

RESULT = Path(__file__).parent / "results/int4.json"
EPISODES = 20
GROUPS = (32, 64, 128)
LARGEST = 7


def grouped(weights: Array, group: int) -> tuple[Array, bytes]:
    """The weights that int4 stands for, of the same shape, and what would be stored: nibbles and f16 scales."""
    rows = weights.reshape(len(weights), -1)
    width = min(group, rows.shape[1])
    short = -rows.shape[1] % width
    groups = np.pad(rows, ((0, 0), (0, short))).reshape(-1, width)
    scales = (np.abs(groups).max(axis=1) / LARGEST).astype(np.float16).astype(np.float32)
    scales[scales == 0] = 1
    numbers = np.clip(np.rint(groups / scales[:, None]), -LARGEST, LARGEST)
    values = (numbers * scales[:, None]).reshape(len(rows), -1)[:, : rows.shape[1]]
    nibbles = (numbers.astype(np.int8) & 15).reshape(-1)
    nibbles = np.pad(nibbles, (0, len(nibbles) % 2)).astype(np.uint8)
    stored = (nibbles[::2] | nibbles[1::2] << 4).tobytes() + scales.astype(np.float16).tobytes()
    return values.astype(np.float32).reshape(weights.shape), stored


def in_int4(program: Program, group: int) -> tuple[Program, int]:
    """The program with the weights of int4 in float, and the bytes of int4 after compression."""
    layers = {layer.weights for layer in layers_of(program)}
    tensors, stored = [], []
    for tensor in program.tensors:
        if tensor.name in layers:
            values, data = grouped(np.asarray(tensor.values, np.float32), group)
            tensors.append(replace(tensor, values=values))
            stored.append(data)
        else:
            tensors.append(tensor)
    return replace(program, tensors=tuple(tensors)), _compressed(stored)


def int8_bytes(program: Program) -> int:
    stored = []
    for layer in layers_of(program):
        values = program.tensor(layer.weights).values
        assert values is not None
        matrix = quantize(values.reshape(len(values), -1))
        stored.append(matrix.values.tobytes() + matrix.scales.tobytes())
    return _compressed(stored)


def _compressed(parts: list[bytes]) -> int:
    return len(zstandard.ZstdCompressor(level=19).compress(b"".join(parts)))


def in_float(program: Program) -> Policy:
    kinds = {layer.weights: "f32" for layer in layers_of(program)}
    return rehearse(draft_of(with_precisions(program, kinds)))


def in_int8(program: Program) -> Policy:
    kinds = {layer.weights: "int8" for layer in layers_of(program)}
    return rehearse(draft_of(with_precisions(program, kinds)))


def actions(policy: Policy, seen: Sequence[Any]) -> Array:
    policy.reset()
    return np.stack([np.array(policy(obs)).reshape(-1) for obs in seen])


def error(wanted: Array, found: Array) -> float:
    """Of choices the share that differs, else root mean square in parts of the range."""
    if np.issubdtype(wanted.dtype, np.integer):
        return float(np.mean(wanted != found))
    return float(np.sqrt(np.mean(((found - wanted) / np.ptp(wanted, axis=0)) ** 2)))


def flight(policy: Policy, env: Any, seed: int) -> tuple[float, list[Any]]:
    """Return and observations of an episode."""
    policy.reset()
    obs, _ = env.reset(seed=seed)
    total, seen, ended = 0.0, [], False
    while not ended:
        seen.append(np.array(obs))
        obs, reward, terminated, truncated, _ = env.step(policy(obs))
        total += float(reward)
        ended = terminated or truncated
    return total, seen


def row(title: str, program: Program, env: Any, seen: Sequence[Any]) -> dict[str, Any]:
    exact = in_float(program)
    candidates: dict[str, tuple[Policy, int]] = {"int8": (in_int8(program), int8_bytes(program))}
    for group in GROUPS:
        changed, size = in_int4(program, group)
        candidates[f"int4/{group}"] = in_float(changed), size
    returns = {"float": []} if env else {}
    if env:
        flights = [flight(exact, env, seed) for seed in range(EPISODES)]
        returns["float"] = [total for total, _ in flights]
        seen = [obs for _, observations in flights for obs in observations]
    wanted = actions(exact, seen)
    errors = {
        name: error(wanted, actions(policy, seen)) for name, (policy, _) in candidates.items()
    }
    if env:
        for name, (policy, _) in candidates.items():
            returns[name] = [flight(policy, env, seed)[0] for seed in range(EPISODES)]
    means = {name: float(np.mean(values)) for name, values in returns.items()}
    sizes = {name: size for name, (_, size) in candidates.items()}
    return {"policy": title, "error": errors, "bytes": sizes, "return": means}


def nets() -> Iterator[dict[str, Any]]:
    for net in NETS.values():
        if net.has_adapters:
            continue
        program = import_onnx(net.onnx, states=net.states).program
        program = with_limits(program, LimitOptions(low=-LIMIT, high=LIMIT))
        seen = np.random.default_rng(0).standard_normal((OBSERVATIONS, *net.obs))
        yield row(f"{net.letter} {net.title}", program, None, seen.astype(np.float32))


def trained() -> Iterator[dict[str, Any]]:
    for run in TABLE:
        path = RUNS / run.name / "model.zip"
        if path.exists():
            imported = import_sb3(path.read_bytes(), path)
            program = with_limits(imported.program, imported.limits)
            yield row(f"{run.name}, trained", program, gym.make(run.env), ())


def main() -> None:
    rows = []
    for found in (*nets(), *trained()):
        rows.append(found)
        shown = "".join(f"{name} {value:.3%}  " for name, value in found["error"].items())
        sys.stdout.write(f"{found['policy']:<32}{shown}{found['bytes']} {found['return']}\n")
        sys.stdout.flush()
    RESULT.write_text(
        json.dumps({"command": "python -m benchmarks.int4", "rows": rows}, indent=1) + "\n"
    )


if __name__ == "__main__":
    main()
