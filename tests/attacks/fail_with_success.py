"""Fail, and let the script that asked go on.

The idea: an update script installs what `verify` let pass; it reads the exit status, or the JSON, and not the words.
The damage: a refusal that nobody notices is an acceptance.
The defence: the exit status is 0 only on success, whatever the verb, and with --json the error is an object too.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from plasma_edge import PublicKey
from plasma_pack.packet.keys import public_bytes, save_private
from plasma_pack.packet.writer import write_packet
from tests.attacks.command import Command
from tests.attacks.fleet import BASE, Fleet, overwrite
from tests.attacks.roots import ALICE, RootForgery


def attempts(fleet: Fleet) -> Iterator[Command]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(fleet, folder)
        for argv, code in _commands(folder):
            for more in ([], ["--json"]):
                yield Command(f"{' '.join(argv[:2])} {code}", [*argv, *more], [code])


def _write(fleet: Fleet, folder: Path) -> None:
    flipped = bytearray(fleet.base)
    flipped[200] ^= 1
    revoked = fleet.base_draft.content_digest
    files = {
        "good.plasma": fleet.base,
        "adapter.plasma": fleet.adapter,
        "flipped.plasma": bytes(flipped),
        "cut.plasma": fleet.base[:-1],
        "strange.plasma": write_packet(fleet.base_draft, [fleet.stranger]),
        "late.plasma": overwrite(fleet.base, 9, b"\x07"),
        "empty.plasma": b"",
        "none.pub": b"nothing\n",
        "policy.onnx": b"not a policy",
        "base.pasm": BASE.encode(),
        "zeros": bytes(63) + b"\x01",
        "root.plasma": replace(RootForgery(), expires=2**32).packet(),
        "forged.plasma": RootForgery().packet(ALICE),
        "revoking.plasma": replace(RootForgery(), revoked=(revoked,)).packet(),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (folder / "release.pub").write_text(PublicKey(public_bytes(fleet.release), "release").line())
    save_private(fleet.release, folder / "release.pem")
    (folder / "peft").mkdir()


def _commands(folder: Path) -> Iterator[tuple[list[str], str]]:
    def path(name: str) -> str:
        return str(folder / name)

    trust = ["--trust", path("release.pub")]
    verdicts = {
        "flipped": "E_SIG_BAD",
        "cut": "E_TRUNCATED",
        "strange": "E_SIG_UNKNOWN_KEY",
        "late": "E_VERSION",
        "empty": "E_MAGIC",
        "absent": "E_IO",
    }
    for name, code in verdicts.items():
        packet = path(f"{name}.plasma")
        yield ["plasma-pack", "verify", packet, *trust], code
        yield ["plasma-edge", "bench", packet, *trust], code
        yield ["plasma-edge", "run", packet, *trust, "--env", "CartPole-v1"], code
    good, adapter = path("good.plasma"), path("adapter.plasma")
    for more, code in (
        (["--channel", "field"], "E_CHANNEL"),
        (["--require-audit", "verified"], "E_AUDIT"),
        (["--require-audit", "blessed"], "E_ARGUMENT"),
        (["--threshold", "2"], "E_ARGUMENT"),
        (["--threshold", "0"], "E_ARGUMENT"),
        (["--trust", path("none.pub")], "E_ARGUMENT"),
    ):
        yield ["plasma-pack", "verify", good, *trust, *more], code
    yield ["plasma-pack", "verify", adapter, *trust, "--base", adapter], "E_KIND"
    yield ["plasma-edge", "bench", adapter, *trust], "E_KIND"
    yield ["plasma-edge", "bench", good, *trust, "--adapter", good], "E_KIND"
    yield ["plasma-edge", "bench", good, *trust, "--steps", "1"], "E_ARGUMENT"
    yield ["plasma-edge", "run", good, *trust, "--env", "No-v0"], "E_ARGUMENT"
    yield from _makers(path)
    yield from _roots(path)
    for verb in ("inspect", "disasm"):
        yield ["plasma-pack", verb, path("cut.plasma")], "E_TRUNCATED"
    yield ["plasma-pack", "disasm", adapter], "E_PACK_OPTION"
    yield ["plasma-pack", "diff", good, path("empty.plasma")], "E_MAGIC"
    yield ["plasma-pack", "estimate", good, "--board", "toaster"], "E_PACK_OPTION"
    yield ["plasma-pack", "graph", adapter, "-o", path("a.svg")], "E_PACK_OPTION"


def _makers(path: Callable[[str], str]) -> Iterator[tuple[list[str], str]]:
    """The verbs that write."""
    key = ["--key", path("release.pem")]
    out = ["--out", path("out.plasma")]
    good, public = path("good.plasma"), path("release.pub")
    yield ["plasma-pack", "keygen", path("release.pem")], "E_PACK_KEY"
    yield ["plasma-pack", "build", path("policy.onnx"), *key, *out], "E_PACK_SOURCE"
    yield ["plasma-pack", "build", path("base.pasm"), "--key", path("none.pub"), *out], "E_PACK_KEY"
    yield ["plasma-pack", "adapter", good, path("peft"), *key, *out], "E_PACK_ADAPTER"
    yield ["plasma-pack", "cosign", path("strange.plasma"), *key], "E_SIG_UNKNOWN_KEY"
    attach = ["plasma-pack", "attach", "--signer", public, "--signature"]
    yield [*attach, path("none.pub"), good], "E_PACK_OPTION"
    yield [*attach, path("zeros"), good], "E_SIG_BAD"
    for verb in ("prepare", "export-dsse"):
        yield ["plasma-pack", verb, path("cut.plasma"), *out], "E_TRUNCATED"
    check = ["plasma-pack", "check", good, "--env", "CartPole-v1"]
    yield [*check, "--source", path("policy.onnx")], "E_PACK_SOURCE"


def _roots(path: Callable[[str], str]) -> Iterator[tuple[list[str], str]]:
    """The verbs of trust roots, and the files that they are given."""
    root, out = path("root.plasma"), ["-o", path("next.plasma")]
    key, public = ["--key", path("release.pem")], path("release.pub")
    good = ["plasma-pack", "verify", path("good.plasma")]
    yield [*good, "--trust", path("forged.plasma")], "E_SIG_THRESHOLD"
    yield [*good, "--trust", path("revoking.plasma")], "E_REVOKED"
    yield [*good, "--trust", root, "--install", "--now", "2999-01-01"], "E_EXPIRED"
    yield [*good, "--trust", root, "--trust", public], "E_ARGUMENT"
    yield ["plasma-pack", "root", "show", path("forged.plasma")], "E_SIG_THRESHOLD"
    yield ["plasma-pack", "root", "show", root, "--previous", root], "E_ROOT_VERSION"
    yield ["plasma-pack", "root", "show", path("good.plasma")], "E_KIND"
    for change in (["revoke", root, "--signer"], ["rotate", root, "--new", public, "--old"]):
        yield ["plasma-pack", "root", *change, "nobody", *key, *out], "E_PACK_ROOT"
    yield ["plasma-pack", "root", "add", root, "--base", public, *key, *out], "E_PACK_ROOT"
    for name in ("absent", "cut", "forged"):
        yield ["plasma-pack", "doctor", path(f"{name}.plasma")], "FINDINGS"
    yield ["plasma-pack", "doctor", path("none.pub")], "FINDINGS"
    yield ["plasma-pack", "doctor", path("absent.txt")], "FINDINGS"
