"""From work to time: a board's calibration, the bound it gives, and deadlines that a packet cannot keep."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import plasma_edge as pe
from plasma_edge import _board
from plasma_edge._cli import main

from .conftest import COUNTER, REACH, SWAP, Signer

CLASSES = ("linear_i8", "linear_f32", "conv2d", "pool", "other")


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "robot" / "board.json"
    monkeypatch.setenv("PLASMA_BOARD", str(path))
    return path


def calibrate(path: Path, **rates: Any) -> None:
    """A step takes 10 us, an instruction 1 us and a unit 0.01 us, but for what `rates` say."""
    table = {"us_per_step": 10.0, **dict.fromkeys(CLASSES, [1.0, 0.01]), **rates}
    path.parent.mkdir(parents=True, exist_ok=True)
    tables = dict.fromkeys(pe.kernel_tables(), table)
    path.write_text(json.dumps({"cpu": _board.cpu(), "tables": tables}))


def load(packet: bytes, signer: Signer, deadline_us: float) -> pe.Policy:
    return pe.Policy.load(packet, trust=signer.public, deadline_us=deadline_us)


def test_without_a_calibration_there_is_no_bound(signer: Signer, board: Path) -> None:
    assert load(signer.base(REACH), signer, 1e-3).bound_us is None
    calibrate(board)
    assert load(signer.base(REACH), signer, 0).bound_us is None  # nobody asked


def test_a_bound_is_the_sum_over_the_instructions(signer: Signer, board: Path) -> None:
    calibrate(board, other=[2.0, 0.5])
    policy = load(signer.base(COUNTER), signer, 1e6)
    instructions = policy.profile([[0.0]])
    units = [time.cost_units for time in instructions]
    assert policy.bound_us == pytest.approx(10 + sum(2.0 + 0.5 * unit for unit in units))


def test_refuses_what_may_miss_the_deadline_and_names_both_times(
    signer: Signer, board: Path
) -> None:
    calibrate(board)
    packet = signer.base(REACH)
    bound_us = load(packet, signer, 1e6).bound_us
    assert bound_us is not None
    assert load(packet, signer, bound_us + 0.01).bound_us == bound_us
    with pytest.raises(pe.PolicyRefusal) as caught:
        load(packet, signer, bound_us - 0.01)
    assert caught.value.code == "E_DEADLINE"
    for number in (int(bound_us * 1e3), int((bound_us - 0.01) * 1e3)):
        assert str(number) in str(caught.value)


def test_an_adapter_adds_to_the_bound_and_is_refused_beyond_the_deadline(
    signer: Signer, board: Path
) -> None:
    calibrate(board)
    alone = load(signer.base(REACH), signer, 1e6)
    bound_us = alone.bound_us
    assert bound_us is not None
    alone.attach(signer.adapter(REACH, SWAP), name="swap")
    assert alone.bound_us is not None
    assert alone.bound_us > bound_us + 2
    late = load(signer.base(REACH), signer, bound_us + 1)
    with pytest.raises(pe.PolicyRefusal, match="bound on a step") as caught:
        late.attach(signer.adapter(REACH, SWAP), name="swap")
    assert caught.value.code == "E_DEADLINE"
    assert late.adapters == ()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not a calibration"),
        ("[]", "not a calibration"),
        ('{"cpu": "x"}', "not a calibration"),
        ('{"cpu": "Zilog Z80", "tables": {}}', "Zilog Z80.*plasma-edge calibrate"),
    ],
)
def test_a_wrong_calibration_is_an_error_not_a_guess(
    signer: Signer, board: Path, content: str, message: str
) -> None:
    board.parent.mkdir()
    board.write_text(content)
    with pytest.raises(pe.UsageError, match=message):
        load(signer.base(REACH), signer, 100.0)


def test_a_calibration_without_a_class_is_an_error(signer: Signer, board: Path) -> None:
    calibrate(board, other=None)
    with pytest.raises(pe.UsageError) as caught:
        load(signer.base(REACH), signer, 100.0)
    assert caught.value.code == "E_ARGUMENT"


def test_calibrate_measures_this_board_table_by_table(
    signer: Signer, board: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["calibrate", "--kernels", "scalar", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["file"] == str(board)
    assert result["rates"].keys() == {"us_per_step", *CLASSES}
    for sample in result["samples"]:
        us_per_op, us_per_unit = result["rates"][sample["class"]]
        assert us_per_unit > 0
        assert us_per_op + us_per_unit * sample["cost_units"] >= sample["us"] * (1 - 1e-9)
    content = json.loads(board.read_text())
    assert content == {"cpu": _board.cpu(), "tables": {"scalar": result["rates"]}}
    policy = pe.Policy.load(
        signer.base(REACH), trust=signer.public, deadline_us=1e6, kernels="scalar"
    )
    assert policy.bound_us is not None
    assert policy.bound_us > result["rates"]["us_per_step"]
