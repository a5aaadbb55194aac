# SPDX-License-Identifier: Apache-2.0
"""Verbs that make packets: build, adapter."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from plasma_pack import adapter_packet, base_packet
from plasma_pack.cli import render
from plasma_pack.cli.command import password_of
from plasma_pack.cli.options import (
    AsJson,
    AskPassword,
    Channel,
    FrameStack,
    KeyFiles,
    NetworkFile,
    States,
    VecNormalize,
)
from plasma_pack.cli.values import load_audit, load_observations, moment, pairs, per_output, ranges
from plasma_pack.compiler.precision import PRECISIONS

Out = Annotated[Path, typer.Option("--out", "-o", help="packet to write")]
Golden = Annotated[
    Path | None, typer.Option(help="observations for the self-test: .npy [N, n], or .npz by input")
]
Weights = Annotated[
    str,
    typer.Option(
        help="auto chooses by error; or int8, f16, f32",
        autocompletion=lambda: ["auto", *PRECISIONS],
    ),
]
Calibration = Annotated[
    Path | None, typer.Option("--calib", help="observations to measure errors on, as for --golden")
]
Ranges = Annotated[list[str], typer.Option("--range", help="of an input: NAME=LOW,HIGH")]
Units = Annotated[list[str], typer.Option("--unit", help="of an input: NAME=UNIT")]
Audit = Annotated[Path | None, typer.Option(help="findings of the audit: JSON with 'verdict'")]
Signers = Annotated[
    list[Path], typer.Option("--signer", help="public key that will sign later (sign); repeatable")
]
Name = Annotated[str, typer.Option(help="name shown to people")]
Sequence = Annotated[int, typer.Option(help="release number within the channel")]
RollbackIndex = Annotated[
    int, typer.Option(help="raise it to burn every release with a smaller one")
]
NotBefore = Annotated[str | None, typer.Option(help="may be installed from this day on (UTC)")]
NotAfter = Annotated[str | None, typer.Option(help="and until this one; it runs on")]


def build(
    source: Annotated[
        Path,
        typer.Argument(
            help="policy: ONNX, Stable-Baselines3, CleanRL or other state_dict, TensorFlow Lite, .pasm"
        ),
    ],
    out: Out,
    key: KeyFiles = [],  # noqa: B006
    golden: Golden = None,
    audit: Audit = None,
    weights: Weights = "auto",
    max_error: Annotated[
        float | None,
        typer.Option(help="of every output; default 0.01 of its range, 0.005 of its choices"),
    ] = None,
    calib: Calibration = None,
    env: Annotated[
        str | None, typer.Option(help="measure errors in this Gymnasium environment (needs [gym])")
    ] = None,
    max_adapters: Annotated[
        int, typer.Option(help="how many adapters may be attached at once")
    ] = 4,
    max_rank: Annotated[int, typer.Option(help="largest rank of an adapter")] = 16,
    low: Annotated[list[str], typer.Option(help="lowest action: -1, or -1,-2, or NAME=-1,-2")] = [],  # noqa: B006
    high: Annotated[list[str], typer.Option(help="highest action")] = [],  # noqa: B006
    safe: Annotated[list[str], typer.Option(help="action on a fault; default 0")] = [],  # noqa: B006
    max_delta: Annotated[list[str], typer.Option(help="most an action may change in a tick")] = [],  # noqa: B006
    actuator: Annotated[
        list[str], typer.Option(help="output that drives something; default all")
    ] = [],  # noqa: B006
    state: States = [],  # noqa: B006
    input_range: Ranges = [],  # noqa: B006
    unit: Units = [],  # noqa: B006
    vec_normalize: VecNormalize = None,
    frame_stack: FrameStack = None,
    network: NetworkFile = None,
    signer: Signers = [],  # noqa: B006
    name: Name = "",
    channel: Channel = None,
    sequence: Sequence = 0,
    rollback_index: RollbackIndex = 0,
    not_before: NotBefore = None,
    not_after: NotAfter = None,
    ask_password: AskPassword = False,
    as_json: AsJson = False,
) -> None:
    """Compile a policy, quantise it, self-test it and sign it.

    \b
    plasma-pack build walker.onnx --key release.pem -o walker.plasma
    plasma-pack build walker.onnx --key release.pem -o walker.plasma --env BipedalWalker-v3
    plasma-pack build walker.onnx --key release.pem -o walker.plasma --calib flight.npz --max-error 0.002
    """
    password = password_of(ask_password)
    with render.waiting("compiling and measuring"):
        packet = base_packet.build(
            source,
            key=list(key),
            out=out,
            golden=load_observations("--golden", golden),
            audit=load_audit(audit),
            weights=weights,
            max_error=max_error,
            calibration=load_observations("--calib", calib),
            env=env,
            max_adapters=max_adapters,
            max_rank=max_rank,
            low=per_output("--low", low),
            high=per_output("--high", high),
            safe=per_output("--safe", safe),
            max_delta=per_output("--max-delta", max_delta),
            actuators=actuator or None,
            states=pairs("--state", state),
            ranges=ranges("--range", input_range),
            units=pairs("--unit", unit),
            vec_normalize=False if vec_normalize == "none" else vec_normalize,
            frame_stack=frame_stack,
            network=network,
            signers=signer,
            name=name,
            channel=channel,
            sequence=sequence,
            rollback_index=rollback_index,
            not_before=moment("--not-before", not_before),
            not_after=moment("--not-after", not_after),
            password=password,
        )
    render.built(packet, out, as_json=as_json)


def adapter(
    base: Annotated[Path, typer.Argument(help="base packet it was trained for")],
    peft: Annotated[Path, typer.Argument(help="PEFT directory (save_pretrained)")],
    out: Out,
    key: KeyFiles = [],  # noqa: B006
    golden: Golden = None,
    audit: Audit = None,
    signer: Signers = [],  # noqa: B006
    name: Name = "",
    channel: Channel = None,
    sequence: Sequence = 0,
    rollback_index: RollbackIndex = 0,
    not_before: NotBefore = None,
    not_after: NotAfter = None,
    ask_password: AskPassword = False,
    as_json: AsJson = False,
) -> None:
    """Compile a LoRA adapter against its base, self-test it and sign it.

    \b
    plasma-pack adapter walker.plasma runs/icy --key release.pem -o icy.plasma
    """
    packet = adapter_packet.build_adapter(
        base,
        peft,
        key=list(key),
        out=out,
        golden=load_observations("--golden", golden),
        audit=load_audit(audit),
        signers=signer,
        name=name,
        channel=channel,
        sequence=sequence,
        rollback_index=rollback_index,
        not_before=moment("--not-before", not_before),
        not_after=moment("--not-after", not_after),
        password=password_of(ask_password),
    )
    render.built(packet, out, as_json=as_json)
