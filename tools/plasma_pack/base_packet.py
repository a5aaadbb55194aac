# SPDX-License-Identifier: Apache-2.0
"""From a policy to a signed packet, in one call: compile, quantise, prove, self-test, sign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any, Literal, Unpack

import onnx

from plasma_edge import _core
from plasma_pack.compiler.limits import LimitOptions, PerOutput, with_limits
from plasma_pack.compiler.lowering import Options
from plasma_pack.errors import OptionError, SourceError
from plasma_pack.golden import base_gold
from plasma_pack.importers.sources import Hints, import_policy
from plasma_pack.observations import Observations
from plasma_pack.packet import format as fmt
from plasma_pack.packet.audit import encode_audit
from plasma_pack.packet.keys import Key
from plasma_pack.packet.packet import Packet, sign_draft
from plasma_pack.packet.release import Release, ReleaseOptions
from plasma_pack.packet.writer import Draft
from plasma_pack.pasm.assembler import assemble
from plasma_pack.program.encode import encode
from plasma_pack.program.layout import lay_out
from plasma_pack.program.program import Program, Storage
from plasma_pack.quantizer import WeightOptions, quantized

Source = str | PathLike[str] | bytes | onnx.ModelProto | Program | object  # as sources.KINDS says


@dataclass(frozen=True)
class _Compiled:
    program: Program
    sections: Mapping[int, bytes]
    origin: Mapping[str, Any]
    report: Mapping[str, Any] = field(default_factory=dict)
    observations: Observations = None


def build(
    source: Source,
    *,
    key: Key | Sequence[Key],
    out: str | PathLike[str] | None = None,
    golden: Observations = None,
    audit: Mapping[str, Any] | None = None,
    max_adapters: int = 4,
    max_rank: int = 16,
    weights: str = "auto",
    max_error: float | None = None,
    calibration: Observations = None,
    env: str | None = None,
    low: PerOutput = None,
    high: PerOutput = None,
    safe: PerOutput = None,
    max_delta: PerOutput = None,
    actuators: Sequence[str] | None = None,
    states: Mapping[str, str] | None = None,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    units: Mapping[str, str] | None = None,
    vec_normalize: str | PathLike[str] | Literal[False] | None = None,
    frame_stack: int | None = None,
    network: str | PathLike[str] | Mapping[str, Any] | None = None,
    **release: Unpack[ReleaseOptions],
) -> Packet:
    """Compile a policy, quantise it, self-test it and sign it; with `out`, write it there.

    source        ONNX (path, bytes, ModelProto), a zip of Stable-Baselines3 or TensorFlow Lite
                  (path, bytes), a state_dict of CleanRL's scripts or described by `network` (path,
                  bytes; torch.save or safetensors), a torch module or program of torch.export, an MLP of scikit-learn
                  alone or in a Pipeline, a text program (path ending in .pasm) or a Program
    key           private key: PEM path or loaded, or several of them
    golden        float32 [N, n] observations to choose self-test ticks from ({input: [N, n]} when
                  there are several inputs); None draws them (draws.py), for a policy of
                  Stable-Baselines3 as its spaces and statistics say
    audit         {'verdict': 'unverified' | 'verified', scores…}
    max_adapters  how many may be attached at once, 0 … 16; max_rank: of each
    weights       'auto': int8 but where that costs more than max_error, see docs/quantisation.md (a
                  small policy of Stable-Baselines3: f16 or f32, unless told what it sees); or for all
                  layers 'int8', 'f32' (4 × the bytes, several times the work) or 'f16' (2 × the
                  bytes; the work of f32)
    max_error     of every output against float weights: root mean square in parts of its range, or
                  share of choices that differ; default 0.01 and 0.005
    calibration   observations to measure that on, as for golden; default those for golden
    env           or those of this Gymnasium environment
    low, high     action limits in the output's unit: a number, [n], or {output: …}; derived when
                  the network ends in clamp, tanh, sigmoid or tanh · scale + offset
    safe          action on a fault, default 0 within the limits (discrete: index 0)
    max_delta     most that an action may change in a tick, 0 = any
    actuators     outputs that drive something, default all
    states        {input: output} of recurrent state; that of GRU, LSTM and RNN
                  operators is found without it
    ranges        {input: (low, high)}, for people and for drawn observations
    units         {input: "m/s"}
    vec_normalize the saved VecNormalize of a Stable-Baselines3 policy, where it is not beside it;
                  False: none
    frame_stack   observations come one by one and the packet stacks so many, as VecFrameStack does;
                  else a stacked policy takes stacked observations
    network       of a state_dict that is not CleanRL's: which layers act, as JSON or a mapping
                  (docs/importing.md)
    release       name, channel, sequence, rollback_index, not_before, not_after, metadata;
                  signers: public keys that sign later; password of the private keys

    Raises PackError (see plasma_pack.errors) or the runtime's ProgramError, and writes nothing.
    """
    decided = Release(**release)
    keys = decided.load_keys(key)
    proofs = encode_audit(audit)
    limits = LimitOptions(low, high, safe, max_delta, actuators)
    _check_counts(max_adapters, max_rank)
    options = Options(max_rank if max_adapters else 0)
    storage = WeightOptions(weights, max_error, calibration, env, golden)
    hints = Hints(
        states=states or None,
        vec_normalize=_path(vec_normalize),
        frame_stack=frame_stack,
        network=Path(network) if isinstance(network, (str, PathLike)) else network,
    )
    compiled = _compile(source, limits, hints, options, storage, ranges or {}, units or {})
    program = compiled.program
    draft = Draft(
        kind=fmt.Kind.BASE,
        sections=compiled.sections,
        certificate=fmt.Certificate(**_core.certify(compiled.sections)),
        manifest={"slots": list(program.slot_names), "source": compiled.origin},
        max_adapters=max_adapters if program.slots else 0,
    )
    proofs[fmt.Section.GOLD] = base_gold(draft, program, compiled.observations)
    packet = sign_draft(draft, proofs, decided, keys, out)
    return replace(packet, report=compiled.report)


def _path(named: str | PathLike[str] | Literal[False] | None) -> Path | Literal[False] | None:
    return named if named is None or named is False else Path(named)


def _check_counts(max_adapters: int, max_rank: int) -> None:
    if not 0 <= max_adapters <= fmt.MAX_ADAPTERS:
        raise OptionError(f"max_adapters: found {max_adapters}, expected 0 to {fmt.MAX_ADAPTERS}")
    if not 1 <= max_rank <= fmt.MAX_RANK:
        raise OptionError(f"max_rank: found {max_rank}, expected 1 to {fmt.MAX_RANK}")


def _compile(
    source: Source,
    limits: LimitOptions,
    hints: Hints,
    options: Options,
    storage: WeightOptions,
    ranges: Mapping[str, tuple[float, float]],
    units: Mapping[str, str],
) -> _Compiled:
    if isinstance(source, (str, PathLike)) and Path(source).suffix == ".pasm":
        if not (limits.is_default and storage.is_default) or hints != Hints() or ranges or units:
            raise OptionError(
                "a text program states its limits, weights, states, ranges and units itself; "
                "edit the text"
            )
        return _compile_text(Path(source), storage.golden)
    if isinstance(source, Program):
        program = lay_out(with_limits(_described(source, ranges, units), limits))
        origin = {"format": "program"}
        return _Compiled(program, encode(program), origin, observations=storage.golden)
    named = Path(source) if isinstance(source, (str, PathLike)) else source
    imported = import_policy(named, replace(hints, example=storage.golden), options)
    described = _described(imported.program, ranges, units)
    limited = with_limits(described, limits.over(imported.limits))
    if storage.golden is None:
        weights = imported.weights if storage.is_default else storage.weights
        storage = replace(storage, weights=weights, drawn=imported.observations)
    choice = quantized(limited, storage)
    program = lay_out(choice.program)
    observations = storage.drawn if storage.golden is None else storage.golden
    return _Compiled(program, encode(program), imported.origin, choice.report, observations)


def _compile_text(path: Path, golden: Observations) -> _Compiled:
    try:
        assembly = assemble(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path} cannot be read as text: {error}") from error
    if assembly.adapter:
        raise SourceError(f"{path} has patches; a base is built from text without them")
    origin = {"format": "pasm"}
    return _Compiled(assembly.program, assembly.sections, origin, observations=golden)


def _described(
    program: Program, ranges: Mapping[str, tuple[float, float]], units: Mapping[str, str]
) -> Program:
    names = {io.name for io in program.ios if program.tensor(io.tensor).storage is Storage.INPUT}
    unknown = sorted((ranges.keys() | units.keys()) - names)
    if unknown:
        raise OptionError(
            f"no input is called {', '.join(unknown)}; the inputs are {', '.join(sorted(names))}"
        )
    ios = []
    for io in program.ios:
        low, high = ranges.get(io.name, (io.low, io.high))
        if not low <= high:
            raise OptionError(f"ranges: {io.name!r} goes from {low} to {high}, expected low ≤ high")
        ios.append(replace(io, low=low, high=high, unit=units.get(io.name, io.unit)))
    for io in ios:
        if not _is_text(io.name, 1, 31) or not _is_text(io.unit, 0, 15):
            raise SourceError(
                f"found name {io.name!r} and unit {io.unit!r}, expected printable ASCII of at most "
                "31 and 15 characters; rename the input or output when exporting"
            )
    return replace(program, ios=tuple(ios))


def _is_text(text: str, least: int, most: int) -> bool:
    return least <= len(text) <= most and text.isascii() and (text.isprintable() or not text)
