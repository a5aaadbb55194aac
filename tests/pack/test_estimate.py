"""estimate: work of a packet at published rates, and that it says what it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from plasma_pack import OptionError, build, open_packet
from plasma_pack.boards import BOARDS
from plasma_pack.estimate import estimate


def test_an_estimate_adds_up_and_is_called_one(mlp_onnx: Path, key: Ed25519PrivateKey) -> None:
    packet = build(mlp_onnx, key=key, weights="int8")
    facts = estimate(open_packet(packet.data), "pi4")
    assert "estimate" in facts["note"]
    assert "plasma-edge calibrate" in facts["note"]
    assert [row["class"] for row in facts["classes"]] == ["linear_i8", "other"]
    assert sum(row["cost_units"] for row in facts["classes"]) == packet.certificate.cost_units
    board = BOARDS["pi4"]
    (linear, other) = facts["classes"]
    op, unit = board.rates(is_cold=True)["linear_i8"]
    assert linear["cold_us"] == pytest.approx(2 * op + unit * linear["cost_units"])
    assert facts["cold_us"] == pytest.approx(
        board.cold_step_us + linear["cold_us"] + other["cold_us"]
    )
    assert 0 < facts["warm_us"] < facts["cold_us"]


def test_float_weights_are_another_class_of_work(mlp_onnx: Path, key: Ed25519PrivateKey) -> None:
    packet = build(mlp_onnx, key=key, weights="f16")
    classes = [row["class"] for row in estimate(open_packet(packet.data), "n100")["classes"]]
    assert classes == ["linear_f32", "other"]


@pytest.mark.parametrize("name", list(BOARDS))
def test_every_board_has_a_rate_for_every_class(name: str) -> None:
    for is_cold in (True, False):
        rates = BOARDS[name].rates(is_cold=is_cold)
        assert rates.keys() == {"linear_i8", "linear_f32", "conv2d", "pool", "other"}
        assert all(op > 0 and unit > 0 for op, unit in rates.values())


def test_a_newer_core_is_faster(mlp_onnx: Path, key: Ed25519PrivateKey) -> None:
    packet = open_packet(build(mlp_onnx, key=key).data)
    times = [estimate(packet, name)["warm_us"] for name in ("zero2w", "pi4", "pi5")]
    assert times == sorted(times, reverse=True)


def test_an_unknown_board_is_refused(mlp_onnx: Path, key: Ed25519PrivateKey) -> None:
    with pytest.raises(OptionError, match="found 'pi9', expected one of pi4, pi5"):
        estimate(open_packet(build(mlp_onnx, key=key).data), "pi9")
