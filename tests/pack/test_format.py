"""The constants of FORMAT.md, held against the document and the C++ header."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from plasma_edge import _core
from plasma_pack.packet import format as fmt

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "cpp/packet/FORMAT.md").read_text("utf-8")
HEADER = (ROOT / "cpp/packet/packet.hpp").read_text("utf-8")


def constant(name: str) -> int:
    found = re.search(rf"{name} = ([0-9'u<\s]+);", HEADER)
    assert found is not None, name
    text = found[1].replace("'", "").replace("u", "")
    base, _, shift = text.partition("<<")
    return int(base) << int(shift or 0)


def test_limits_are_those_of_the_header() -> None:
    assert constant("kHeaderBytes") == fmt.HEADER_BYTES
    assert constant("kSectionRecordBytes") == fmt.RECORD_BYTES
    assert constant("kTrailerBytes") == fmt.TRAILER_BYTES
    assert constant("kMaxSections") == fmt.MAX_SECTIONS
    assert constant("kMaxSigners") == fmt.MAX_SIGNERS
    assert constant("kMaxManifestBytes") == fmt.MAX_MANIFEST_BYTES
    assert constant("kMaxAdapters") == fmt.MAX_ADAPTERS
    assert constant("kMaxZstdWindow") == fmt.MAX_ZSTD_WINDOW


def test_header_fields_lie_where_the_document_says() -> None:
    rows = re.findall(r"^\| (\d+) \| (\d+) \| (\w+)", DOCUMENT, re.MULTILINE)
    fields = [name for _, _, name in rows]
    header = fmt.Header(*([fmt.MAGIC] + [0] * 14 + [bytes(16), bytes(32), bytes(32)] + [0] * 10))
    for offset, _, name in rows:
        if name in ("magic", "reserved") or not isinstance(getattr(header, name, None), int):
            continue
        marked = fmt.Header(**{**vars(header), name: 1}).encode()
        assert marked[int(offset)] == 1, name
        assert sum(marked) - sum(header.encode()) == 1, name
    assert "cost_units" in fields
    assert len(header.encode()) == fmt.HEADER_BYTES


def test_section_types_are_those_of_the_header() -> None:
    body = re.search(r"enum class Section[^{]*\{([^}]*)\}", HEADER)
    assert body is not None
    found = {int(n) for n in re.findall(r"= (\d+)", body[1])}
    assert found == set(fmt.Section)


def test_a_signer_id_is_the_runtime_s() -> None:
    key = hashlib.sha512(b"any").digest()[:32]
    assert fmt.signer_id(key) == _core.signer_id(key)


def test_the_payload_type_has_the_length_that_is_signed_with_it() -> None:
    assert len(fmt.PACKET_TYPE) == 37
    assert f'"DSSEv1 37 {fmt.PACKET_TYPE} "' in DOCUMENT
