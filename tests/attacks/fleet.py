"""What the attackers attack: a base and an adapter, signed by a key that the robot trusts, and tools to forge with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from random import Random
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import plasma_edge as pe
from plasma_edge import PlasmaError, TrustStore, _core
from plasma_pack import assemble, open_packet
from plasma_pack.golden import adapter_gold, base_gold
from plasma_pack.packet import format as fmt
from plasma_pack.packet.audit import encode_audit
from plasma_pack.packet.keys import public_bytes
from plasma_pack.packet.writer import Draft, compress, seal, write_packet

BASE = """
input  obs f32[2]
output act f32[2] actuator low -1 high 1 safe 0
const  w i8[2,2] scale s = 64 -32 16 127
const  s f32[2] = 0.01 0.02
const  b f32[2] = 0.125 -0.25
arena  h f32[2] @ 64
fc: linear h, obs, w, b
tanh act, h
slot fc max_rank 2
"""
ADAPTER = """
lora A  i8[1,2] scale As = 100 -100
lora As f32[1] = 0.01
lora B  i8[2,1] scale Bs = 90 -80
lora Bs f32[2] = 0.01
patch fc, A, B scale 2
"""


def _perceptron(*widths: int) -> str:
    random = Random(0)
    lines, body = [f"input obs f32[{widths[0]}]"], []
    x = "obs"
    for i, (cols, rows) in enumerate(pairwise(widths)):
        weights = " ".join(str(random.randint(-127, 127)) for _ in range(rows * cols))
        scales = " ".join(f"{random.uniform(0.001, 0.01):.9f}" for _ in range(rows))
        lines += [
            f"const w{i} i8[{rows},{cols}] scale s{i} = {weights}",
            f"const s{i} f32[{rows}] = {scales}",
            f"arena h{i} f32[{rows}]",
        ]
        body.append(f"linear h{i}, {x}, w{i}")
        x = f"h{i}"
    lines.append(f"output act f32[{widths[-1]}] actuator low -1 high 1 safe 0")
    return "\n".join([*lines, *body, f"tanh act, {x}"])


def key_of(number: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)


@dataclass(frozen=True)
class Fleet:
    """The release key signs; the robot trusts it alone. The stranger has a key of his own, and every packet."""

    release: Ed25519PrivateKey = field(default_factory=lambda: key_of(1))
    stranger: Ed25519PrivateKey = field(default_factory=lambda: key_of(2))

    @cached_property
    def base_draft(self) -> Draft:
        assembly = assemble(BASE)
        certificate = fmt.Certificate(**_core.certify(assembly.sections))
        draft = Draft(
            fmt.Kind.BASE,
            assembly.sections,
            certificate,
            {"name": "arm"},
            max_adapters=2,
            channel="lab",
        )
        gold = base_gold(draft, assembly.program, None)
        return draft.with_section(fmt.Section.GOLD, gold).with_section(
            fmt.Section.AUDIT, encode_audit({"verdict": "unverified"})[fmt.Section.AUDIT]
        )

    @cached_property
    def adapter_draft(self) -> Draft:
        assembly = assemble(BASE + ADAPTER)
        certificate = fmt.Certificate(**_core.certify_adapter(assembly.sections, assembly.adapter))
        digest = self.base_draft.content_digest
        draft = Draft(fmt.Kind.ADAPTER, assembly.adapter, certificate, base_digest=digest)
        gold = adapter_gold(self.base_draft, draft, assembly.program, None)
        return draft.with_section(fmt.Section.GOLD, gold)

    @cached_property
    def base(self) -> bytes:
        return write_packet(self.base_draft, [self.release])

    @cached_property
    def large(self) -> bytes:
        """A base of almost 64 KiB: 24 → 256 → 216 → 4, with weights that do not compress."""
        assembly = assemble(_perceptron(24, 256, 216, 4))
        certificate = fmt.Certificate(**_core.certify(assembly.sections))
        draft = Draft(fmt.Kind.BASE, assembly.sections, certificate, max_adapters=1)
        return write_packet(draft, [self.release])

    @cached_property
    def adapter(self) -> bytes:
        return write_packet(self.adapter_draft, [self.release])

    def trust(self, *keys: Ed25519PrivateKey, threshold: int = 1) -> TrustStore:
        found = TrustStore.of([public_bytes(key) for key in keys or [self.release]])
        return TrustStore(found.keys, threshold)

    def robot(self) -> pe.Policy:
        return pe.Policy.load(self.base, trust=self.trust(), kernels="scalar")


@dataclass(frozen=True)
class Attempt:
    """One hostile packet, and the codes that may refuse it.

    `load` are further arguments of Policy.load; an adapter is attached to the fleet's robot, or to a `base` of its own.
    """

    what: str
    packet: Any
    codes: Sequence[str]
    is_adapter: bool = False
    load: dict[str, Any] = field(default_factory=dict)
    base: bytes | None = None

    def outcome(self, fleet: Fleet, robot: pe.Policy) -> str:
        """The code it ends in; empty when it got through."""
        try:
            given = {"trust": fleet.trust(), "kernels": "scalar"} | self.load
            if not self.is_adapter:
                pe.Policy.load(self.packet, **given)
            elif self.base is not None:
                pe.Policy.load(self.base, **given).attach(self.packet, name="hostile")
            else:
                robot.attach(self.packet, name="hostile")
        except PlasmaError as error:
            return error.code
        return ""

    def is_refused(self, outcome: str) -> bool:
        return outcome != "" and outcome.startswith(tuple(self.codes))


# ---- forging


def overwrite(packet: bytes, at: int, data: bytes) -> bytes:
    """Other bytes at `at`, and a trailer that fits them: damage in transit is not what gives it away."""
    return seal((packet[:at] + data + packet[at + len(data) :])[: -fmt.TRAILER_BYTES])


@dataclass
class Part:
    """One section as it will be stored; `fields` overrides what its record says."""

    type: int
    raw: bytes
    flags: int
    stored: bytes
    fields: dict[str, int | bytes] = field(default_factory=dict)


@dataclass
class Forgery:
    """A packet taken apart by someone who holds a trusted key, to be put together wrongly."""

    header: dict[str, Any]
    signer_ids: list[bytes]
    manifest: bytes
    parts: list[Part]

    @classmethod
    def of(cls, packet: bytes) -> Forgery:
        opened = open_packet(packet)
        start = opened.header.signed_len - opened.header.manifest_len
        parts = [
            Part(record.type, opened.sections[record.type], *compress(opened.sections[record.type]))
            for record in opened.records
        ]
        manifest = packet[start : opened.header.signed_len]
        return cls(vars(opened.header).copy(), list(opened.signer_ids), manifest, parts)

    def part(self, section: int) -> Part:
        return next(part for part in self.parts if part.type == section)

    def replace_raw(self, section: int, raw: bytes) -> None:
        part = self.part(section)
        part.raw = raw
        part.flags, part.stored = compress(raw)

    def assemble(
        self, *keys: Ed25519PrivateKey, sign: Callable[..., bytes] | None = None, **header: Any
    ) -> bytes:
        """Signed by `keys`; lengths and digests are right except where fields say otherwise."""
        signed_len = (
            fmt.HEADER_BYTES + 16 * len(self.signer_ids) + 96 * len(self.parts) + len(self.manifest)
        )
        begin = fmt.align(fmt.align(signed_len) + fmt.SIGNATURE_BYTES * len(self.signer_ids))
        records, body = self._body(begin)
        digests = {part.type: part.raw for part in self.parts}
        facts = self.header | {
            "signed_len": signed_len,
            "section_count": len(self.parts),
            "signer_count": len(self.signer_ids),
            "file_len": begin + len(body) + fmt.TRAILER_BYTES,
        }
        facts["content_digest"] = fmt.content_digest(
            facts["kind"], facts["opset"], facts["base_digest"], digests
        )
        region = (
            fmt.Header(**(facts | header)).encode()
            + b"".join(self.signer_ids)
            + records
            + self.manifest
        )
        sign = sign or (lambda key, region: key.sign(fmt.pre_authentication(region)))
        signatures = b"".join(sign(key, region) for key in keys)
        return seal(_pad(_pad(region) + signatures) + body)

    def _body(self, begin: int) -> tuple[bytes, bytes]:
        records, body = b"", b""
        for part in self.parts:
            body = _pad(body)
            record = fmt.Record(
                part.type,
                part.flags,
                begin + len(body),
                len(part.stored),
                len(part.raw),
                fmt.digest(part.stored),
                fmt.digest(part.raw),
            )
            records += replace(record, **part.fields).encode()
            body += part.stored
        return records, body


def _pad(data: bytes) -> bytes:
    return data + bytes(fmt.align(len(data)) - len(data))
