"""build(): one call from a policy to a signed packet, the same bytes every time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import plasma_edge as pe
from plasma_edge import PublicKey
from plasma_pack import (
    KeyFileError,
    LimitsError,
    OptionError,
    SourceError,
    assemble,
    build,
    keygen,
    open_packet,
)
from plasma_pack.packet.format import Section
from tests.pack import networks

ACCUMULATOR = """
input  obs f32[1]
output act f32[1] actuator low -10 high 10 safe 0
const  w   i8[1,1] scale s = 127
const  s   f32[1] = 0.0078740157
state  sum f32[1]
arena  x   f32[1]
arena  y   f32[1]
gain: linear x, obs, w
add y, x, sum
copy act, y
copy sum, y
slot gain max_rank 2
"""


@pytest.fixture
def text_file(tmp_path: Path) -> Path:
    path = tmp_path / "accumulator.pasm"
    path.write_text(ACCUMULATOR)
    return path


def test_a_packet_is_written_and_flies(
    mlp_onnx: Path, key_file: Path, trust: bytes, tmp_path: Path
) -> None:
    out = tmp_path / "mlp.plasma"
    packet = build(mlp_onnx, key=key_file, out=out, name="mlp")
    assert out.read_bytes() == packet.data
    assert out.stat().st_mode & 0o777 == 0o644
    policy = pe.Policy.load(out, trust=trust)
    action = policy(np.zeros(4, np.float32))
    assert action.shape == (2,)
    assert policy.info.content_digest == packet.content_digest
    assert packet.slots == ("net.0", "net.2")
    assert list(tmp_path.glob(".*")) == []


def test_the_same_policy_and_key_give_the_same_bytes(
    mlp_onnx: Path, key: Ed25519PrivateKey
) -> None:
    options = {"audit": {"verdict": "verified", "canary": 0.9}, "channel": "lab", "sequence": 3}
    assert build(mlp_onnx, key=key, **options).data == build(mlp_onnx, key=key, **options).data


def test_another_process_gives_the_same_bytes(
    mlp_onnx: Path, key: Ed25519PrivateKey, key_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.plasma"
    code = (
        "import sys, plasma_pack; plasma_pack.build(sys.argv[1], key=sys.argv[2], out=sys.argv[3])"
    )
    subprocess.run([sys.executable, "-c", code, mlp_onnx, key_file, out], check=True)
    assert out.read_bytes() == build(mlp_onnx, key=key).data


def test_path_bytes_and_model_give_the_same_packet(mlp_onnx: Path, key: Ed25519PrivateKey) -> None:
    packets = {
        build(source, key=key).data
        for source in (mlp_onnx, str(mlp_onnx), mlp_onnx.read_bytes(), onnx.load(mlp_onnx))
    }
    assert len(packets) == 1


def test_torch_is_not_imported() -> None:
    code = "import sys, plasma_pack, plasma_pack.cli.app; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_golden_cases_are_chosen_from_what_is_given(mlp_onnx: Path, key: Ed25519PrivateKey) -> None:
    obs = networks.observations(100)
    gold = open_packet(build(mlp_onnx, key=key, golden=obs).data).sections[Section.GOLD]
    assert gold[:16] == np.array([16, 0, 16, 8], "<u4").tobytes()
    cases = np.frombuffer(gold[16:], "<f4").reshape(16, 6)
    np.testing.assert_array_equal(cases[0, :4], obs[0])
    np.testing.assert_array_equal(cases[-1, :4], obs[-1])


def test_golden_ticks_follow_each_other_from_reset(text_file: Path, key: Ed25519PrivateKey) -> None:
    golden = np.ones((3, 1), np.float32)
    gold = open_packet(build(text_file, key=key, golden=golden).data).sections[Section.GOLD]
    np.testing.assert_allclose(np.frombuffer(gold[16:], "<f4"), [1, 1, 1, 2, 1, 3], rtol=1e-6)


@pytest.mark.parametrize(
    ("golden", "words"),
    [
        (np.zeros((3, 5), np.float32), r"expected finite \[N, 4\]"),
        (np.full((1, 4), np.nan, np.float32), "expected finite"),
        (np.zeros((0, 4), np.float32), "expected finite"),
        ({"pose": np.zeros((1, 4), np.float32)}, "no observations for input 'obs'"),
    ],
)
def test_golden_observations_that_do_not_fit_are_refused(
    mlp_onnx: Path, key: Ed25519PrivateKey, golden: np.ndarray, words: str
) -> None:
    with pytest.raises(OptionError, match=words):
        build(mlp_onnx, key=key, golden=golden)


def test_a_network_that_overflows_is_refused(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    module = networks.Mlp()
    for layer in (module.net[0], module.net[2]):
        layer.weight.data.fill_(3e38)
    module.net[1] = torch.nn.Identity()
    path = networks.export(module, (torch.zeros(1, 4),), tmp_path / "net.onnx")
    with pytest.raises(SourceError, match="NaN or infinity on a self-test case"):
        build(path, key=key, weights="f32", golden=np.ones((1, 4), np.float32))


def test_an_output_without_limits_needs_them(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes
) -> None:
    path = networks.export(torch.nn.Linear(4, 2), (torch.zeros(1, 4),), tmp_path / "net.onnx")
    with pytest.raises(LimitsError, match="pass low=… and high=…"):
        build(path, key=key)
    packet = build(path, key=key, low=-0.1, high=0.1)
    action = pe.Policy.load(packet.data, trust=trust)(np.full(4, 100, np.float32))
    np.testing.assert_array_equal(np.abs(action), np.float32(0.1))


def test_the_audit_verdict_is_signed(mlp_onnx: Path, key: Ed25519PrivateKey, trust: bytes) -> None:
    packet = build(mlp_onnx, key=key, audit={"verdict": "verified", "canary": 0.9})
    assert pe.verify(packet.data, trust=trust, require_audit="verified").audit == "verified"
    plain = build(mlp_onnx, key=key)
    assert plain.content_digest == packet.content_digest
    with pytest.raises(OptionError, match="never signed"):
        build(mlp_onnx, key=key, audit={"verdict": "failed"})


def test_ranges_and_units_reach_the_device(
    mlp_onnx: Path, key: Ed25519PrivateKey, trust: bytes
) -> None:
    packet = build(mlp_onnx, key=key, ranges={"obs": (-2, 3)}, units={"obs": "rad"})
    policy = pe.Policy.load(packet.data, trust=trust)
    obs, action = policy.inputs[0], policy.outputs[0]
    assert (obs.low, obs.high, obs.unit) == (-2, 3, "rad")
    assert (action.low, action.high, action.is_actuator) == (-1, 1, True)


def test_two_keys_sign_and_a_third_may_later(
    mlp_onnx: Path, key: Ed25519PrivateKey, tmp_path: Path
) -> None:
    second = keygen(tmp_path / "second.pem")
    third = keygen(tmp_path / "third.pem")
    packet = build(mlp_onnx, key=[key, tmp_path / "second.pem"], signers=[tmp_path / "third.pub"])
    opened = open_packet(packet.data)
    assert opened.signer_ids[1:] == (second.id, PublicKey(third.raw).id)
    assert [any(signature) for signature in opened.signatures] == [True, True, False]


def test_without_room_for_adapters_there_are_no_slots(
    mlp_onnx: Path, key: Ed25519PrivateKey
) -> None:
    packet = build(mlp_onnx, key=key, max_adapters=0)
    assert packet.slots == ()
    assert Section.SLOTS not in open_packet(packet.data).sections


def test_a_text_program_is_built_as_it_stands(
    text_file: Path, key: Ed25519PrivateKey, trust: bytes
) -> None:
    packet = build(text_file, key=key)
    sections = open_packet(packet.data).sections
    assert {t: raw for t, raw in sections.items() if t != Section.GOLD} == assemble(
        ACCUMULATOR
    ).sections
    assert packet.slots == ("gain",)
    with pytest.raises(OptionError, match="states its limits"):
        build(text_file, key=key, low=-1, high=1)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"max_adapters": 17}, OptionError, "expected 0 to 16"),
        ({"max_rank": 0}, OptionError, "expected 1 to 1024"),
        ({"weights": "int4"}, OptionError, "expected one of auto, int8, f16, f32"),
        ({"sequence": -1}, OptionError, "sequence: found -1"),
        ({"not_before": 2, "not_after": 1}, OptionError, "before not_before"),
        ({"units": {"x": "m"}}, OptionError, "no input is called x; the inputs are obs"),
        ({"units": {"obs": "m" * 16}}, SourceError, "at most 31 and 15"),
        ({"ranges": {"obs": (1, 0)}}, OptionError, "expected low ≤ high"),
        ({"out": "/no/such/folder/x.plasma"}, OptionError, "cannot be written"),
    ],
)
def test_options_without_meaning_are_refused(
    mlp_onnx: Path,
    key: Ed25519PrivateKey,
    options: dict[str, object],
    error: type[Exception],
    words: str,
) -> None:
    with pytest.raises(error, match=words):
        build(mlp_onnx, key=key, **options)  # type: ignore[arg-type]


def test_a_key_is_needed(mlp_onnx: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="found 0 signers, .* pass --key FILE"):
        build(mlp_onnx, key=[])
    with pytest.raises(KeyFileError):
        build(mlp_onnx, key=tmp_path / "none.pem")


def test_nothing_is_written_when_something_is_refused(
    mlp_onnx: Path, key: Ed25519PrivateKey, tmp_path: Path
) -> None:
    with pytest.raises(LimitsError):
        build(mlp_onnx, key=key, low=2, high=1, out=tmp_path / "x.plasma")
    assert list(tmp_path.iterdir()) == []
