"""plasma-pack: exit code 0 only on success, reasons on stderr with their code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

import plasma_edge as pe
from plasma_pack import assemble, build, keygen, open_packet
from plasma_pack.cli.app import app

Result = Any
Run = Callable[..., Result]

BASE = """
input obs f32[2]
output act f32[2] actuator low -1 high 1 safe 0
const w i8[2,2] scale s = 127 0 0 127
const s f32[2] = 0.0078740157
fc: linear act, obs, w
slot fc max_rank 2
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs plasma-pack in a folder with key.pem, key.pub and base.pasm."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PLASMA_KEY_PASSWORD", raising=False)
    keygen("key.pem", comment="lab key")
    Path("base.pasm").write_text(BASE)

    def run(*args: str | Path, stdin: str | None = None) -> Result:
        return CliRunner().invoke(app, [str(arg) for arg in args], input=stdin)

    return run


@pytest.fixture
def built(run: Run) -> Run:
    result = run("build", "base.pasm", "--key", "key.pem", "--out", "base.plasma")
    assert result.exit_code == 0, result.output
    return run


def refused(result: Result, code: str) -> str:
    assert result.exit_code == 1
    assert code in result.stderr
    assert "Traceback" not in result.output
    return result.stderr


# ---- success


def test_keygen_prints_the_public_line(run: Run) -> None:
    result = run("keygen", "new.pem", "--comment", "robot 7")
    assert result.exit_code == 0
    assert result.stdout == Path("new.pub").read_text()
    assert Path("new.pem").stat().st_mode & 0o777 == 0o600


def test_build_of_an_onnx_file_says_what_was_made(run: Run, mlp_onnx: Path) -> None:
    np.save("obs.npy", np.zeros((3, 4), np.float32))
    Path("audit.json").write_text('{"verdict": "unverified", "score": 1}')
    result = run(
        *("build", mlp_onnx, "--key", "key.pem", "-o", "mlp.plasma", "--golden", "obs.npy"),
        *("--audit", "audit.json", "--name", "mlp", "--channel", "lab", "--sequence", "2"),
        *("--low", "-0.5,-0.25", "--high", "0.5", "--max-delta", "0.1"),
    )
    assert result.exit_code == 0, result.output
    assert "net.0, net.2" in result.stdout
    info = pe.verify("mlp.plasma", trust="key.pub", channel="lab")
    assert (info.audit, info.sequence) == ("unverified", 2)
    opened = open_packet("mlp.plasma")
    assert opened.manifest["name"] == "mlp"


def test_verify_names_the_signer_by_the_local_comment(built: Run) -> None:
    result = built("verify", "base.plasma", "--trust", "key.pub")
    assert result.exit_code == 0
    assert "good: a device that trusts key.pub runs it" in result.stdout
    assert "lab key" in result.stdout


def test_verify_speaks_json(built: Run) -> None:
    facts = json.loads(built("verify", "base.plasma", "--trust", "key.pub", "--json").stdout)
    assert facts["ok"] is True
    assert facts["code"] == "OK"
    assert facts["signed_by"] == ["lab key"]
    assert facts["kind"] == "base"


def test_inspect_shows_tables_or_json(built: Run) -> None:
    result = built("inspect", "base.plasma")
    assert result.exit_code == 0
    assert "not verified" in result.stdout
    for word in ("PROG", "cost_units", "linear 1", "fc"):
        assert word in result.stdout
    facts = json.loads(built("inspect", "base.plasma", "--json").stdout)
    assert facts["certificate"]["macs"] == 4


def test_disasm_gives_text_that_builds_the_same_program(built: Run) -> None:
    result = built("disasm", "base.plasma")
    assert result.exit_code == 0
    assert assemble(result.stdout).sections == assemble(BASE).sections
    assert built("disasm", "base.plasma", "-o", "again.pasm").exit_code == 0
    assert Path("again.pasm").read_text() == result.stdout


def test_two_people_sign_one_after_the_other(run: Run) -> None:
    keygen("second.pem")
    run("build", "base.pasm", "--key", "key.pem", "-o", "x.plasma", "--signer", "second.pub")
    both = ("--trust", "key.pub", "--trust", "second.pub", "--threshold", "2")
    refused(run("verify", "x.plasma", *both), "E_SIG_THRESHOLD")
    assert run("cosign", "x.plasma", "--key", "second.pem").exit_code == 0
    result = run("verify", "x.plasma", *both)
    assert result.exit_code == 0
    assert "lab key, second" in result.stdout


def test_a_password_comes_from_the_environment_or_a_prompt(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("keygen", "safe.pem", "--encrypt", stdin="open\nopen\n").exit_code == 0
    args = ("build", "base.pasm", "--key", "safe.pem", "-o", "x.plasma")
    refused(run(*args), "E_PACK_KEY")
    refused(run(*args, "--ask-password", stdin="shut\n"), "E_PACK_KEY")
    assert run(*args, "--ask-password", stdin="open\n").exit_code == 0
    monkeypatch.setenv("PLASMA_KEY_PASSWORD", "open")
    assert run(*args).exit_code == 0


# ---- every verb that fails says so


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("keygen", "key.pem"), "E_PACK_KEY"),
        (("build", "none.onnx", "--key", "key.pem", "-o", "x"), "E_PACK_SOURCE"),
        (("build", "base.pasm", "--key", "none.pem", "-o", "x"), "E_PACK_KEY"),
        (("build", "base.pasm", "--key", "key.pem", "-o", "no/x"), "E_PACK_OPTION"),
        (("build", "bad.pasm", "--key", "key.pem", "-o", "x"), "E_PACK_TEXT"),
        (("build", "dead.pasm", "--key", "key.pem", "-o", "x"), "E_PROG_DEAD"),
        (("build", "base.pasm", "--key", "key.pem", "-o", "x", "--low", "a"), "E_PACK_OPTION"),
        (
            ("build", "base.pasm", "--key", "key.pem", "-o", "x", "--audit", "bad.pasm"),
            "E_PACK_OPTION",
        ),
        (
            ("build", "base.pasm", "--key", "key.pem", "-o", "x", "--golden", "bad.pasm"),
            "E_PACK_OPTION",
        ),
        (("build", "base.pasm", "--key", "key.pem", "-o", "x", "--state", "h"), "E_PACK_OPTION"),
        (("adapter", "base.plasma", "nowhere", "--key", "key.pem", "-o", "x"), "E_PACK_ADAPTER"),
        (("adapter", "none.plasma", "nowhere", "--key", "key.pem", "-o", "x"), "E_IO"),
        (("cosign", "base.plasma", "--key", "other.pem"), "E_SIG_UNKNOWN_KEY"),
        (("cosign", "none.plasma", "--key", "key.pem"), "E_IO"),
        (("verify", "base.plasma", "--trust", "other.pub"), "E_SIG_UNKNOWN_KEY"),
        (("verify", "torn.plasma", "--trust", "key.pub"), "E_TRUNCATED"),
        (("verify", "none.plasma", "--trust", "key.pub"), "E_IO"),
        (("verify", "base.plasma", "--trust", "none.pub"), "none.pub"),
        (("verify", "base.plasma", "--trust", "key.pub", "--require-audit", "verified"), "E_AUDIT"),
        (("inspect", "torn.plasma"), "E_TRUNCATED"),
        (("inspect", "none.plasma"), "E_IO"),
        (("disasm", "torn.plasma"), "E_TRUNCATED"),
    ],
)
def test_a_verb_that_fails_exits_with_1_and_a_code(
    built: Run, args: tuple[str, ...], code: str
) -> None:
    keygen("other.pem")
    Path("bad.pasm").write_text("tahn a, b")
    Path("dead.pasm").write_text(BASE + "arena z f32[2]\nrelu z, obs\n")
    Path("torn.plasma").write_bytes(Path("base.plasma").read_bytes()[:400])
    refused(built(*args), code)
    assert not Path("x").exists()


@pytest.mark.parametrize(
    "args", [(), ("fly",), ("build",), ("verify", "base.plasma"), ("build", "a", "b")]
)
def test_a_wrong_command_line_exits_with_2(run: Run, args: tuple[str, ...]) -> None:
    assert run(*args).exit_code == 2


@pytest.mark.parametrize("verb", [("verify", "--trust", "key.pub"), ("inspect",)])
def test_json_tells_failures_too(built: Run, verb: tuple[str, ...]) -> None:
    Path("torn.plasma").write_bytes(Path("base.plasma").read_bytes()[:300])
    result = built(verb[0], "torn.plasma", *verb[1:], "--json")
    facts = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (facts["ok"], facts["code"]) == (False, "E_TRUNCATED")


def test_a_hostile_manifest_does_not_reach_the_terminal(
    run: Run, mlp_onnx: Path, key: Ed25519PrivateKey
) -> None:
    hostile = "\x1b[2J\x1b]0;owned\x07[red]good (OK)[/red]"
    Path("x.plasma").write_bytes(build(mlp_onnx, key=key, name=hostile, metadata={hostile: 1}).data)
    for args in (("inspect", "x.plasma"), ("inspect", "x.plasma", "--json")):
        output = run(*args).output
        assert "\x1b" not in output
        assert "\x07" not in output
        assert "[red]" in output


def test_an_adapter_is_shown_with_its_base(built: Run) -> None:
    from plasma_edge import _core
    from plasma_pack.packet.format import Certificate, Kind
    from plasma_pack.packet.keys import load_private
    from plasma_pack.packet.writer import Draft, write_packet

    both = assemble(
        BASE + "lora a i8[1,2] scale s = 1\nlora s f32[1] = 1\nlora b i8[2,1] scale t = 1\n"
        "lora t f32[2] = 1\npatch fc, a, b scale 2\n"
    )
    draft = Draft(
        Kind.ADAPTER,
        both.adapter,
        Certificate(**_core.certify_adapter(both.sections, both.adapter)),
        base_digest=open_packet("base.plasma").header.content_digest,
    )
    Path("a.plasma").write_bytes(write_packet(draft, [load_private("key.pem")]))
    result = built("verify", "a.plasma", "--trust", "key.pub", "--base", "base.plasma")
    assert result.exit_code == 0, result.output
    text = built("disasm", "a.plasma", "--base", "base.plasma").stdout
    assert assemble(BASE + text).adapter == both.adapter
    facts = json.loads(built("inspect", "a.plasma", "--base", "base.plasma", "--json").stdout)
    assert facts["program"]["patches"] == [{"slot": "fc", "rank": 1, "scale": 2.0, "bias": False}]
    assert built("inspect", "a.plasma").exit_code == 0
    refused(built("disasm", "a.plasma"), "E_PACK_OPTION")
    refused(built("disasm", "a.plasma", "--base", "a.plasma"), "E_PACK_OPTION")
