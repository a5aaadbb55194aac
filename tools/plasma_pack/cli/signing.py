# SPDX-License-Identifier: Apache-2.0
"""Verbs about keys and signatures: keygen, cosign, prepare, attach, export-dsse."""

from __future__ import annotations

import base64
import binascii
import json
from pathlib import Path
from typing import Annotated

import typer

from plasma_pack.cli import render
from plasma_pack.cli.command import password_of
from plasma_pack.cli.options import AsJson, AskPassword, PacketFile
from plasma_pack.errors import OptionError
from plasma_pack.packet import keys, signing
from plasma_pack.packet.format import SIGNATURE_BYTES
from plasma_pack.packet.packet import save

SignedOut = Annotated[Path | None, typer.Option("--out", "-o", help="default: the same file")]


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
    password = password_of(ask=False)
    if encrypt and password is None:
        password = str(
            typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        )
    public = keys.keygen(path, comment=comment, password=password if encrypt else None)
    line = keys.public_line(public)
    typer.echo(
        json.dumps({"ok": True, "public": line.strip()}) + "\n" if as_json else line, nl=False
    )


def cosign(
    packet: PacketFile,
    key: Annotated[
        Path, typer.Option(help="private key that a place is reserved for (build --signer, root)")
    ],
    out: SignedOut = None,
    ask_password: AskPassword = False,
    as_json: AsJson = False,
) -> None:
    """Add one more signature to a packet or trust root that has a place for it.

    \b
    plasma-pack cosign walker.plasma --key second.pem
    """
    private_key = keys.load_private(key, password=password_of(ask_password))
    _save(signing.cosign(packet, private_key), out or packet, as_json=as_json)


def prepare(
    packet: PacketFile,
    out: Annotated[Path, typer.Option("--out", "-o", help="file for the bytes to sign")],
    as_json: AsJson = False,
) -> None:
    """Write the bytes that a key elsewhere signs with Ed25519: another machine, an HSM.

    \b
    plasma-pack build walker.onnx --signer hsm.pub -o walker.plasma
    plasma-pack prepare walker.plasma -o walker.tbs
    openssl pkeyutl -sign -rawin -in walker.tbs -inkey hsm.pem -out walker.sig
    plasma-pack attach walker.plasma --signature walker.sig --signer hsm.pub
    """
    message = signing.prepare(packet)
    save(out, message)
    render.written(out, len(message), as_json=as_json)


def attach(
    packet: PacketFile,
    signature: Annotated[Path, typer.Option(help="64 bytes, or these in base64 or hexadecimal")],
    signer: Annotated[Path, typer.Option(help="public key that a place is reserved for")],
    out: SignedOut = None,
    as_json: AsJson = False,
) -> None:
    """Put a signature that was made elsewhere (prepare) into its place.

    \b
    plasma-pack attach walker.plasma --signature walker.sig --signer hsm.pub
    """
    public_key = keys.load_public(signer)
    signed = signing.attach(packet, _read_signature(signature), public_key)
    _save(signed, out or packet, as_json=as_json)


def export_dsse(
    packet: PacketFile,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="default: stdout")] = None,
    as_json: AsJson = False,
) -> None:
    """Write what is signed, and the signatures, as a DSSE envelope (JSON), for transparency logs.

    \b
    plasma-pack export-dsse walker.plasma -o walker.dsse.json
    """
    envelope = json.dumps(signing.dsse_envelope(packet))
    if out is None:
        typer.echo(envelope)
        return
    save(out, envelope.encode())
    render.written(out, len(envelope), as_json=as_json)


def _save(signed: bytes, out: Path, *, as_json: bool) -> None:
    save(out, signed)
    render.written(out, len(signed), as_json=as_json)


def _read_signature(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise OptionError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) == SIGNATURE_BYTES:
        return data
    text = b"".join(data.split())
    for decode in (bytes.fromhex, base64.b64decode):
        try:
            found = decode(text.decode("ascii"))
        except (ValueError, binascii.Error):
            continue
        if len(found) == SIGNATURE_BYTES:
            return found
    raise OptionError(
        f"{path} has {len(data)} bytes, expected a signature: 64 bytes, or these in base64 or hexadecimal"
    )
