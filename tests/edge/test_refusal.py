"""What a command line says of an error: nothing in it that a terminal obeys."""

from __future__ import annotations

import json

import pytest

from plasma_edge import PacketError, UsageError, _refusal


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, µs and 日本", "plain, µs and 日本"),
        ("two\nlines", "two\nlines"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b31m\x07\r\t", "\\x9b31m\\x07\\r\\t"),
        ("right\u202eleft", "right\\u202eleft"),
        ("\udcff", "\\udcff"),
    ],
)
def test_writes_out_what_a_terminal_would_obey(text: str, shown: str) -> None:
    assert _refusal.harmless(text) == shown


def test_tells_code_and_reason() -> None:
    error = PacketError("E_MAGIC: a\x1b: not a packet")
    error.code = "E_MAGIC"
    assert _refusal.line(error) == "E_MAGIC: a\\x1b: not a packet"
    assert _refusal.line(UsageError("no key")) == "E_ARGUMENT: no key"
    assert json.loads(_refusal.as_json(UsageError("no key"))) == {
        "ok": False,
        "code": "E_ARGUMENT",
        "message": "no key",
    }
