"""Writes the seeds that every fuzz target begins with, the same bytes each time. What a fuzzer found and somebody
keeps lies beside them, named found_...

    .venv/bin/python -m tests.fuzz.make_corpus
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from plasma_edge import PublicKey, verify_root
from plasma_pack import assemble
from plasma_pack.packet.keys import public_bytes
from plasma_pack.packet.root import TrustRoot
from plasma_pack.packet.writer import write_packet
from tests.attacks.fleet import Fleet, key_of

CORPUS = Path(__file__).parent / "corpus"
PROGRAMS = Path(__file__).parents[1] / "programs"
MOST_BYTES = 2_000  # of a seed


def seeds() -> Iterator[tuple[str, str, bytes]]:
    """Target, name, bytes."""
    for name, packet in packets():
        yield "container", name, packet
        yield "container_resign", name, packet
    for name, root in roots():
        yield "root", name, root
    for path in sorted(PROGRAMS.glob("*.pasm")):
        assembly = assemble(path.read_text(encoding="utf-8"))
        if assembly.adapter:
            yield from small("adapter", path.stem, sections(assembly.adapter))
        yield from small("program", path.stem, sections(assembly.sections))
    for target in ("kernels", "interp_diff", "ed25519", "zstd"):
        for number in range(16):
            yield target, f"{number:02}", random.Random(number).randbytes(4 * number)


def packets() -> Iterator[tuple[str, bytes]]:
    fleet = Fleet()
    yield "base", fleet.base
    yield "adapter", fleet.adapter
    yield "two_signers", write_packet(fleet.base_draft, [fleet.release, fleet.stranger])
    yield "of_a_stranger", write_packet(fleet.base_draft, [key_of(9)])
    yield "without_gold", write_packet(_without(fleet, 10), [fleet.release])
    yield "cut_short", fleet.base[:300]


def roots() -> Iterator[tuple[str, bytes]]:
    """The root that fuzz_root has, its successor, and one that revokes."""
    alice, bob = key_of(1), key_of(2)
    first = (
        TrustRoot.first()
        .with_key("alice", PublicKey(public_bytes(alice)), "root", "base")
        .with_key("bob", PublicKey(public_bytes(bob)), "adapter")
        .with_channel("arm", ["alice", "bob"])
        .with_channel("leg", ["alice"])
    )
    data = first.sign([alice])
    yield "first", data
    yield "successor", TrustRoot.after(verify_root(data)).sign([alice])
    yield "revoking", first.with_revoked([bytes([1]) * 32, bytes([2]) * 32]).sign([alice])


def _without(fleet: Fleet, section: int) -> object:
    draft = fleet.base_draft
    return replace(draft, sections={k: v for k, v in draft.sections.items() if k != section})


def small(target: str, name: str, data: bytes) -> Iterator[tuple[str, str, bytes]]:
    if len(data) <= MOST_BYTES:
        yield target, name, data


def sections(contents: dict[int, bytes]) -> bytes:
    """As tests/fuzz/program_bytes.hpp has it: type u8, length u24, content."""
    return b"".join(
        bytes([kind]) + len(content).to_bytes(3, "little") + content
        for kind, content in sorted(contents.items())
    )


def main() -> None:
    for target, name, data in seeds():
        path = CORPUS / target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


if __name__ == "__main__":
    main()
