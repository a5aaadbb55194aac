"""All steps of FORMAT.md section 7: what a device answers to a packet.

Step 11 runs the program. Where tests/reference/machine.py cannot, and the golden section is well formed, the answer is
UNTESTED: OK, or E_SELFTEST.
"""

from __future__ import annotations

import struct
from dataclasses import replace

from tests.reference.certificate import certify, certify_adapter
from tests.reference.container import (
    ADAPTER,
    BASE,
    CERTIFICATE,
    Container,
    Device,
    Refusal,
    check_trailer,
    open_container,
    require,
    up64,
)
from tests.reference.install import check_policy
from tests.reference.machine import Patches, answers
from tests.reference.rules import (
    check_arena,
    check_constants,
    check_dataflow,
    check_finite,
    check_io,
    check_operands,
    check_regions,
    check_safe,
    check_slots,
    check_weights,
)
from tests.reference.sections import GOLD, LORA, LORA_CONST, open_contents, open_sections
from tests.reference.shapes import check_shapes
from tests.reference.tables import (
    INPUT,
    NO_BIAS,
    OUTPUT,
    Patch,
    Program,
    parse,
    parse_patches,
)
from tests.reference.trust import Trust, check_signatures

UNTESTED = "OK or E_SELFTEST"
_RULES = (
    check_operands,
    check_regions,
    check_io,
    check_safe,
    check_dataflow,
    check_shapes,
    check_constants,
    check_arena,
    check_slots,
)


def verdict(packet: bytes, trust: Trust, device: Device, base: bytes | None = None) -> str:
    """The code a device ends with. `base`: the good base that an adapter is to be attached to."""
    try:
        container, contents = _verify(packet, trust, device, None)
        if container.kind == BASE:
            program, patches = validate(contents), None
            _check_certificate(container, certify(program))
        elif base is None:
            return "OK"
        else:
            program, patches = _check_adapter(packet, trust, device, base)
        return _check_gold(contents, program, patches)
    except Refusal as refusal:
        return refusal.code


def _verify(
    packet: bytes, trust: Trust, device: Device, base_digest: bytes | None
) -> tuple[Container, dict[int, bytes]]:
    """Steps 0 to 8."""
    require(len(packet) <= device.max_file_bytes, "E_TOO_LARGE")
    container = open_container(packet)
    require(container.kind in (BASE, ADAPTER), "E_KIND")
    check_signatures(container, trust)
    check_trailer(container)
    check_policy(container, trust, device, base_digest)
    return container, open_contents(container, open_sections(container, device))


def validate(contents: dict[int, bytes]) -> Program:
    """Step 9 for a base."""
    program = parse(contents)
    for rule in _RULES:
        rule(program)
    return program


def _check_certificate(container: Container, needed: dict[str, int]) -> None:
    found = {name: container.header[name] for name in CERTIFICATE}
    require(found == needed, "E_CERT_MISMATCH")


def _check_adapter(
    packet: bytes, trust: Trust, device: Device, base: bytes
) -> tuple[Program, Patches]:
    """Steps 5 to 10 once more, now that the base is known, and to run: whether it may be installed was asked before."""
    device = replace(device, install=None)
    base_container, base_contents = _verify(base, trust, device, None)
    base_digest = base_container.digests["content_digest"]
    container, contents = _verify(packet, trust, device, base_digest)
    program = validate(base_contents)
    patches = parse_patches(contents[LORA])
    check_patches(program, patches, contents[LORA_CONST])
    _check_certificate(container, certify_adapter(program, patches, contents[LORA_CONST]))
    return program, (patches, contents[LORA_CONST])


def check_patches(base: Program, patches: list[Patch], constants: bytes) -> None:
    """16."""
    end, previous = 0, -1

    def take(offset: int, size: int) -> bytes:
        nonlocal end
        begin = up64(end)
        require(offset == begin and begin + size <= len(constants), "E_PROG_PATCH")
        require(not any(constants[end:begin]), "E_HOLE")
        end = begin + size
        return constants[begin:end]

    for patch in patches:
        require(previous < patch.slot < len(base.slots), "E_PROG_PATCH")
        previous = patch.slot
        slot, rank = base.slots[patch.slot], patch.rank
        require(1 <= rank <= slot.max_rank, "E_PROG_PATCH")
        a, a_scale, b, b_scale = patch.offsets
        weights = take(a, rank * slot.cols)
        check_weights(weights, take(a_scale, 4 * rank))
        weights = take(b, slot.rows * rank)
        check_weights(weights, take(b_scale, 4 * slot.rows))
        if patch.bias != NO_BIAS:
            check_finite(take(patch.bias, 4 * slot.rows))
    require(end == len(constants), "E_PROG_PATCH")


def _check_gold(contents: dict[int, bytes], program: Program, patches: Patches | None) -> str:
    """Step 11."""
    if GOLD not in contents:
        return "OK"
    gold = contents[GOLD]
    require(len(gold) >= 16, "E_GOLD_FORMAT")
    count, reserved, inputs, outputs = struct.unpack_from("<4I", gold)
    sizes = [sum(t.bytes for t in program.tensors if t.storage == side) for side in (INPUT, OUTPUT)]
    require(1 <= count <= 16 and reserved == 0 and [inputs, outputs] == sizes, "E_GOLD_FORMAT")
    require(len(gold) == 16 + count * (inputs + outputs), "E_GOLD_FORMAT")
    starts = range(16, len(gold), inputs + outputs)
    given = [gold[at : at + inputs] for at in starts]
    told = [gold[at + inputs : at + inputs + outputs] for at in starts]
    found = answers(program, patches, given)
    plain = answers(program, None, given)
    if found is None or plain is None:
        return UNTESTED
    require(found == told and (patches is None or found != plain), "E_SELFTEST")
    return "OK"
