"""How a command line says what went wrong: one line for a person, one JSON object for a program.

Names of files and whatever a packet says about itself may stand in a message, so nothing in it reaches the terminal
that a terminal would obey.
"""

from __future__ import annotations

import json

from plasma_edge._errors import PlasmaError


def line(error: PlasmaError) -> str:
    """The code and the reason, for stderr."""
    text = harmless(str(error))
    return text if text.startswith(error.code) else f"{error.code}: {text}"


def as_json(error: PlasmaError) -> str:
    """The object that --json gives in place of a result."""
    return json.dumps({"ok": False, "code": error.code, "message": harmless(str(error))})


def harmless(text: str) -> str:
    """The text with escapes, changes of direction and what is no character written out."""
    return "".join(
        c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text
    )
