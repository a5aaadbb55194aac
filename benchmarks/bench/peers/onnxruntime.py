# SPDX-License-Identifier: Apache-2.0
"""onnxruntime on the CPU: session.run, and I/O bound once; fp32, dynamic and static int8."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from itertools import cycle
from pathlib import Path

import numpy as np
import onnxruntime as ort

from ..catalog import ADAPTERS, Array, Net
from ..contender import Action, Call, Contender, owning


def contenders(net: Net) -> Iterator[Contender]:
    if net.has_adapters:
        yield Contender(
            "fp32, adapters as inputs, bound", lambda: _bound_adapters(net), net.batched
        )
        yield Contender("fp32, LoraAdapter", lambda: _lora(net), net.batched)
        return
    models = {"fp32": lambda: net.onnx, "dynamic int8": lambda: _dynamic_int8(net)}
    if not net.states:
        models["static int8"] = lambda: _static_int8(net)
    for precision, model in models.items():
        for name, door in (("run", _run), ("bound", _bound)):
            yield Contender(f"{precision}, {name}", _starter(net, door, model), net.batched)


def first_call(net: Net, threads: int | None) -> Call:
    return _run(net, _session(net.onnx, threads))


def adapter_ways(net: Net) -> dict[str, Callable[[], object]]:
    """Ways to make another adapter live: {name: what it takes}."""
    file = adapter_file(net, 0)
    return {
        "load a LoraAdapter": lambda: load_adapter(file),
        "new session": lambda: _session(net.onnx, threads=1),
    }


def _starter(
    net: Net, door: Callable[[Net, ort.InferenceSession], Call], model: Callable[[], Path]
) -> Callable[[], Call]:
    return lambda: door(net, _session(model(), threads=1))


def _session(model: Path, threads: int | None) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    if threads:
        options.intra_op_num_threads = options.inter_op_num_threads = threads
    return ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def _run(net: Net, session: ort.InferenceSession) -> Call:
    feeds = {name: np.zeros((1, 1, net.hidden), np.float32) for name in net.states}
    run = session.run

    def call(obs: Array) -> Action:
        return run(None, {"obs": obs})[0]

    def call_recurrent(obs: Array) -> Action:
        action, *states = run(None, {"obs": obs, **feeds})
        feeds.update(zip(net.states, states, strict=True))
        return action

    return call_recurrent if net.states else call


def _bound(net: Net, session: ort.InferenceSession) -> Call:
    """Two bindings where there is state, each reading what the other wrote: nothing is copied but obs."""
    obs_in, action = _arrays(session)
    sides = [{s: np.zeros((1, 1, net.hidden), np.float32) for s in net.states} for _ in range(2)]
    pair = [_binding(net, session, obs_in, action, sides[i], sides[1 - i]) for i in (0, 1)]
    only, bindings = pair[0], cycle(pair).__next__
    run, copyto = session.run_with_iobinding, np.copyto

    def call(obs: Array) -> Action:
        copyto(obs_in, obs)
        run(only)
        return action

    def call_recurrent(obs: Array) -> Action:
        copyto(obs_in, obs)
        run(bindings())
        return action

    return owning(call_recurrent, sides) if net.states else call


def _arrays(session: ort.InferenceSession) -> tuple[Array, Array]:
    """Arrays to bind to obs and action."""
    taken, given = session.get_inputs()[0], session.get_outputs()[0]
    return np.zeros(taken.shape, np.float32), np.zeros(given.shape, np.float32)


def _binding(
    net: Net,
    session: ort.InferenceSession,
    obs: Array,
    action: Array,
    taken: Mapping[str, Array],
    given: Mapping[str, Array],
) -> ort.IOBinding:
    """taken: arrays of inputs besides obs; given: of next states, under the names of the inputs they feed."""
    binding = session.io_binding()
    for name, array in {"obs": obs, **taken}.items():
        binding.bind_input(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
    outputs = {"action": action} | {net.states[name]: array for name, array in given.items()}
    for name, array in outputs.items():
        binding.bind_output(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
    return binding


def _bound_adapters(net: Net) -> Call:
    """One binding an adapter, all on the same obs and action."""
    session = _session(net.adapted_onnx, threads=1)
    obs_in, action = _arrays(session)
    matrices = [_transposed(adapter) for adapter in net.adapters]
    bindings = [_binding(net, session, obs_in, action, taken, {}) for taken in matrices]
    next_binding, run, copyto = cycle(bindings).__next__, session.run_with_iobinding, np.copyto

    def call(obs: Array) -> Action:
        copyto(obs_in, obs)
        run(next_binding())
        return action

    return owning(call, matrices)


def _transposed(adapter: Mapping[str, Array]) -> dict[str, Array]:
    return {name: np.ascontiguousarray(matrix.T) for name, matrix in adapter.items()}


def _lora(net: Net) -> Call:
    session = _session(_with_defaults(net), threads=1)
    adapters = [load_adapter(adapter_file(net, number)) for number in range(ADAPTERS)]
    options = [ort.RunOptions() for _ in adapters]
    for option, adapter in zip(options, adapters, strict=True):
        option.add_active_adapter(adapter)
    next_options, run = cycle(options).__next__, session.run

    def call(obs: Array) -> Action:
        return run(None, {"obs": obs}, next_options())[0]

    return owning(call, adapters)


def adapter_file(net: Net, number: int) -> Path:
    path = net.folder / f"{number}.onnx_adapter"
    if not path.exists():
        values = {
            name: ort.OrtValue.ortvalue_from_numpy(matrix)
            for name, matrix in _transposed(net.adapters[number]).items()
        }
        adapter = ort.AdapterFormat()
        adapter.set_adapter_version(1)
        adapter.set_model_version(1)
        adapter.set_parameters(values)
        adapter.export_adapter(str(path))
    return path


def load_adapter(path: Path) -> ort.LoraAdapter:
    adapter = ort.LoraAdapter()
    adapter.Load(str(path))
    return adapter


def _with_defaults(net: Net) -> Path:
    """LoraAdapter overrides inputs that have default values: zero matrices, no adapter."""
    import onnx

    model = onnx.load(net.adapted_onnx)
    for name, matrix in _transposed(net.adapters[0]).items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros_like(matrix), name))
    path = net.folder / "lora.onnx"
    onnx.save(model, path)
    return path


def _dynamic_int8(net: Net) -> Path:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    path = net.folder / "dynamic_int8.onnx"
    if not path.exists():
        quantize_dynamic(_preprocessed(net), path, per_channel=True, weight_type=QuantType.QInt8)
    return path


def _static_int8(net: Net) -> Path:
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

    class Reader(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime is not typed
        def __init__(self) -> None:
            self.left = iter(net.reference.calibration)

        def get_next(self) -> dict[str, Array] | None:
            obs = next(self.left, None)
            return None if obs is None else {"obs": net.batched(obs)}

    path = net.folder / "static_int8.onnx"
    if not path.exists():
        quantize_static(
            _preprocessed(net),
            path,
            Reader(),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
    return path


def _preprocessed(net: Net) -> Path:
    from onnxruntime.quantization.shape_inference import quant_pre_process

    logging.getLogger().setLevel(logging.ERROR)
    path = net.folder / "preprocessed.onnx"
    quant_pre_process(net.onnx, path, skip_symbolic_shape=True)
    return path
