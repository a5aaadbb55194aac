"""Real packets for the tests of plasma_edge: assembled from text, signed with a throw-away key."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from plasma_edge import PublicKey, _core
from plasma_pack.packet.format import Certificate, Kind
from plasma_pack.packet.keys import public_bytes
from plasma_pack.packet.writer import Draft, write_packet
from plasma_pack.pasm.assembler import assemble

# Four observations to two actions through one int8 layer; a slot on it, limits of one.
REACH = """
input  obs f32[4] unit "m" range -1 1
const  w   i8[2,4] scale ws = 127 0 0 0  0 127 0 0
const  ws  f32[2] = 0.01 0.01
const  b   f32[2] = 0 0
output act f32[2] actuator low -1 high 1 safe 0.25
fc: linear act, obs, w, b
slot fc max_rank 4
"""

# Swaps the two actions: B A adds the difference of the rows.
SWAP = """
lora a  i8[1,4] scale as = 127 -127 0 0
lora as f32[1] = 0.01
lora bb i8[2,1] scale bs = -127 127
lora bs f32[2] = 0.0078740157 0.0078740157
patch fc, a, bb scale 1
"""

COUNTER = """
input  obs f32[1]
state  n   f32[1]
arena  m   f32[1]
output act f32[1]
add m, n, obs
copy act, m
copy n, m
"""

CHOICE = """
input  obs f32[3]
output act i32[1] actuator low 0 high 2 safe 1
argmax act, obs
"""


@dataclass(frozen=True)
class Signer:
    """A throw-away key and what it signs."""

    key: Ed25519PrivateKey

    @property
    def public(self) -> PublicKey:
        return PublicKey(public_bytes(self.key), "test key")

    def base(self, text: str, **fields: Any) -> bytes:
        sections = assemble(text).sections
        certificate = Certificate(**_core.certify(sections))
        fields.setdefault("max_adapters", 2)
        return write_packet(Draft(Kind.BASE, sections, certificate, **fields), [self.key])

    def adapter(self, base_text: str, patches: str, **fields: Any) -> bytes:
        both = assemble(base_text + patches)
        certificate = Certificate(**_core.certify_adapter(both.sections, both.adapter))
        base_digest = Draft(Kind.BASE, both.sections, certificate).content_digest
        draft = Draft(Kind.ADAPTER, both.adapter, certificate, base_digest=base_digest, **fields)
        return write_packet(draft, [self.key])


@pytest.fixture
def signer() -> Signer:
    return Signer(Ed25519PrivateKey.generate())


@pytest.fixture
def key_file(signer: Signer, tmp_path: Path) -> Path:
    path = tmp_path / "release.pub"
    path.write_text(f"# robots of line 4\n\n{signer.public.line()}\n")
    return path
