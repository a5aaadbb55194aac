"""inspect shows what a file says, and nothing in the file can touch the terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from plasma_pack import build, open_packet
from plasma_pack.inspection import describe, plain, printable


def test_a_packet_is_described_as_json(mlp_onnx: Path, key: Ed25519PrivateKey) -> None:
    packet = build(mlp_onnx, key=key, audit={"verdict": "verified", "canary": 0.5}, sequence=4)
    facts = json.loads(json.dumps(describe(open_packet(packet.data))))
    assert facts["kind"] == "base"
    assert facts["content_digest"] == packet.content_digest.hex()
    assert facts["release"]["sequence"] == 4
    assert facts["release"]["min_runtime"] == "0.1.0"
    assert facts["audit"] == {"verdict": "verified", "canary": 0.5}
    assert facts["certificate"]["macs"] == 48
    assert facts["golden_cases"] == 16
    assert [section["name"] for section in facts["sections"]][:2] == ["PROG", "TENS"]
    assert [slot["name"] for slot in facts["program"]["slots"]] == ["net.0", "net.2"]
    assert facts["program"]["opcodes"] == {"linear": 2, "tanh": 2}
    assert facts["program"]["outputs"][0]["high"] == [1, 1]
    assert facts["manifest"]["source"]["format"] == "onnx"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("walker", "walker"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\nb\r", "a\\nb\\r"),
        ("gr\u00fcn \u202e", "gr\\xfcn \\u202e"),
        ("back\\slash", "back\\\\slash"),
        ("x" * 300, "x" * 200 + "…"),
    ],
)
def test_texts_are_made_printable(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_values_of_a_manifest_are_made_printable_at_every_depth() -> None:
    assert plain({"\x07": ["\x1b", {"a": b"\x00"}]}) == {"\\x07": ["\\x1b", {"a": "00"}]}
