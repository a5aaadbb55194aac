# SPDX-License-Identifier: Apache-2.0
"""torch on the CPU: eager as in training, and traced and frozen for inference."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle

import torch

from ..catalog import Array, Net
from ..contender import Action, Call, Contender
from ..nets import adapter_tensors, inputs, module

# For the whole process: entering it at every call would cost a µs.
_INFERENCE = torch.inference_mode()


def contenders(net: Net) -> Iterator[Contender]:
    torch.set_num_threads(1)
    _INFERENCE.__enter__()
    yield Contender("eager", lambda: _call(net, module(net)), net.batched)
    yield Contender("jit, frozen", lambda: _call(net, _traced(net)), net.batched)


def first_call(net: Net, threads: int | None) -> Call:
    if threads:
        torch.set_num_threads(threads)
    _INFERENCE.__enter__()
    return _call(net, module(net))


def adapter_ways(net: Net) -> dict[str, Callable[[], object]]:
    """Ways to make another adapter live: {name: what it takes}."""
    torch.set_num_threads(1)
    _INFERENCE.__enter__()
    weights = [w for name, w in module(net).state_dict().items() if name.endswith("weight")]
    matrices = adapter_tensors(net.adapters[0], transposed=False)
    targets = list(
        zip([w.clone() for w in weights], weights, matrices[::2], matrices[1::2], strict=True)
    )

    def merge() -> None:
        for target, weight, a, b in targets:
            torch.addmm(weight, b, a, out=target)

    return {"merge into the weights": merge}


def _traced(net: Net) -> torch.jit.ScriptModule:
    traced = torch.jit.trace(module(net), inputs(net))  # type: ignore[no-untyped-call]
    return torch.jit.optimize_for_inference(torch.jit.freeze(traced))


def _call(net: Net, forward: Callable[..., torch.Tensor]) -> Call:
    if net.states:
        return _recurrent(net, forward)
    adapters = [adapter_tensors(adapter, transposed=True) for adapter in net.adapters or [{}]]
    next_adapter = cycle(adapters).__next__
    from_numpy = torch.from_numpy

    def call(obs: Array) -> Action:
        return forward(from_numpy(obs)).numpy()

    def call_adapted(obs: Array) -> Action:
        return forward(from_numpy(obs), *next_adapter()).numpy()

    return call_adapted if net.has_adapters else call


def _recurrent(net: Net, forward: Callable[..., torch.Tensor]) -> Call:
    states = list(inputs(net)[1:])
    from_numpy = torch.from_numpy

    def call(obs: Array) -> Action:
        nonlocal states
        action, *states = forward(from_numpy(obs), *states)
        return action.numpy()

    return call
