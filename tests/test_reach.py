"""How much of our own code a stranger's bytes reach before a signature has been checked.

A line is one that is neither blank nor a comment. What is listed is all that runs, libsodium and libc apart, from
opening the file to the verdict on its signatures; functions in the same files that run later, or only on the device's
own data, are taken off by name.
"""

from __future__ import annotations

import re
from pathlib import Path

CPP = Path(__file__).parent.parent / "cpp"
MOST = 400

# File -> the functions in it that no stranger's byte reaches before the signature.
REACHED = {
    "packet/file.cpp": [],
    "packet/header.cpp": ["Error read_header("],
    "packet/signature.cpp": ["Error verify_trailer("],
    "packet/trust.cpp": ["Error TrustStore::add(", "Error TrustStore::add_key(", "bool TrustStore::is_revoked("],
    "packet/verify.cpp": ["Bytes VerifiedPacket::section("],
    "base/byte_reader.hpp": ["int32_t i32(", "float f32("],
    "base/aligned_buffer.hpp": [],
}  # fmt: skip


def lines_of(text: str) -> int:
    return sum(1 for line in text.splitlines() if not re.fullmatch(r"\s*(//.*|#.*)?", line))


def without(text: str, function: str) -> str:
    """The text without this function, which ends with its first closing brace at its own indentation."""
    start = text.index(function)
    indent = len(text[:start].rpartition("\n")[2])
    margin = re.match(r"\s*", text[start - indent :])
    assert margin is not None
    line_end = text.index("\n", start)
    if text[start:line_end].rstrip().endswith("}"):
        return text[:start] + text[line_end:]
    end = text.index(f"\n{margin.group()}}}", start) if indent else text.index("\n}", start)
    return text[:start] + text[text.index("\n", end + 1) :]


def test_a_stranger_reaches_few_lines() -> None:
    counts = {}
    for name, later in REACHED.items():
        text = (CPP / name).read_text(encoding="utf-8")
        for function in later:
            text = without(text, function)
        counts[name] = lines_of(text)
    assert sum(counts.values()) <= MOST, counts
