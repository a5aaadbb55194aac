# SPDX-License-Identifier: Apache-2.0
"""`plasma-pack`: make keys, compile and sign packets, look into them.

\b
    plasma-pack keygen keys/release.pem
    plasma-pack build walker.onnx --key keys/release.pem --out walker.plasma
    plasma-pack verify walker.plasma --trust keys/release.pub
    plasma-pack check walker.plasma --source walker.onnx --env BipedalWalker-v3

The exit code is 0 only on success: 1 when something was refused (the reason on stderr, with its E_
code), 2 when the command line was wrong. A password for private keys comes from PLASMA_KEY_PASSWORD
or, with --ask-password, a prompt.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, NoReturn, ParamSpec

import typer

import plasma_edge
from plasma_edge import PlasmaError, TrustStore
from plasma_pack import adapter_packet, base_packet
from plasma_pack.cli import render, studies
from plasma_pack.cli.options import (
    AsJson,
    FrameStack,
    NetworkFile,
    PacketFile,
    States,
    VecNormalize,
)
from plasma_pack.cli.values import load_audit, load_observations, pairs, per_output, ranges
from plasma_pack.compiler.precision import PRECISIONS
from plasma_pack.errors import OptionError
from plasma_pack.inspection import describe, printable
from plasma_pack.packet import keys
from plasma_pack.packet.format import Kind
from plasma_pack.packet.packet import save
from plasma_pack.packet.reader import OpenPacket, open_packet
from plasma_pack.packet.writer import sign_packet
from plasma_pack.pasm.disassembler import disassemble, disassemble_adapter

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help=__doc__,
)
_P = ParamSpec("_P")

KeyFiles = Annotated[
    list[Path], typer.Option("--key", help="private key (PEM); repeat for several signers")
]
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
Channel = Annotated[str | None, typer.Option(help="channel of the devices it is meant for")]
Sequence = Annotated[int, typer.Option(help="release number within the channel")]
AskPassword = Annotated[
    bool, typer.Option("--ask-password", help="prompt for the password of the private key")
]
Base = Annotated[Path | None, typer.Option(help="base packet of an adapter")]


def main() -> None:
    """The entry point of `plasma-pack`."""
    app()


def _command(function: Callable[_P, None]) -> Callable[_P, None]:
    """A verb of the command line: errors of plasma go to stderr and end it with exit code 1."""

    @functools.wraps(function)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except PlasmaError as error:
            _fail(error, as_json=bool(kwargs.get("as_json")))

    return app.command()(run)


def _fail(error: PlasmaError, *, as_json: bool) -> NoReturn:
    message = str(error)
    if as_json:
        typer.echo(json.dumps({"ok": False, "code": error.code, "message": printable(message)}))
    typer.echo(message if error.code in message else f"{error.code}: {message}", err=True)
    raise typer.Exit(1)


def _password(ask: bool) -> str | None:
    if ask:
        return str(typer.prompt("Password of the private key", hide_input=True, err=True))
    return os.environ.get("PLASMA_KEY_PASSWORD")


@_command
def keygen(
    path: Annotated[
        Path,
        typer.Argument(help="private key to write (PEM); the public one goes beside it (.pub)"),
    ],
    comment: Annotated[
        str, typer.Option(help="who the key is known as; default: the file's name")
    ] = "",
    encrypt: Annotated[bool, typer.Option("--encrypt", help="protect it with a password")] = False,
    as_json: AsJson = False,
) -> None:
    """Make an Ed25519 key pair. An existing file is never overwritten.

    \b
    plasma-pack keygen keys/release.pem --comment "release, line 4"
    """
    password = _password(ask=False)
    if encrypt and password is None:
        password = str(
            typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        )
    public = keys.keygen(path, comment=comment, password=password if encrypt else None)
    line = keys.public_line(public)
    typer.echo(
        json.dumps({"ok": True, "public": line.strip()}) + "\n" if as_json else line, nl=False
    )


@_command
def build(
    source: Annotated[
        Path,
        typer.Argument(
            help="policy: ONNX, Stable-Baselines3, CleanRL or other state_dict, TensorFlow Lite, .pasm"
        ),
    ],
    key: KeyFiles,
    out: Out,
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
    ask_password: AskPassword = False,
    as_json: AsJson = False,
) -> None:
    """Compile a policy, quantise it, self-test it and sign it.

    \b
    plasma-pack build walker.onnx --key release.pem -o walker.plasma
    plasma-pack build walker.onnx --key release.pem -o walker.plasma --env BipedalWalker-v3
    plasma-pack build walker.onnx --key release.pem -o walker.plasma --calib flight.npz --max-error 0.002
    """
    password = _password(ask_password)
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
            password=password,
        )
    render.built(packet, out, as_json=as_json)


@_command
def adapter(
    base: Annotated[Path, typer.Argument(help="base packet it was trained for")],
    peft: Annotated[Path, typer.Argument(help="PEFT directory (save_pretrained)")],
    key: KeyFiles,
    out: Out,
    golden: Golden = None,
    audit: Audit = None,
    signer: Signers = [],  # noqa: B006
    name: Name = "",
    channel: Channel = None,
    sequence: Sequence = 0,
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
        password=_password(ask_password),
    )
    render.built(packet, out, as_json=as_json)


@_command
def sign(
    packet: PacketFile,
    key: Annotated[
        Path, typer.Option(help="private key that a place is reserved for (build --signer)")
    ],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="default: the same file")] = None,
    ask_password: AskPassword = False,
    as_json: AsJson = False,
) -> None:
    """Add one more signature to a packet that has a place for it.

    \b
    plasma-pack sign walker.plasma --key second.pem
    """
    private_key = keys.load_private(key, password=_password(ask_password))
    signed = sign_packet(packet, private_key)
    save(out or packet, signed)
    render.written(out or packet, len(signed), as_json=as_json)


@_command
def verify(
    packet: PacketFile,
    trust: Annotated[list[Path], typer.Option(help="public key file; repeat for several keys")],
    threshold: Annotated[int, typer.Option(help="how many distinct keys must have signed")] = 1,
    base: Base = None,
    channel: Channel = None,
    require_audit: Annotated[str | None, typer.Option(help="unverified or verified")] = None,
    as_json: AsJson = False,
) -> None:
    """Say whether a device that trusts these keys would load the packet, and who signed it.

    \b
    plasma-pack verify walker.plasma --trust release.pub
    plasma-pack verify walker.plasma --trust a.pub --trust b.pub --threshold 2
    """
    store = TrustStore.from_files(*trust, threshold=threshold)
    info = plasma_edge.verify(
        packet, trust=store, base=base, channel=channel, require_audit=require_audit
    )
    signed_by = [printable(store.name_of(signer) or "") for signer in info.signers]
    facts: dict[str, Any] = {"ok": True, "code": "OK", "signed_by": signed_by, **asdict(info)}
    facts = {
        name: value.hex() if isinstance(value, bytes) else value for name, value in facts.items()
    }
    facts["signers"] = [signer.hex() for signer in info.signers]
    facts["base_digest"] = info.base_digest.hex() if any(info.base_digest) else None
    render.verdict(facts, as_json=as_json)


@_command
def inspect(packet: PacketFile, base: Base = None, as_json: AsJson = False) -> None:
    """Show what a packet says about itself. Proves nothing: use verify for that.

    \b
    plasma-pack inspect walker.plasma
    plasma-pack inspect icy.plasma --base walker.plasma
    """
    facts = describe(open_packet(packet), open_packet(base) if base else None)
    render.inspection(facts, as_json=as_json)


@_command
def disasm(
    packet: PacketFile,
    base: Base = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="default: stdout")] = None,
    as_json: AsJson = False,
) -> None:
    """Write the program as text (.pasm). An adapter needs --base, and its text belongs behind the
    base's.

    \b
    plasma-pack disasm walker.plasma -o walker.pasm
    """
    text = _text(open_packet(packet), base)
    if out is not None:
        save(out, text.encode())
        render.written(out, len(text.encode()), as_json=as_json)
    else:
        typer.echo(json.dumps({"ok": True, "text": text}) + "\n" if as_json else text, nl=False)


for _verb in (studies.check, studies.diff, studies.estimate, studies.graph):
    _command(_verb)


def _text(opened: OpenPacket, base: Path | None) -> str:
    if opened.header.kind == Kind.BASE:
        return disassemble(opened.sections, opened.slot_names)
    if base is None:
        raise OptionError("an adapter's patches have the shapes of its base; pass --base")
    opened_base = open_packet(base)
    if opened_base.header.content_digest != opened.header.base_digest:
        raise OptionError(
            f"{base} is not the base of this adapter; expected content digest "
            f"{opened.header.base_digest.hex()}"
        )
    return disassemble_adapter(opened.sections, opened_base.sections, opened_base.slot_names)
