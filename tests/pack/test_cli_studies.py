"""plasma-pack check, diff, estimate, graph, and what holds for every verb: JSON, plain pipes, examples."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from plasma_pack import open_packet
from tests.pack.test_cli import Run, refused, run  # noqa: F401
from tests.pack.test_quantizer import balance_onnx

VERBS = (
    *("keygen", "build", "adapter", "cosign", "prepare", "attach", "export-dsse"),
    *("verify", "doctor", "inspect", "disasm", "check", "diff", "estimate", "graph"),
)


@pytest.fixture
def packed(run: Run, mlp_onnx: Path) -> Run:  # noqa: F811
    """The run of test_cli, with a.plasma (int8) and b.plasma (f16) of one network."""
    Path("mlp.onnx").write_bytes(mlp_onnx.read_bytes())
    for name, kind in (("a", "int8"), ("b", "f16")):
        args = ("--key", "key.pem", "-o", f"{name}.plasma", "--weights", kind)
        assert run("build", "mlp.onnx", *args).exit_code == 0
    return run


def facts_of(result: Any) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(result.stdout)
    return facts


# ---- build


def test_build_shows_what_each_layer_costs(packed: Run) -> None:
    np.savez("flight.npz", obs=np.random.default_rng(0).standard_normal((64, 4)))
    args = ("mlp.onnx", "--key", "key.pem", "-o", "c.plasma", "--calib", "flight.npz")
    result = packed("build", *args, "--max-error", "0.001")
    assert result.exit_code == 0, result.output
    for words in ("action: error 0.0", "limit 0.001", "measured on 64 observations", "f16"):
        assert words in result.stdout
    facts = facts_of(packed("build", *args, "--json"))
    assert facts["ok"] is True
    assert [row["precision"] for row in facts["report"]["layers"]] == ["f16", "f16"]
    assert facts["report"]["observations"] == 64
    assert facts["bytes"] == Path("c.plasma").stat().st_size


def test_build_measures_in_an_environment(packed: Run) -> None:
    args = (balance_onnx(Path()), "--key", "key.pem", "-o", "c.plasma", "--env", "CartPole-v1")
    rows = facts_of(packed("build", *args, "--json"))["report"]["layers"]
    assert [row["precision"] for row in rows] == ["f16", "f16", "int8"]


def test_random_observations_lie_in_the_stated_range(packed: Run) -> None:
    args = ("mlp.onnx", "--key", "key.pem", "-o", "c.plasma", "--json")
    errors = {
        facts_of(packed("build", *args, *options))["report"]["outputs"][0]["error"]
        for options in ((), ("--range", "obs=-0.1,0.1"), ("--range", "obs=-9,9"))
    }
    assert len(errors) == 3
    packed("build", *args, "--range", "obs=-9,9", "--unit", "obs=rad")
    (obs,) = facts_of(packed("inspect", "c.plasma", "--json"))["program"]["inputs"]
    assert (obs["range"], obs["unit"]) == ([-9, 9], "rad")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--weights", "int4"), "E_PACK_OPTION"),
        (("--max-error", "2"), "E_PACK_OPTION"),
        (("--weights", "f16", "--max-error", "0.1"), "E_PACK_OPTION"),
        (("--calib", "key.pub"), "--calib: key.pub is not"),
        (("--env", "Nowhere-v0"), "E_ARGUMENT"),
        (("--range", "obs=1"), "expected LOW,HIGH"),
        (("--range", "obs"), "expected NAME="),
        (("--range", "x=1,2"), "no input is called x"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    packed: Run, options: tuple[str, ...], code: str
) -> None:
    args = ("mlp.onnx", "--key", "key.pem", "-o", "x.plasma", *options)
    refused(packed("build", *args), code)
    assert not Path("x.plasma").exists()


# ---- check


def test_check_fails_when_the_return_is_lost(packed: Run) -> None:
    balance_onnx(Path())
    packed("build", "balance.onnx", "--key", "key.pem", "-o", "c.plasma", "--weights", "int8")
    args = ("--source", "balance.onnx", "--env", "CartPole-v1", "--episodes", "3")
    result = packed("check", "c.plasma", *args)
    assert result.exit_code == 1
    assert "the packet is worse" in result.stdout
    assert facts_of(packed("check", "c.plasma", *args, "--json"))["holds"] is False
    packed("build", "balance.onnx", "--key", "key.pem", "-o", "c.plasma", "--env", "CartPole-v1")
    result = packed("check", "c.plasma", *args)
    assert result.exit_code == 0
    assert "holds its return" in result.stdout


# ---- diff, estimate, graph, inspect


def test_diff_ends_as_diff_does(packed: Run) -> None:
    same = packed("diff", "a.plasma", "a.plasma")
    assert (same.exit_code, same.stdout) == (0, "equal\n")
    other = packed("diff", "a.plasma", "b.plasma")
    assert other.exit_code == 1
    for words in ("net.0", "int8 → f16", "certificate.const_bytes"):
        assert words in other.stdout
    facts = packed("diff", "a.plasma", "b.plasma", "--json")
    assert facts.exit_code == 1
    assert facts_of(facts)["equal"] is False


def test_estimate_says_that_it_is_one(packed: Run) -> None:
    result = packed("estimate", "a.plasma", "--board", "pi5")
    assert result.exit_code == 0
    assert result.stdout.startswith("estimate: Raspberry Pi 5")
    assert "plasma-edge calibrate on the board measures it" in result.stdout
    assert facts_of(packed("estimate", "a.plasma", "--board", "pi5", "--json"))["cold_us"] > 0
    refused(packed("estimate", "a.plasma", "--board", "pi9"), "E_PACK_OPTION")


def test_graph_writes_a_picture(packed: Run) -> None:
    assert packed("graph", "a.plasma", "-o", "a.svg").exit_code == 0
    ElementTree.fromstring(Path("a.svg").read_text("utf-8"))
    facts = facts_of(packed("graph", "a.plasma", "-o", "a.svg", "--json"))
    assert facts["bytes"] == Path("a.svg").stat().st_size
    refused(packed("graph", "a.plasma", "-o", "no/a.svg"), "E_PACK_OPTION")
    refused(packed("graph", "a.plasma", "-o", "a.jpg"), "E_PACK_OPTION")


def test_graph_writes_the_same_picture_in_pixels(packed: Run) -> None:
    assert packed("graph", "a.plasma", "-o", "a.svg").exit_code == 0
    assert packed("graph", "a.plasma", "-o", "a.png").exit_code == 0
    svg = ElementTree.fromstring(Path("a.svg").read_text("utf-8"))
    with Image.open("a.png") as picture:
        assert picture.size == tuple(2 * int(svg.attrib[side]) for side in ("width", "height"))
        assert len(picture.getcolors(1 << 16) or []) > 20  # letters have many greys


def test_inspect_lists_the_layers(packed: Run) -> None:
    rows = facts_of(packed("inspect", "b.plasma", "--json"))["program"]["layers"]
    assert [(row["layer"], row["precision"], row["macs"]) for row in rows] == [
        ("net.0", "f16", 32),
        ("net.2", "f16", 16),
    ]
    macs = open_packet("b.plasma").header.certificate.macs
    assert sum(row["macs"] for row in rows) == macs
    assert "net.2" in packed("inspect", "b.plasma").stdout


# ---- every verb


def test_every_verb_speaks_json(packed: Run) -> None:
    signed = ("--key", "key.pem", "-o", "j.plasma")
    packed("keygen", "second.pem")
    for args in (
        ("keygen", "third.pem"),
        ("build", "mlp.onnx", *signed, "--signer", "second.pub"),
        ("cosign", "j.plasma", "--key", "second.pem"),
        ("verify", "j.plasma", "--trust", "key.pub"),
        ("inspect", "j.plasma"),
        ("disasm", "j.plasma"),
        ("disasm", "j.plasma", "-o", "j.pasm"),
        ("diff", "j.plasma", "j.plasma"),
        ("estimate", "j.plasma", "--board", "n100"),
        ("graph", "j.plasma", "-o", "j.svg"),
    ):
        result = packed(*args, "--json")
        assert result.exit_code == 0, result.output
        assert isinstance(json.loads(result.stdout), dict), args


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_an_example_and_json(run: Run, verb: str) -> None:  # noqa: F811
    shown = run(verb, "--help").stdout
    assert f"\n  plasma-pack {verb} " in shown
    assert "--json" in shown


@pytest.mark.parametrize("verb", ["check", "diff", "estimate", "graph"])
def test_json_tells_failures_too(packed: Run, verb: str) -> None:
    Path("torn.plasma").write_bytes(Path("a.plasma").read_bytes()[:300])
    rest = {
        "check": ("--source", "mlp.onnx", "--env", "CartPole-v1"),
        "diff": ("a.plasma",),
        "estimate": ("--board", "pi4"),
        "graph": ("-o", "x.svg"),
    }
    result = packed(verb, "torn.plasma", *rest[verb], "--json")
    assert result.exit_code == 1
    assert (facts_of(result)["ok"], facts_of(result)["code"]) == (False, "E_TRUNCATED")


def test_nothing_is_coloured_in_a_pipe(packed: Run) -> None:
    for args in (
        ("build", "mlp.onnx", "--key", "key.pem", "-o", "c.plasma"),
        ("diff", "a.plasma", "b.plasma"),
        ("inspect", "a.plasma"),
        ("estimate", "a.plasma", "--board", "pi4"),
    ):
        command = [sys.executable, "-c", "from plasma_pack.cli.app import main; main()", *args]
        piped = subprocess.run(command, capture_output=True)
        assert piped.stdout
        assert b"\x1b" not in piped.stdout + piped.stderr, args


def test_shells_can_complete_options(run: Run) -> None:  # noqa: F811
    assert "--install-completion" in run("--help").stdout


def test_boards_and_precisions_are_completed() -> None:
    for words, wanted in (("estimate --board ", "pi4"), ("build --weights ", "f16")):
        code = "from plasma_pack.cli.app import app; app(prog_name='plasma-pack')"
        environment = {
            "_PLASMA_PACK_COMPLETE": "complete_bash",
            "COMP_WORDS": f"plasma-pack {words}",
            "COMP_CWORD": str(len(words.split()) + 1),
        }
        command = [sys.executable, "-c", code]
        completed = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert wanted in completed.stdout, completed.stderr
