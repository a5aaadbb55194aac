# SPDX-License-Identifier: Apache-2.0
"""`plasma-pack root`: who may sign what. Every change is a new version, signed by the keys of the old one and the new.

\b
    plasma-pack root init root.plasma --root alice.pub --root bob.pub --root-threshold 2 --base alice.pub \\
        --adapter online.pub --channel arm=alice,online --expires 2028-01-01 --key alice.pem --key bob.pem
    plasma-pack root rotate root.plasma --old online --new online-2.pub -o root-2.plasma --key alice.pem
    plasma-pack cosign root-2.plasma --key bob.pem
    plasma-pack root show root-2.plasma --previous root.plasma
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

import plasma_edge
from plasma_edge import PublicKey, RootInfo, SignatureError
from plasma_pack.cli import render
from plasma_pack.cli.command import add_verb, password_of
from plasma_pack.cli.options import AsJson, AskPassword, KeyFiles
from plasma_pack.cli.values import moment
from plasma_pack.errors import OptionError
from plasma_pack.inspection import plain
from plasma_pack.packet import keys
from plasma_pack.packet.packet import save
from plasma_pack.packet.reader import open_packet
from plasma_pack.packet.root import ROLES, TrustRoot

app = typer.Typer(name="root", no_args_is_help=True, rich_markup_mode=None, help=__doc__)

Current = Annotated[Path, typer.Argument(help="the root that devices have now")]
Next = Annotated[Path, typer.Option("--out", "-o", help="the next version, to write")]
Roots = Annotated[list[Path], typer.Option("--root", help="public key that may sign roots")]
Bases = Annotated[list[Path], typer.Option("--base", help="public key that may sign bases")]
Adapters = Annotated[
    list[Path], typer.Option("--adapter", help="public key that may sign adapters")
]
Channels = Annotated[
    list[str], typer.Option("--channel", help="NAME, or NAME=KEY,KEY for those that may sign in it")
]
Threshold = Annotated[int | None, typer.Option(min=1, help="how many distinct keys must sign one")]
Expires = Annotated[
    str | None,
    typer.Option(help="day (UTC) from which nothing is installed under it; packets run on"),
]
Issued = Annotated[str | None, typer.Option(help="time of issue; default: now")]


def init(
    out: Annotated[Path, typer.Argument(help="root to write, such as root.plasma")],
    root: Roots,
    base: Bases = [],  # noqa: B006
    adapter: Adapters = [],  # noqa: B006
    root_threshold: Threshold = None,
    base_threshold: Threshold = None,
    adapter_threshold: Threshold = None,
    channel: Channels = [],  # noqa: B006
    expires: Expires = None,
    issued: Issued = None,
    key: KeyFiles = [],  # noqa: B006
    ask_password: AskPassword = False,
    as_json: AsJson = False,
) -> None:
    """Make the first version. Keys are known by the comments of their files.

    \b
    plasma-pack root init root.plasma --root alice.pub --base alice.pub --adapter online.pub --key alice.pem
    """
    if out.exists():
        raise OptionError(
            f"{out} exists; change it with root add, revoke or rotate, or move it away"
        )
    first = TrustRoot.first(issued_at=_now(issued), expires=moment("--expires", expires))
    made = _with_channels(_with_keys(first, root, base, adapter), channel)
    made = _with_thresholds(made, root_threshold, base_threshold, adapter_threshold)
    _write(made, None, out, key, ask_password, as_json)


def add(
    current: Current,
    out: Next,
    root: Roots = [],  # noqa: B006
    base: Bases = [],  # noqa: B006
    adapter: Adapters = [],  # noqa: B006
    root_threshold: Threshold = None,
    base_threshold: Threshold = None,
    adapter_threshold: Threshold = None,
    channel: Channels = [],  # noqa: B006
    expires: Expires = None,
    issued: Issued = None,
    key: KeyFiles = [],  # noqa: B006
    ask_password: AskPassword = False,
    as_json: AsJson = False,
) -> None:
    """Add keys, roles or channels, or set thresholds and expiry: the next version.

    \b
    plasma-pack root add root.plasma --adapter carol.pub --channel arm=alice,carol -o root-2.plasma --key alice.pem
    plasma-pack root add root.plasma --expires 2029-01-01 -o root-2.plasma --key alice.pem
    """
    made = _with_keys(_after(current, issued, expires), root, base, adapter)
    made = _with_thresholds(
        _with_channels(made, channel), root_threshold, base_threshold, adapter_threshold
    )
    _write(made, current, out, key, ask_password, as_json)


def revoke(
    current: Current,
    out: Next,
    signer: Annotated[
        list[str], typer.Option(help="name of a key: what it alone signed is refused")
    ] = [],  # noqa: B006
    packet: Annotated[
        list[Path], typer.Option(help="packet whose content is refused for ever")
    ] = [],  # noqa: B006
    digest: Annotated[
        list[str], typer.Option(help="content digest, in hexadecimal, likewise")
    ] = [],  # noqa: B006
    rollback_floor: Annotated[
        list[str], typer.Option(help="CHANNEL=N: releases with a smaller rollback index are burnt")
    ] = [],  # noqa: B006
    sequence_floor: Annotated[
        list[str], typer.Option(help="CHANNEL=N: no release before this one is installed")
    ] = [],  # noqa: B006
    reset: Annotated[
        list[str], typer.Option(help="CHANNEL in which devices forget what they confirmed so far")
    ] = [],  # noqa: B006
    root_threshold: Threshold = None,
    base_threshold: Threshold = None,
    adapter_threshold: Threshold = None,
    expires: Expires = None,
    issued: Issued = None,
    key: KeyFiles = [],  # noqa: B006
    ask_password: AskPassword = False,
    as_json: AsJson = False,
) -> None:
    """Take trust back, from keys, contents or release numbers: the next version.

    \b
    plasma-pack root revoke root.plasma --signer online -o root-2.plasma --key alice.pem
    plasma-pack root revoke root.plasma --packet evil.plasma --reset arm -o root-2.plasma --key alice.pem
    """
    made = _after(current, issued, expires)
    for name in signer:
        made = made.without_key(name)
    made = made.with_revoked([*map(_digest, digest), *map(_digest_of_packet, packet)])
    for name, floor in _floors("--rollback-floor", rollback_floor):
        made = _known(made, name).with_channel(name, rollback_floor=floor)
    for name, floor in _floors("--sequence-floor", sequence_floor):
        made = _known(made, name).with_channel(name, sequence_floor=floor)
    for name in reset:
        made = _known(made, name).with_channel(name, reset=True)
    made = _with_thresholds(made, root_threshold, base_threshold, adapter_threshold)
    _write(made, current, out, key, ask_password, as_json)


def rotate(
    current: Current,
    out: Next,
    old: Annotated[str, typer.Option(help="name of the key that goes")],
    new: Annotated[Path, typer.Option(help="public key that takes its roles and channels")],
    expires: Expires = None,
    issued: Issued = None,
    key: KeyFiles = [],  # noqa: B006
    ask_password: AskPassword = False,
    as_json: AsJson = False,
) -> None:
    """Put a new key in an old one's place: the next version.

    \b
    plasma-pack root rotate root.plasma --old online --new online-2.pub -o root-2.plasma --key alice.pem
    """
    public = keys.load_public(new)
    made = _after(current, issued, expires).with_successor(old, _name(public.comment, new), public)
    _write(made, current, out, key, ask_password, as_json)


def show(
    root: Annotated[Path, typer.Argument(help="root (.plasma)")],
    previous: Annotated[Path | None, typer.Option(help="the root that devices have now")] = None,
    as_json: AsJson = False,
) -> None:
    """Verify a root and show what it says. Exit code 1 when devices would not take it.

    \b
    plasma-pack root show root.plasma
    plasma-pack root show root-2.plasma --previous root.plasma
    """
    info = plasma_edge.verify_root(root, previous)
    render.root(facts_of(info), as_json=as_json)


def facts_of(root: RootInfo) -> dict[str, Any]:
    """JSON-ready; channels name their keys."""
    names = [key.name for key in root.keys]
    facts = dict(plain(asdict(root)))
    facts["keys"] = [
        {"name": key.name, "roles": list(key.roles), "id": PublicKey(key.raw).id.hex()}
        for key in root.keys
    ]
    facts["channels"] = [
        {**row, "keys": [names[i] for i in row["keys"]]} for row in facts["channels"]
    ]
    return {"ok": True, **facts}


for _verb in (init, add, revoke, rotate, show):
    add_verb(app, _verb)


def _after(current: Path, issued: str | None, expires: str | None) -> TrustRoot:
    info = plasma_edge.verify_root(current)
    return TrustRoot.after(info, issued_at=_now(issued), expires=moment("--expires", expires))


def _now(issued: str | None) -> int:
    return int(time.time()) if issued is None else moment("--issued", issued)


def _name(comment: str, path: Path) -> str:
    return comment or path.stem


def _with_keys(
    root: TrustRoot, roots: Sequence[Path], bases: Sequence[Path], adapters: Sequence[Path]
) -> TrustRoot:
    for role, paths in (("root", roots), ("base", bases), ("adapter", adapters)):
        for path in paths:
            public = keys.load_public(path)
            root = root.with_key(_name(public.comment, path), public, role)
    return root


def _with_channels(root: TrustRoot, channels: Sequence[str]) -> TrustRoot:
    for text in channels:
        name, separator, signers = text.partition("=")
        root = root.with_channel(name, signers.split(",") if separator else None)
    return root


def _with_thresholds(
    root: TrustRoot, root_count: int | None, base_count: int | None, adapter_count: int | None
) -> TrustRoot:
    given = dict(zip(ROLES, (base_count, adapter_count, root_count), strict=True))
    return root.with_thresholds(**{role: count for role, count in given.items() if count})


def _digest(text: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != 32:
        raise OptionError(f"--digest: found {text!r}, expected 64 hexadecimal digits")
    return found


def _digest_of_packet(path: Path) -> bytes:
    return open_packet(path).header.content_digest


def _floors(option: str, texts: Sequence[str]) -> list[tuple[str, int]]:
    found = []
    for text in texts:
        name, _, number = text.rpartition("=")
        if not name or not number.isdecimal():
            raise OptionError(f"{option}: found {text!r}, expected CHANNEL=N")
        found.append((name, int(number)))
    return found


def _known(root: TrustRoot, channel: str) -> TrustRoot:
    names = [known.name for known in root.channels]
    if channel not in names:
        raise OptionError(
            f"found no channel {channel!r}, expected one of: {', '.join(names) or 'none'}"
        )
    return root


def _write(
    root: TrustRoot,
    current: Path | None,
    out: Path,
    key_files: Sequence[Path],
    ask_password: bool,
    as_json: bool,
) -> None:
    data = root.sign(keys.load_keys(list(key_files), password=password_of(ask_password)))
    save(out, data)
    missing = _refusal(data, current)
    render.root_written(out, len(data), root.version, missing, as_json=as_json)


def _refusal(data: bytes, current: Path | None) -> str:
    """Why a device that has the current root would not take this one yet; empty when it would."""
    try:
        plasma_edge.verify_root(data, current)
    except SignatureError as error:
        return str(error)
    return ""
