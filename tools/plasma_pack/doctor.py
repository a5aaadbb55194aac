# SPDX-License-Identifier: Apache-2.0
"""What will hurt later, found today: in private keys, public keys, packets and trust roots on disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import plasma_edge
from plasma_edge import PlasmaError, RootInfo, TrustStore
from plasma_pack.inspection import printable
from plasma_pack.packet import format as fmt
from plasma_pack.packet import keys
from plasma_pack.packet.reader import open_packet
from plasma_pack.packet.root import ROLES

_SOON = 60 * 86_400  # a root that expires in two months wants a successor now


class Finding(NamedTuple):
    """level: ok, warning or problem."""

    level: str
    what: str
    text: str


def examine(files: Sequence[Path], trust: Path | None, *, now: int) -> dict[str, Any]:
    """Findings about every file of a known kind, and the versions that made them. JSON-ready; `ok` when
    there is no problem.
    """
    store = TrustStore.of(trust) if trust else None
    findings = [finding for path in files for finding in _examine(path, store, now)]
    if not findings:
        findings = [Finding("warning", ".", "found no .pem, .pub or .plasma file; name some")]
    return {
        "ok": all(finding.level != "problem" for finding in findings),
        "versions": {
            "plasma-edge": plasma_edge.__version__,
            "kernels": ", ".join(plasma_edge.kernel_tables()),
            **{name: version(name) for name in ("cryptography", "zstandard")},
        },
        "findings": [
            {"level": level, "what": printable(what), "text": printable(text, longest=2000)}
            for level, what, text in findings
        ],
    }


def _examine(path: Path, store: TrustStore | None, now: int) -> Iterator[Finding]:
    try:
        path.stat()  # of a kind that is not looked into: is it there at all?
        match path.suffix:
            case ".pem":
                yield from _private_key(path)
            case ".pub":
                yield from _public_key(path)
            case ".plasma":
                yield from _packet(path, store, now)
    except PlasmaError as error:
        yield Finding("problem", path.name, str(error))
    except OSError as error:
        yield Finding("problem", path.name, f"cannot be read: {error.strerror}")


def _private_key(path: Path) -> Iterator[Finding]:
    pair = keys.public_path_of(path)
    if b"BEGIN ENCRYPTED" in path.read_bytes():
        yield Finding("ok", path.name, "private key, protected by a password")
        return
    public = keys.public_bytes(keys.load_private(path))
    yield Finding(
        "warning", path.name, "private key without a password: whoever copies the file signs"
    )
    if not pair.exists():
        yield Finding("warning", path.name, f"{pair.name} is not beside it")
    elif public not in {key.raw for key in TrustStore.from_files(pair).keys}:
        yield Finding("problem", path.name, f"{pair.name} beside it belongs to another key")


def _public_key(path: Path) -> Iterator[Finding]:
    for key in TrustStore.from_files(path).keys:
        yield Finding(
            "ok", path.name, f"public key {key.comment or '(no comment)'}, {key.id.hex()}"
        )


def _packet(path: Path, store: TrustStore | None, now: int) -> Iterator[Finding]:
    opened = open_packet(path)
    if opened.header.kind == fmt.Kind.TRUST_ROOT:
        yield from _root(path, plasma_edge.verify_root(path), now)
        return
    absent = opened.signatures.count(fmt.ABSENT_SIGNATURE)
    if absent:
        yield Finding(
            "warning", path.name, f"{absent} of its signatures are not there yet (cosign)"
        )
    if opened.header.not_after and opened.header.not_after <= now:
        yield Finding("warning", path.name, "it has expired: devices run it and do not install it")
    if store is None:
        yield Finding("ok", path.name, "undamaged; pass --trust to know whether devices believe it")
        return
    info = plasma_edge.verify(path, trust=store)
    names = ", ".join(store.name_of(signer) or "" for signer in info.signers)
    yield Finding("ok", path.name, f"{info.kind} packet, signed by {names}")


def _root(path: Path, root: RootInfo, now: int) -> Iterator[Finding]:
    yield Finding("ok", path.name, f"trust root, version {root.version}, {len(root.keys)} keys")
    yield from (Finding(level, path.name, text) for level, text in _root_risks(root, now))


def _root_risks(root: RootInfo, now: int) -> Iterable[tuple[str, str]]:
    counts = {role: sum(role in key.roles for key in root.keys) for role in ROLES}
    if root.expires and root.expires <= now:
        yield "problem", "it has expired: devices install nothing more; sign the next version"
    elif root.expires and root.expires - now < _SOON:
        days = (root.expires - now) // 86_400
        yield "warning", f"it expires in {days} days; sign and deliver the next version"
    elif not root.expires:
        yield "warning", "it never expires: a device cut off from updates cannot notice"
    if counts["root"] == root.thresholds["root"]:
        yield "warning", "the loss of one root key strands every device; add a root key"
    if root.thresholds["root"] == 1:
        yield "warning", "one root key alone replaces the root; two of three are usual"
    both = [key.name for key in root.keys if {"root", "adapter"} <= set(key.roles)]
    if both:
        yield "warning", f"{', '.join(both)}: an online adapter key that may sign roots as well"
    for channel in root.channels:
        signers = [root.keys[index] for index in channel.keys]
        for role in ("base", "adapter"):
            count = sum(role in key.roles for key in signers)
            if 0 < count < root.thresholds[role]:
                yield (
                    "warning",
                    f"channel {channel.name}: {count} keys may sign its {role} packets, the threshold is "
                    f"{root.thresholds[role]}: no device takes one",
                )
