# SPDX-License-Identifier: Apache-2.0
"""LiteRT (TensorFlow Lite) on the CPU with XNNPACK: the interpreter and the compiled model; fp32 and int8."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from ..catalog import ADAPTERS, Array, Net
from ..contender import Action, Call, Contender

SIGNATURE = "serving_default"


def contenders(net: Net) -> Iterator[Contender]:
    for file, precision in (
        ("fp32", "fp32"),
        ("dynamic_int8", "dynamic int8"),
        ("static_int8", "static int8"),
    ):
        model = str(net.folder / f"{file}.tflite")
        if (net.folder / f"{file}.tflite").exists():
            for name, door in (
                ("set_tensor", _set_tensor),
                ("tensor()", _views),
                ("compiled", _compiled),
            ):
                yield Contender(
                    f"{precision}, {name}", _starter(net, door, model), net.channels_last
                )


def first_call(net: Net, threads: int | None) -> Call:
    return _set_tensor(net, str(net.folder / "fp32.tflite"), threads)


def adapter_ways(net: Net) -> dict[str, Callable[[], object]]:
    """Ways to make another adapter live: {name: what it takes}."""
    model = str(net.folder / "fp32.tflite")
    return {"rebuild the interpreter": lambda: _interpreter(model, threads=1)}


def _starter(net: Net, door: Callable[..., Call], model: str) -> Callable[[], Call]:
    return lambda: door(net, model)


def _interpreter(model: str, threads: int | None) -> tuple[Interpreter, list[int], list[int]]:
    """An interpreter, and its tensors of inputs and outputs in the order of the module's arguments and results."""
    interpreter = Interpreter(model, num_threads=threads)
    interpreter.allocate_tensors()
    runner = interpreter.get_signature_runner(SIGNATURE)
    taken, given = runner.get_input_details(), runner.get_output_details()
    return (
        interpreter,
        [taken[name]["index"] for name in sorted(taken)],
        [given[name]["index"] for name in sorted(given)],
    )


def _set_tensor(net: Net, model: str, threads: int | None = 1) -> Call:
    interpreter, (obs_in, *taken), (action, *given) = _interpreter(model, threads)
    states = [np.zeros((1, 1, net.hidden), np.float32) for _ in net.states]
    adapters = cycle([list(adapter.values()) for adapter in net.adapters] or [states]).__next__
    set_tensor, get_tensor = interpreter.set_tensor, interpreter.get_tensor
    for tensor, state in zip(taken, states, strict=False):
        set_tensor(tensor, state)

    def call(obs: Array) -> Action:
        set_tensor(obs_in, obs)
        interpreter.invoke()
        return get_tensor(action)

    def call_recurrent(obs: Array) -> Action:
        set_tensor(obs_in, obs)
        interpreter.invoke()
        for tensor, source in zip(taken, given, strict=True):
            set_tensor(tensor, get_tensor(source))
        return get_tensor(action)

    def call_adapted(obs: Array) -> Action:
        set_tensor(obs_in, obs)
        for tensor, matrix in zip(taken, adapters(), strict=True):
            set_tensor(tensor, matrix)
        interpreter.invoke()
        return get_tensor(action)

    return call_adapted if net.has_adapters else call_recurrent if net.states else call


def _views(net: Net, model: str) -> Call:
    """interpreter.tensor(): LiteRT's own memory as arrays, which must not be kept over an invoke."""
    interpreter, taken, given = _interpreter(model, threads=1)
    obs_in, *inputs = [interpreter.tensor(index) for index in taken]
    action, *outputs = [interpreter.tensor(index) for index in given]
    adapters = cycle([list(adapter.values()) for adapter in net.adapters] or [[]]).__next__
    copyto, invoke = np.copyto, interpreter.invoke
    for view in inputs:
        view().fill(0.0)

    def call(obs: Array) -> Action:
        copyto(obs_in(), obs)
        invoke()
        return action()

    def call_recurrent(obs: Array) -> Action:
        copyto(obs_in(), obs)
        invoke()
        for view, source in zip(inputs, outputs, strict=True):
            copyto(view(), source())
        return action()

    def call_adapted(obs: Array) -> Action:
        copyto(obs_in(), obs)
        for view, matrix in zip(inputs, adapters(), strict=True):
            copyto(view(), matrix)
        invoke()
        return action()

    return call_adapted if net.has_adapters else call_recurrent if net.states else call


def _compiled(net: Net, model: str) -> Call:
    """Buffers made once: a list of them for each side of the state or each adapter. Only obs and action are copied."""
    from ai_edge_litert.compiled_model import CompiledModel
    from ai_edge_litert.hardware_accelerator import HardwareAccelerator
    from ai_edge_litert.options import CpuOptions, Options

    cpu = CpuOptions(num_threads=1)
    compiled = CompiledModel.from_file(
        model, options=Options(hardware_accelerators=HardwareAccelerator.CPU, cpu_options=cpu)
    )
    obs_in, *taken = compiled.create_input_buffers(0)
    action, *given = compiled.create_output_buffers(0)
    size = net.reference.action.shape[1]
    if net.has_adapters:
        turns = [([obs_in, *_adapter_buffers(compiled, net, n)], [action]) for n in range(ADAPTERS)]
    else:
        turns = [([obs_in, *taken], [action, *given]), ([obs_in, *given], [action, *taken])]
    for buffer in taken if net.states else []:
        buffer.write(np.zeros((1, 1, net.hidden), np.float32))
    next_turn, run, float32 = cycle(turns).__next__, compiled.run_by_index, np.float32
    only_in, only_out = turns[0]

    def call(obs: Array) -> Action:
        obs_in.write(obs)
        run(0, only_in, only_out)
        return action.read(size, float32)

    def call_in_turn(obs: Array) -> Action:
        obs_in.write(obs)
        inputs, outputs = next_turn()
        run(0, inputs, outputs)
        return action.read(size, float32)

    return call_in_turn if net.states or net.has_adapters else call


def _adapter_buffers(compiled: Any, net: Net, number: int) -> list[Any]:
    buffers: list[Any] = compiled.create_input_buffers(0)[1:]
    for buffer, matrix in zip(buffers, net.adapters[number].values(), strict=True):
        buffer.write(matrix)
    return buffers
