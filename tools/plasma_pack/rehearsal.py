# SPDX-License-Identifier: Apache-2.0
"""Runs what nobody has signed yet: the real runtime loads a draft under a key that lives only in
memory.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from plasma_edge import Policy, _core
from plasma_pack.errors import packet_error
from plasma_pack.packet import format as fmt
from plasma_pack.packet.keys import public_bytes
from plasma_pack.packet.reader import OpenPacket
from plasma_pack.packet.writer import Draft, write_packet
from plasma_pack.program.encode import encode
from plasma_pack.program.layout import lay_out
from plasma_pack.program.program import Program

_MEMORY = 1 << 40  # a workstation's, not a robot's


def draft_of(program: Program) -> Draft:
    """A base of this program. Raises the runtime's ProgramError when it breaks a rule."""
    sections = encode(lay_out(program))
    return Draft(fmt.Kind.BASE, sections, fmt.Certificate(**_core.certify(sections)))


def draft_of_packet(opened: OpenPacket) -> Draft:
    """What executes of a base packet, whoever signed it."""
    header = opened.header
    if header.kind != fmt.Kind.BASE:
        raise packet_error("E_KIND", "this packet is an adapter; pass the base that it is for")
    draft = Draft(
        kind=fmt.Kind.BASE,
        sections={t: raw for t, raw in opened.sections.items() if t in fmt.CONTENT_TYPES},
        certificate=header.certificate,
        max_adapters=header.max_adapters,
    )
    if draft.content_digest != header.content_digest:
        raise packet_error(
            "E_CONTENT_DIGEST", "the base's content is not what its header says; fetch it again"
        )
    return draft


def rehearse(base: Draft, adapter: Draft | None = None, *, kernels: str | None = None) -> Policy:
    """A policy from drafts; without `kernels` the fastest of this machine, which give the same bits."""
    key = Ed25519PrivateKey.generate()
    policy = Policy.load(
        write_packet(base, [key], is_compressed=False),
        trust=public_bytes(key),
        kernels=kernels,
        max_memory_bytes=_MEMORY,
    )
    if adapter is not None:
        policy.attach(write_packet(adapter, [key], is_compressed=False), name="draft")
    return policy
