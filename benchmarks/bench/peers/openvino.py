# SPDX-License-Identifier: Apache-2.0
"""OpenVINO on the CPU: the compiled model called, and one infer request on bound tensors; fp32, bf16, static int8."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov

from ..catalog import Array, Net
from ..contender import Action, Call, Contender, owning

# Unpinned: pinned to a core that is busy with something else, its worker waits milliseconds for a turn.
LATENCY: dict[str, Any] = {
    "PERFORMANCE_HINT": "LATENCY",
    "INFERENCE_NUM_THREADS": 1,
    "ENABLE_CPU_PINNING": False,
}


def contenders(net: Net) -> Iterator[Contender]:
    precise = LATENCY | {"INFERENCE_PRECISION_HINT": "f32"}
    reduced = LATENCY | {"INFERENCE_PRECISION_HINT": "bf16"}
    model = net.adapted_onnx if net.has_adapters else net.onnx
    if not net.has_adapters:
        yield Contender("fp32, call", lambda: _call(net, _compiled(model, precise)), net.batched)
    yield Contender("fp32, bound", lambda: _bound(net, _compiled(model, precise)), net.batched)
    if "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        yield Contender("bf16, bound", lambda: _bound(net, _compiled(model, reduced)), net.batched)
    if not net.has_adapters and not net.states:
        yield Contender(
            "static int8, bound", lambda: _bound(net, _compiled(_int8(net), LATENCY)), net.batched
        )


def first_call(net: Net, threads: int | None) -> Call:
    return _call(net, _compiled(net.onnx, LATENCY if threads else {}))


def _compiled(model: Path, options: dict[str, Any]) -> ov.CompiledModel:
    return ov.Core().compile_model(model, "CPU", options)


def _call(net: Net, compiled: ov.CompiledModel) -> Call:
    feeds = {name: np.zeros((1, 1, net.hidden), np.float32) for name in net.states}

    def call(obs: Array) -> Action:
        return compiled(obs)[0]

    def call_recurrent(obs: Array) -> Action:
        results = compiled({"obs": obs, **feeds})
        feeds.update((name, results[given]) for name, given in net.states.items())
        return results["action"]

    return call_recurrent if net.states else call


def _bound(net: Net, compiled: ov.CompiledModel) -> Call:
    """A request for each side of the state or each adapter; all share obs and action."""
    obs_in = np.zeros(list(compiled.input(0).shape), np.float32)
    action = np.zeros(list(compiled.output(0).shape), np.float32)
    turns = _turns(net)
    requests = [
        _request(compiled, {"obs": obs_in} | taken, {"action": action} | given)
        for taken, given in turns
    ]
    next_infer, copyto = cycle([request.infer for request in requests]).__next__, np.copyto
    only = requests[0].infer

    def call(obs: Array) -> Action:
        copyto(obs_in, obs)
        only(share_outputs=True)
        return action

    def call_in_turn(obs: Array) -> Action:
        copyto(obs_in, obs)
        next_infer()(share_outputs=True)
        return action

    return owning(call_in_turn if len(requests) > 1 else call, turns)


def _turns(net: Net) -> list[tuple[dict[str, Array], dict[str, Array]]]:
    """Arrays of inputs and outputs besides obs and action, of each request that takes its turn."""
    if net.has_adapters:
        return [
            ({n: np.ascontiguousarray(matrix.T) for n, matrix in adapter.items()}, {})
            for adapter in net.adapters
        ]
    if not net.states:
        return [({}, {})]
    sides = [{s: np.zeros((1, 1, net.hidden), np.float32) for s in net.states} for _ in range(2)]
    return [
        (taken, {net.states[name]: array for name, array in given.items()})
        for taken, given in (sides, sides[::-1])
    ]


def _request(
    compiled: ov.CompiledModel, taken: dict[str, Array], given: dict[str, Array]
) -> ov.InferRequest:
    request = compiled.create_infer_request()
    for name, array in (taken | given).items():
        request.set_tensor(name, ov.Tensor(array, shared_memory=True))
    return request


def _int8(net: Net) -> Path:
    """NNCF's post-training quantisation, OpenVINO's own way; ranges as wide as what was seen, not averaged."""
    import nncf
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet

    path = net.folder / "openvino_int8.xml"
    if not path.exists():
        samples: Callable[[Array], Array] = net.batched
        quantised = nncf.quantize(
            ov.Core().read_model(net.onnx),
            nncf.Dataset(list(net.reference.calibration), samples),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(net.reference.calibration),
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX
            ),
        )
        ov.save_model(quantised, path, compress_to_fp16=False)
    return path
