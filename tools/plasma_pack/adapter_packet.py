# SPDX-License-Identifier: Apache-2.0
"""From a PEFT adapter and the base packet it was trained for to a signed adapter packet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, Unpack

from plasma_edge import _core
from plasma_pack.errors import AdapterError
from plasma_pack.golden import adapter_gold
from plasma_pack.importers.peft import load_patches
from plasma_pack.observations import Observations
from plasma_pack.packet import format as fmt
from plasma_pack.packet.audit import encode_audit
from plasma_pack.packet.keys import Key
from plasma_pack.packet.packet import Packet, sign_draft
from plasma_pack.packet.reader import OpenPacket, open_packet
from plasma_pack.packet.release import Release, ReleaseOptions
from plasma_pack.packet.writer import Draft
from plasma_pack.program.decode import decode
from plasma_pack.program.encode import encode_patches
from plasma_pack.rehearsal import draft_of_packet


def build_adapter(
    base: str | PathLike[str] | bytes | Packet,
    peft_dir: str | PathLike[str],
    *,
    key: Key | Sequence[Key],
    out: str | PathLike[str] | None = None,
    golden: Observations = None,
    audit: Mapping[str, Any] | None = None,
    **release: Unpack[ReleaseOptions],
) -> Packet:
    """Compile a LoRA adapter against its base, self-test it, sign it; with `out`, write it there.

    base      the base packet (path, bytes or Packet); the adapter is bound to its content digest
    peft_dir  what peft's save_pretrained wrote: adapter_config.json, adapter_model.safetensors
    golden    float32 [N, n] observations to choose self-test ticks from; those on which the adapter
              matters come first

    Other arguments as for `build`. Raises AdapterError when the adapter does not fit the base or
    changes nothing.
    """
    decided = Release(**release)
    keys = decided.load_keys(key)
    proofs = encode_audit(audit)
    opened = open_packet(base.data if isinstance(base, Packet) else base)
    base_draft = draft_of_base(opened)
    slot_names = opened.slot_names
    program = decode(opened.sections, slot_names)
    if len(slot_names) != len(program.slots):
        raise AdapterError(
            f"the base's manifest names {len(slot_names)} slots, its table has {len(program.slots)}; "
            "build the base again with plasma-pack"
        )
    patches = load_patches(peft_dir, program.slots, slot_names)
    sections = encode_patches(patches)
    draft = Draft(
        kind=fmt.Kind.ADAPTER,
        sections=sections,
        certificate=fmt.Certificate(**_core.certify_adapter(base_draft.sections, sections)),
        manifest={
            "slots": [slot_names[patch.slot] for patch in patches],
            "source": {"format": "peft"},
        },
        base_digest=base_draft.content_digest,
    )
    proofs[fmt.Section.GOLD] = adapter_gold(base_draft, draft, program, golden)
    return sign_draft(draft, proofs, decided, keys, out)


def draft_of_base(opened: OpenPacket) -> Draft:
    """What executes of a base packet, as a draft that can be signed and run again."""
    draft = draft_of_packet(opened)
    if draft.max_adapters == 0:
        raise AdapterError(
            "this base was built with max_adapters=0; build it again with room for adapters"
        )
    return draft
