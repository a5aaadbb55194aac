# SPDX-License-Identifier: Apache-2.0
"""What a packet says about itself, as plain values for `plasma-pack inspect`. Nothing here is
verified.

Every text that comes from the packet is reduced to printable ASCII: a manifest must not be able to
move the cursor of the terminal that shows it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from plasma_edge import PlasmaError, _core
from plasma_pack.errors import packet_error
from plasma_pack.golden import case_count
from plasma_pack.layers import PacketLayer, packet_layers
from plasma_pack.packet import format as fmt
from plasma_pack.packet.cbor import decode_map
from plasma_pack.packet.reader import OpenPacket
from plasma_pack.pasm.disassembler import slot_labels
from plasma_pack.program.decode import decode, decode_patches
from plasma_pack.program.program import Program, Storage

_LONGEST_TEXT = 200


def printable(text: str, longest: int = _LONGEST_TEXT) -> str:
    """Printable ASCII only; anything else as \\x.., cut after so many characters."""
    shown = "".join(
        c if " " <= c <= "~" and c != "\\" else c.encode("unicode_escape").decode() for c in text
    )
    return shown if len(shown) <= longest else f"{shown[:longest]}…"


def describe(opened: OpenPacket, base: OpenPacket | None = None) -> dict[str, Any]:
    """Header, signers, sections, certificate, manifest and a summary of the program; JSON-ready."""
    header = opened.header
    return {
        "kind": fmt.Kind(header.kind).name.lower(),
        "file_bytes": header.file_len,
        "content_digest": header.content_digest.hex(),
        "base_digest": header.base_digest.hex() if any(header.base_digest) else None,
        "audit": _audit(opened),
        "release": _release(header),
        "certificate": vars(header.certificate),
        "max_adapters": header.max_adapters,
        "signers": _signers(opened),
        "sections": [_section(record) for record in opened.records],
        "golden_cases": case_count(opened.sections),
        "manifest": plain(opened.manifest),
        "program": _program(opened) if header.kind == fmt.Kind.BASE else _adapter(opened, base),
    }


def plain(value: Any) -> Any:
    """A decoded CBOR value with every text printable and every byte string in hexadecimal."""
    if isinstance(value, Mapping):
        return {printable(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return printable(str(value))


def _audit(opened: OpenPacket) -> dict[str, Any]:
    raw = opened.sections.get(fmt.Section.AUDIT, b"")
    verdict = opened.header.audit_verdict
    if verdict not in set(fmt.Verdict) or verdict != int.from_bytes(raw[:4], "little"):
        raise packet_error(
            "E_AUDIT_FORMAT", f"the header says verdict {verdict}, the AUDIT section another"
        )
    findings = decode_map(raw[4:], "audit", "E_AUDIT_FORMAT") if raw else {}
    return {"verdict": fmt.Verdict(verdict).name.lower(), **plain(findings)}


def _release(header: fmt.Header) -> dict[str, Any]:
    version = header.min_runtime
    return {
        "channel_id": header.channel_id.hex() if any(header.channel_id) else None,
        "sequence": header.sequence,
        "rollback_index": header.rollback_index,
        "not_before": header.not_before,
        "not_after": header.not_after,
        "opset": header.opset,
        "min_runtime": f"{version >> 20}.{version >> 10 & 1023}.{version & 1023}",
    }


def _signers(opened: OpenPacket) -> list[dict[str, Any]]:
    return [
        {
            "id": signer.hex(),
            "signature": "absent" if signature == fmt.ABSENT_SIGNATURE else "present",
        }
        for signer, signature in zip(opened.signer_ids, opened.signatures, strict=True)
    ]


def _section(record: fmt.Record) -> dict[str, Any]:
    known = record.type in set(fmt.Section)
    return {
        "type": record.type,
        "name": fmt.Section(record.type).name if known else "optional",
        "offset": record.offset,
        "stored_len": record.stored_len,
        "raw_len": record.raw_len,
        "zstd": bool(record.flags & fmt.FLAG_ZSTD),
    }


def _program(opened: OpenPacket) -> dict[str, Any]:
    program = decode(opened.sections, opened.slot_names)
    return {
        "instructions": len(program.instructions),
        "opcodes": dict(Counter(instruction.op for instruction in program.instructions)),
        "inputs": _ports(program, Storage.INPUT),
        "outputs": _ports(program, Storage.OUTPUT),
        "states": [list(tensor.dims) for tensor in program.select(Storage.STATE)],
        "layers": _layers(opened, program),
        "slots": _slots(program),
    }


def _layers(opened: OpenPacket, program: Program) -> list[dict[str, Any]]:
    """None of a program that breaks a rule: it would not run, and its operands may be anything."""
    try:
        _core.certify(opened.sections)
    except PlasmaError:
        return []
    return [_layer(layer) for layer in packet_layers(program)]


def _layer(layer: PacketLayer) -> dict[str, Any]:
    return {
        "layer": printable(layer.name),
        "op": layer.op,
        "shape": list(layer.shape),
        "precision": layer.precision,
        "bytes": layer.nbytes,
        "macs": layer.macs,
    }


def _ports(program: Program, storage: Storage) -> list[dict[str, Any]]:
    safes = {safe.tensor: safe for safe in program.safes}
    ports = []
    for io in program.ios:
        tensor = program.tensor(io.tensor)
        if tensor.storage is not storage:
            continue
        port: dict[str, Any] = {
            "name": printable(io.name),
            "type": f"{tensor.dtype.text}{list(tensor.dims)}",
            "unit": printable(io.unit),
            "range": [io.low, io.high] if io.low or io.high else None,
        }
        if io.tensor in safes:
            safe = safes[io.tensor]
            port |= {
                name: getattr(safe, name).tolist() for name in ("low", "high", "safe", "max_delta")
            }
        ports.append(port)
    return ports


def _slots(program: Program) -> list[dict[str, Any]]:
    labels = slot_labels(program)
    return [
        {"name": labels[s.instruction], "in": s.inputs, "out": s.outputs, "max_rank": s.max_rank}
        for s in program.slots
    ]


def _adapter(opened: OpenPacket, base: OpenPacket | None) -> dict[str, Any]:
    """The patches; their slots by name when the base is at hand."""
    names = opened.slot_names
    if base is None:
        return {"patches": [{"slot": printable(name)} for name in names]}
    program = decode(base.sections, base.slot_names)
    labels = slot_labels(program)
    return {
        "patches": [
            {
                "slot": labels[program.slots[patch.slot].instruction],
                "rank": patch.a.values.shape[0],
                "scale": patch.scale,
                "bias": patch.bias is not None,
            }
            for patch in decode_patches(opened.sections, program.slots)
        ]
    }
