# SPDX-License-Identifier: Apache-2.0
"""Verbs that judge: verify, doctor."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

import plasma_edge
from plasma_edge import Device, Floor, PacketInfo, TrustStore
from plasma_pack.cli import render
from plasma_pack.cli.options import AsJson, Base, Channel, PacketFile
from plasma_pack.cli.values import moment
from plasma_pack.doctor import examine
from plasma_pack.estimate import cold_steps
from plasma_pack.inspection import plain, printable
from plasma_pack.packet.reader import open_packet
from plasma_pack.words import words_of


def verify(
    packet: PacketFile,
    trust: Annotated[
        list[Path], typer.Option(help="root.plasma, or a public key file; repeat for several keys")
    ],
    threshold: Annotated[int, typer.Option(help="how many of the keys must have signed")] = 1,
    base: Base = None,
    channel: Channel = None,
    require_audit: Annotated[str | None, typer.Option(help="unverified or verified")] = None,
    install: Annotated[
        bool, typer.Option("--install", help="ask whether it may be installed, not only run")
    ] = False,
    confirmed: Annotated[
        Path | None, typer.Option(help="with --install: the packet that the device confirmed last")
    ] = None,
    now: Annotated[str | None, typer.Option(help="with --install: day (UTC); default: now")] = None,
    as_json: AsJson = False,
) -> None:
    """Say whether a device that trusts these keys would run the packet, or install it, and who signed it.

    \b
    plasma-pack verify walker.plasma --trust release.pub
    plasma-pack verify walker.plasma --trust a.pub --trust b.pub --threshold 2
    plasma-pack verify walker-8.plasma --trust root.plasma --install --confirmed walker-7.plasma
    """
    store = _store(trust, threshold)
    device = _device(store, confirmed, now) if install else None
    info = plasma_edge.verify(
        packet,
        trust=store,
        base=base,
        channel=channel,
        require_audit=require_audit,
        device=device,
    )
    question = "may install it" if install else "runs it"
    facts = {"packet": printable(str(packet)), "trust": _names(trust), "question": question}
    render.verdict(facts | _facts(packet, info, store), as_json=as_json)


def doctor(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="private and public keys, packets, roots; default: all of this folder"),
    ] = None,
    trust: Annotated[
        Path | None, typer.Option(help="root or public key to verify packets with")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Look for what will hurt later: readable private keys, keys without a pair, roots about to expire or
    that the loss of one key strands, packets that are damaged or that nobody trusts. Exit code 1 when there
    is a problem.

    \b
    plasma-pack doctor keys/*.pem root.plasma walker.plasma
    """
    found = examine(files or sorted(Path().iterdir()), trust, now=int(time.time()))
    render.problems(found, as_json=as_json)
    if not found["ok"]:
        raise typer.Exit(1)


def _store(trust: list[Path], threshold: int) -> TrustStore:
    store = TrustStore.of(trust[0]) if len(trust) == 1 else TrustStore.of(trust)
    return store if store.root else TrustStore(store.keys, threshold)


def _device(store: TrustStore, confirmed: Path | None, now: str | None) -> Device:
    moment_now = int(time.time()) if now is None else moment("--now", now)
    if confirmed is None:
        return Device(moment_now)
    version = plasma_edge.verify_root(store.root).version if store.root else 0
    last = plasma_edge.verify(confirmed, trust=store)
    return Device(moment_now, floors=(Floor.of(last, version),))


def _facts(packet: Path, info: PacketInfo, store: TrustStore) -> dict[str, Any]:
    facts: dict[str, Any] = plain(asdict(info))
    release = {
        name: facts.pop(name) for name in ("sequence", "rollback_index", "not_before", "not_after")
    }
    return facts | {
        "ok": True,
        "code": "OK",
        "signed_by": [printable(store.name_of(signer) or "") for signer in info.signers],
        "words": words_of(info.content_digest),
        "base_digest": info.base_digest.hex() if any(info.base_digest) else None,
        "channel_id": info.channel_id.hex() if any(info.channel_id) else None,
        "release": release,
        "boards": cold_steps(open_packet(packet)) if info.kind == "base" else {},
    }


def _names(trust: list[Path]) -> str:
    return ", ".join(printable(path.name) for path in trust)
