"""Write to the operator's terminal.

The idea: names, units and file names are printed by the tools; put escape sequences into them, or a text that reads
like a verdict.
The damage: a screen that says "good, signed by release" about a packet that is neither; a title that runs a command.
The defence: what a packet says is printed as ASCII with everything else written out, and `verify` prints nothing of it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from plasma_edge import PublicKey
from plasma_pack.packet import format as fmt
from plasma_pack.packet.audit import encode_audit
from plasma_pack.packet.keys import public_bytes
from plasma_pack.packet.writer import Draft, write_packet
from tests.attacks.command import Command
from tests.attacks.fleet import Fleet, Forgery

CLAIM = "signed by NASA"
EVIL = f"\x1b]0;x\x07\x1b[2J\x9b31m\u202e\r{CLAIM}"
VERBS = {
    "verify": ["--trust", "release.pub"],
    "inspect": [],
    "disasm": [],
    "diff": ["good.plasma"],
    "estimate": ["--board", "pi4"],
    "graph": ["-o", "out.svg"],
    "doctor": [],
    "export-dsse": [],
    "prepare": ["-o", "bytes"],
}

CREDULOUS = ("inspect", "disasm", "doctor", "export-dsse", "prepare")


def attempts(fleet: Fleet) -> Iterator[Command]:
    with tempfile.TemporaryDirectory() as name:
        before = Path.cwd()
        os.chdir(name)
        try:
            yield from _in_here(fleet)
        finally:
            os.chdir(before)


def _in_here(fleet: Fleet) -> Iterator[Command]:
    Path("release.pub").write_text(PublicKey(public_bytes(fleet.release), "release").line())
    Path("good.plasma").write_bytes(fleet.base)
    draft = replace(
        fleet.base_draft,
        manifest={"name": EVIL, EVIL: EVIL, "slots": [EVIL], "policy": {EVIL: [EVIL]}},
    )
    audit = encode_audit({"verdict": "unverified", EVIL: EVIL})
    sections = {
        "manifest": {},
        "findings": audit,
        "an input's name": _io(draft, 0, EVIL.encode()[:31]),
        "an input's unit": _io(draft, 60, EVIL.encode()[:15]),
    }
    for what, changed in sections.items():
        path = Path(f"{what.replace(' ', '_')}.plasma")
        hostile = replace(draft, sections={**draft.sections, **changed})
        path.write_bytes(write_packet(hostile, [fleet.release]))
        code = "E_PROG_FORMAT" if "input" in what else "OK"
        yield from _all_verbs(what, str(path), code)
    for what, file in (("a file name", f"{EVIL}.plasma"), ("a name that is no text", "\udcff")):
        yield from _all_verbs(what, file, "E_IO")
        Path(file).write_bytes(fleet.base)
        yield from _all_verbs(what, file, "OK")
    yield from _liars(fleet)


def _all_verbs(what: str, file: str, code: str) -> Iterator[Command]:
    """`verify` must end with `code`; verbs that do not validate may succeed, so long as they are quiet about it."""
    for verb, more in VERBS.items():
        for as_json in ([], ["--json"]):
            codes = [code, *(["FINDINGS"] if verb in ("diff", "doctor") else [])]
            if verb in CREDULOUS and code == "E_PROG_FORMAT":
                codes.append("OK")
            argv = ["plasma-pack", verb, file, *more, *as_json]
            never = CLAIM if verb == "verify" and code == "OK" and "name" not in what else "\0"
            yield Command(f"{what}: {verb}", argv, codes, never)


def _io(draft: Draft, at: int, text: bytes) -> dict[int, bytes]:
    io = draft.sections[fmt.Section.IO]
    return {fmt.Section.IO: io[:at] + text + io[at + len(text) :]}


def _liars(fleet: Fleet) -> Iterator[Command]:
    """Whoever signed, `verify` says it in the words of the key file at hand."""
    forgery = Forgery.of(
        write_packet(replace(fleet.base_draft, manifest={"name": CLAIM}), [fleet.stranger])
    )
    Path("stranger.plasma").write_bytes(forgery.assemble(fleet.stranger))
    argv = ["plasma-pack", "verify", "stranger.plasma", "--trust", "release.pub"]
    yield Command("a stranger who says he is NASA", argv, ["E_SIG_UNKNOWN_KEY"], CLAIM)
