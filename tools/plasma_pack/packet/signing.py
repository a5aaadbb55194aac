# SPDX-License-Identifier: Apache-2.0
"""Signatures that come later than the packet, or from elsewhere: another person, another machine, an HSM.

A place is reserved for every signer when the packet is made; a signature put there changes no byte that
another one covers.
"""

from __future__ import annotations

import base64
from os import PathLike
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from plasma_edge import PublicKey, SignatureError
from plasma_pack.errors import packet_error
from plasma_pack.packet import format as fmt
from plasma_pack.packet.keys import public_bytes
from plasma_pack.packet.reader import OpenPacket, open_packet
from plasma_pack.packet.writer import seal

Source = str | PathLike[str] | bytes


def prepare(packet: Source) -> bytes:
    """The bytes that an Ed25519 key signs: the DSSE pre-authentication encoding of the signed region."""
    return fmt.pre_authentication(_region(open_packet(packet)))


def attach(packet: Source, signature: bytes, key: PublicKey) -> bytes:
    """The same packet with this signature (64 bytes) in the place reserved for the key.

    Raises PacketError when the packet has no place for the key, and SignatureError when the signature is
    not this key's over these bytes.
    """
    opened = open_packet(packet)
    at = _place_of(opened, key)
    try:
        message = fmt.pre_authentication(_region(opened))
        Ed25519PublicKey.from_public_bytes(key.raw).verify(signature, message)
    except InvalidSignature:
        error = SignatureError(
            f"E_SIG_BAD: found {len(signature)} bytes that are no signature of {key.comment or 'this key'} "
            "over this packet, expected its Ed25519 signature over what `prepare` wrote"
        )
        error.code = "E_SIG_BAD"
        raise error from None
    signed = opened.data[:at] + signature + opened.data[at + fmt.SIGNATURE_BYTES :]
    return seal(signed[: -fmt.TRAILER_BYTES])


def cosign(packet: Source, key: Ed25519PrivateKey) -> bytes:
    """The same packet with this key's signature in the place reserved for it."""
    data = open_packet(packet).data
    return attach(data, key.sign(prepare(data)), PublicKey(public_bytes(key)))


def dsse_envelope(packet: Source) -> dict[str, Any]:
    """The signed region and its signatures as a DSSE envelope (github.com/secure-systems-lab/dsse), for
    transparency logs and other tools. JSON-ready.
    """
    opened = open_packet(packet)
    region = _region(opened)
    return {
        "payload": base64.b64encode(region).decode(),
        "payloadType": fmt.payload_type(region),
        "signatures": [
            {"keyid": signer.hex(), "sig": base64.b64encode(signature).decode()}
            for signer, signature in zip(opened.signer_ids, opened.signatures, strict=True)
            if signature != fmt.ABSENT_SIGNATURE
        ],
    }


def _region(opened: OpenPacket) -> bytes:
    return opened.data[: opened.header.signed_len]


def _place_of(opened: OpenPacket, key: PublicKey) -> int:
    if key.id not in opened.signer_ids:
        raise packet_error(
            "E_SIG_UNKNOWN_KEY",
            f"no place is reserved for key {key.id.hex()}; name it with --signer when building",
        )
    index = opened.signer_ids.index(key.id)
    return fmt.align(opened.header.signed_len) + fmt.SIGNATURE_BYTES * index
