# SPDX-License-Identifier: Apache-2.0
"""Chooses int8, f16 or f32 for every layer by what it does to the actions.

The real runtime runs the policy with float weights and with candidates on the same observations; the
error is the difference of their outputs. Errors of layers hardly correlate, so their squares add up: a
layer is worth raising by its share of them, for the bytes and the work that raising it adds. A bargain
is raised at once: usually the last layer, small and with nothing behind it that would dampen its error.
Where that is not within the limit, the others are raised in order of their worth, until it is. Then
whatever can go back to int8 does, but for bargains.

Nothing is random and no clock is read: the same policy and observations give the same choice on every
machine, because they give the same bits.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from plasma_edge import OpTime, Policy
from plasma_pack.compiler.precision import (
    PRECISIONS,
    Layer,
    fits_f16,
    layers_of,
    with_precisions,
)
from plasma_pack.draws import runs
from plasma_pack.errors import OptionError, SourceError
from plasma_pack.observations import Case, Observations, cases_of
from plasma_pack.packet.format import MAX_FILE_BYTES, Certificate
from plasma_pack.program.program import (
    Array,
    DType,
    Program,
    Storage,
    Tensor,
)
from plasma_pack.rehearsal import draft_of, rehearse
from plasma_pack.rollouts import rollouts

# Of the range that an output uses (root mean square), and of choices that differ: where it is told what
# the policy sees, and where it is not.
_LIMITS = 0.01, 0.0075
_CHOICE_LIMITS = 0.005, 0.0025

_LEAST_RANGE = 0.01  # of an element, in parts of the widest one's
_LEAST_SHARE = 0.1  # of a kind of observations, in parts of what all of them use
_LEAST_VARIETY = 0.1  # of drawn observations, that are given another action than most
_LEAST_PRICE = 1e-6
_BARGAIN = 10  # times as large a share of the squared error as of bytes and work
_PROFILED = 64
# How many observations are drawn or flown: as many as take this many cost units, within limits.
_WORK = 1 << 32
_FEWEST, _MOST = 256, 1024
_DRAWS = ("uniform", "normal")
_MEASURES = {True: "choices that differ", False: "rms"}

Episodes = Sequence[Sequence[Case]]
Precisions = Mapping[str, str]


@dataclass(frozen=True)
class WeightOptions:
    """weights: 'auto', or the precision of all layers. The rest is for 'auto': the largest error of an
    output (None takes the defaults), and what it is measured on: observations, or an environment,
    or those that the self-test is chosen from (golden), or ones of several kinds (draws.py), which
    an importer drew because it knows more of the inputs than the program says (drawn).
    """

    weights: str = "auto"
    max_error: float | None = None
    calibration: Observations = None
    env: str | None = None
    golden: Observations = None
    drawn: Observations = None

    @property
    def is_default(self) -> bool:
        given = (self.max_error, self.calibration, self.env)
        return self.weights == "auto" and all(value is None for value in given)

    @property
    def is_told(self) -> bool:
        """What the policy sees. Drawn observations tell less surely, so the limit is lower then."""
        return any(seen is not None for seen in (self.calibration, self.env, self.golden))

    def check(self) -> None:
        if self.weights not in ("auto", *PRECISIONS):
            raise OptionError(
                f"weights: found {self.weights!r}, expected one of auto, {', '.join(PRECISIONS)}"
            )
        if self.max_error is not None and not 0 <= self.max_error < 1:
            raise OptionError(f"max_error: found {self.max_error}, expected at least 0, below 1")
        if self.weights != "auto" and not replace(self, weights="auto").is_default:
            raise OptionError(
                f"weights={self.weights!r} says how all layers are stored, max_error, calibration "
                "and env are for finding out; pass weights='auto' or leave them out"
            )
        if self.calibration is not None and self.env is not None:
            raise OptionError("calibration and env are both given; errors are measured on one")


@dataclass(frozen=True)
class Choice:
    """The program as chosen, and JSON-ready facts about it."""

    program: Program
    report: dict[str, Any]


def quantized(program: Program, options: WeightOptions) -> Choice:
    """program: with float weights and limits."""
    options.check()
    if options.weights != "auto":
        precisions = {layer.weights: options.weights for layer in layers_of(program)}
        return Choice(with_precisions(program, precisions), {})
    return _choose(program, options)


def _choose(program: Program, options: WeightOptions) -> Choice:
    search = _Search(program, options)
    alone = {layer.weights: search.worst(search.only(layer)) for layer in search.layers}
    precisions = search.cheapest(alone)
    chosen = with_precisions(program, precisions)
    report = {
        "observations": sum(map(len, search.episodes)),
        "drawn": not options.is_told,
        "telling": search.is_telling,
        "outputs": search.outputs(precisions),
        "layers": _costs(chosen, search.layers, precisions, alone, search.episodes),
    }
    return Choice(chosen, report)


class _Search:
    """Candidates and their errors against the same program in float."""

    def __init__(self, program: Program, options: WeightOptions) -> None:
        self.program = _without_rate_limits(program)
        # A draw depends on the number of its instruction, which a convolution in float would move.
        draws = any(instruction.op in _DRAWS for instruction in program.instructions)
        every = layers_of(program)
        self.layers = [layer for layer in every if not (draws and layer.op == "conv2d")]
        self.int8 = {layer.weights: "int8" for layer in every}
        self.exact = {**self.int8, **{layer.weights: "f32" for layer in self.layers}}
        exact = with_precisions(self.program, self.exact)
        if _const_bytes(exact) > MAX_FILE_BYTES:
            raise OptionError(
                f"with float weights the policy has {_const_bytes(exact):,} bytes, too many to run "
                f"(at most {MAX_FILE_BYTES:,}) and measure int8 against; pass weights='int8'"
            )
        self.episodes = _episodes(exact, options)
        self.usable = self._usable()
        self.kinds = self._kinds(options)
        self.certificate = self._certificate(self.int8)
        self.reference = self._run(self.exact)
        self.limits = {
            tensor.name: _limit(tensor, options) for tensor in program.select(Storage.OUTPUT)
        }
        self.is_telling = options.is_told or all(map(_varies, self.reference.values()))
        self._measured: dict[tuple[str, ...], dict[str, float]] = {}

    def only(self, layer: Layer) -> dict[str, str]:
        return {**self.exact, layer.weights: "int8"}

    def worst(self, precisions: Precisions) -> float:
        return max(self._errors(precisions).values())

    def is_within(self, precisions: Precisions) -> bool:
        errors = self._errors(precisions)
        return all(error <= self.limits[name] for name, error in errors.items())

    def cheapest(self, alone: Mapping[str, float]) -> dict[str, str]:
        if not self.is_telling:
            return self._raised([(layer, "f16") for layer in self.layers])
        worth = self._worth(alone)
        order = sorted(self.layers, key=lambda layer: -worth[layer.weights])
        bargains = sum(value >= _BARGAIN for value in worth.values())
        steps = [(layer, precision) for precision in ("f16", "f32") for layer in order]
        count = bisect_left(
            range(len(steps)),
            True,
            lo=bargains,
            key=lambda count: self.is_within(self._raised(steps[:count])),
        )
        precisions = self._raised(steps[:count])
        for layer in reversed(order[bargains:]):
            lowered = {**precisions, layer.weights: "int8"}
            if lowered != precisions and self.is_within(lowered):
                precisions = lowered
        return precisions

    def outputs(self, precisions: Precisions) -> list[dict[str, Any]]:
        int8, chosen = self._errors(self.int8), self._errors(precisions)
        return [
            {
                "name": name,
                "measure": _MEASURES[_is_choice(self.program.tensor(name))],
                "limit": limit,
                "error_all_int8": int8[name],
                "error": chosen[name],
            }
            for name, limit in self.limits.items()
        ]

    def _raised(self, steps: Sequence[tuple[Layer, str]]) -> dict[str, str]:
        raised = dict(self.int8)
        for layer, precision in steps:
            values = self.program.tensor(layer.weights).values
            assert values is not None
            raised[layer.weights] = precision if fits_f16(values) else "f32"
        return raised

    def _worth(self, alone: Mapping[str, float]) -> dict[str, float]:
        """Of raising each layer: its share of the squared error, in units of its price."""
        squares = {layer.weights: alone[layer.weights] ** 2 for layer in self.layers}
        whole = sum(squares.values()) or 1
        return {
            layer.weights: squares[layer.weights] / whole / self._price(layer)
            for layer in self.layers
        }

    def _price(self, layer: Layer) -> float:
        """What raising a layer adds to bytes and to work, in parts of the whole in int8. Small ones, free
        of their scales, even shrink.
        """
        raised = self._certificate(self._raised([(layer, "f16")]))
        bytes_added = raised.const_bytes / self.certificate.const_bytes - 1
        work_added = raised.cost_units / self.certificate.cost_units - 1
        return max(_LEAST_PRICE, bytes_added + work_added)

    def _certificate(self, precisions: Precisions) -> Certificate:
        return draft_of(with_precisions(self.program, precisions)).certificate

    def _errors(self, precisions: Precisions) -> dict[str, float]:
        key = tuple(precisions.values())
        if key not in self._measured:
            found = self._run(precisions)
            self._measured[key] = {
                name: _error(self.program.tensor(name), wanted, found[name], self.kinds)
                for name, wanted in self.reference.items()
            }
        return self._measured[key]

    def _run(self, precisions: Precisions) -> dict[str, Array]:
        policy = self._policy(precisions)
        outputs: dict[str, list[Any]] = {io.name: [] for io in policy.outputs}
        for action in self._fly(policy):
            named = action if isinstance(action, dict) else {policy.outputs[0].name: action}
            for name, value in named.items():
                outputs[name].append(np.array(value).reshape(-1))
        return {name: np.stack(values)[self.usable] for name, values in outputs.items()}

    def _usable(self) -> npt.NDArray[np.bool_]:
        """Where the float policy itself is faulty, there is nothing to compare with."""
        policy = self._policy(self.exact)
        faults = [policy.stats.faults for _ in self._fly(policy)]
        usable: npt.NDArray[np.bool_] = np.diff(faults, prepend=0) == 0
        if not usable.any():
            raise SourceError(
                "the network gives NaN or infinity on every observation it is measured on; "
                "check its weights, ranges=… and calibration=…"
            )
        return usable

    def _kinds(self, options: WeightOptions) -> list[npt.NDArray[np.intp]]:
        """Which of the usable observations are judged together: all that were told, else each kind."""
        if options.is_told:
            return [np.arange(np.count_nonzero(self.usable))]
        lengths = [len(episode) for episode in self.episodes]
        kinds = np.repeat(np.arange(len(lengths)), lengths)[self.usable]
        return [np.flatnonzero(kinds == kind) for kind in np.unique(kinds)]

    def _policy(self, precisions: Precisions) -> Policy:
        return rehearse(draft_of(with_precisions(self.program, precisions)))

    def _fly(self, policy: Policy) -> Iterator[Any]:
        for episode in self.episodes:
            policy.reset()
            for case in episode:
                yield policy.step(case if len(case) > 1 else next(iter(case.values())))


def _episodes(program: Program, options: WeightOptions) -> Episodes:
    draft = draft_of(program)
    count = min(max(_WORK // draft.certificate.cost_units, _FEWEST), _MOST)
    if options.env is not None:
        return rollouts(program, rehearse(draft), options.env, count)
    if options.calibration is not None:
        return [cases_of(program, options.calibration, "calibration", count)]
    if options.golden is not None:
        return [cases_of(program, options.golden, "golden", count)]
    cases = cases_of(program, options.drawn, "golden", count)
    return [cases[run] for run in runs(len(cases))]


def _const_bytes(program: Program) -> int:
    return sum(tensor.nbytes for tensor in program.select(Storage.CONST))


def _limit(output: Tensor, options: WeightOptions) -> float:
    if options.max_error is not None:
        return options.max_error
    limit, untold = _CHOICE_LIMITS if _is_choice(output) else _LIMITS
    return limit if options.is_told else untold


def _is_choice(output: Tensor) -> bool:
    return output.dtype is DType.I32


def _varies(outputs: Array) -> bool:
    """[N, n]. Whether observations tell what an error does. A choice that is always far ahead of the others
    stands any, and may be close where it flies, and so does an action that is always at its limit. Choices
    are whole numbers, several of them f32: every one has to vary; of other numbers, one.
    """
    commonest = [np.unique(values, return_counts=True)[1].max() for values in outputs.T]
    of_all = max if (outputs == np.rint(outputs)).all() else min
    return bool(of_all(commonest) <= (1 - _LEAST_VARIETY) * len(outputs))


def _error(
    output: Tensor, wanted: Array, found: Array, kinds: Sequence[npt.NDArray[np.intp]]
) -> float:
    """[N, n] each: the share of choices that differ, or the root mean square of the differences, each
    element's in parts of the range that it has in float; of the kind of observations where it is worst.
    """
    if _is_choice(output):
        return float((wanted != found).any(axis=1).mean())
    whole = np.ptp(wanted.astype(np.float64), axis=0)
    difference = found.astype(np.float64) - wanted
    errors = []
    for kind in kinds:
        ranges = np.maximum(np.ptp(wanted[kind].astype(np.float64), axis=0), _LEAST_SHARE * whole)
        ranges = np.maximum(ranges, _LEAST_RANGE * ranges.max())
        ranges[ranges == 0] = 1
        errors.append(float(np.sqrt(np.mean((difference[kind] / ranges) ** 2))))
    return max(errors)


def _without_rate_limits(program: Program) -> Program:
    """A rate limit would carry the error of one tick into the next ones, and hide it there."""
    safes = [replace(safe, max_delta=np.zeros_like(safe.max_delta)) for safe in program.safes]
    return replace(program, safes=tuple(safes))


def _costs(
    program: Program,
    layers: Sequence[Layer],
    precisions: Precisions,
    alone: Mapping[str, float],
    episodes: Episodes,
) -> list[dict[str, Any]]:
    """Bytes, time on this machine and error of each layer."""
    times = _times(rehearse(draft_of(program)), episodes[0][:_PROFILED])
    costs = []
    for layer in layers:
        ops = _instructions_of(program, layer)
        tensors = {name for k in ops for name in program.instructions[k].inputs}
        scale = program.tensor(layer.weights).scale
        constants = [program.tensor(name) for name in (*tensors, *([scale] if scale else []))]
        costs.append(
            {
                "layer": layer.name,
                "op": layer.op,
                "precision": precisions[layer.weights],
                "bytes": sum(t.nbytes for t in constants if t.storage is Storage.CONST),
                "us": sum(times[k].us for k in ops),
                "error_alone_in_int8": alone[layer.weights],
            }
        )
    return costs


def _instructions_of(program: Program, layer: Layer) -> range:
    """Those that a layer has become: one, or a convolution's four (precision.py)."""
    last = next(k for k, i in enumerate(program.instructions) if layer.weights in i.inputs)
    is_windows = layer.op == "conv2d" and program.instructions[last].op == "linear"
    return range(last - 3 if is_windows else last, last + 1)


def _times(policy: Policy, cases: Sequence[Case]) -> Sequence[OpTime]:
    return policy.profile({name: np.stack([case[name] for case in cases]) for name in cases[0]})
