"""Rows that nobody reads are not computed, and those that are keep their bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from torch import nn

from plasma_pack import build
from plasma_pack.importers.onnx.convert import import_onnx
from plasma_pack.program.program import Program
from tests.pack import networks
from tests.pack.importers.onnx.test_tokens import (
    FLIGHT,
    TOKENS,
    WIDTH,
    Block,
    Causal,
    export,
    tokens,
)


class Tokens(nn.Module):
    """Every row-wise operation; some tokens of the result, or all."""

    def __init__(self, block: Block, rows: slice) -> None:
        super().__init__()
        self.block, self.rows = block, rows
        self.positions = nn.Parameter(torch.randn(TOKENS, WIDTH))
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 3)

    def forward(self, obs: torch.Tensor) -> torch.Tensor:
        x = self.block(obs + self.positions)
        x = torch.softmax(self.norm(x * x) + 1 / (x.abs() + 1), -1) * self.positions
        return torch.tanh(self.head(x.clamp(-0.1, 0.1)))[:, self.rows].flatten(1)


ROWS = [slice(TOKENS - 1, TOKENS), slice(0, 1), slice(1, 3), slice(0, TOKENS)]


def build_rows(path: Path, block: type[Block], rows: slice) -> Path:
    torch.manual_seed(0)
    path.mkdir()
    return export(Tokens(block(), rows), path)


def work(program: Program) -> int:
    return sum(program.tensor(i.output).elements for i in program.instructions)


@pytest.mark.parametrize("block", [Block, Causal])
@pytest.mark.parametrize("rows", ROWS[:3], ids=str)
def test_rows_alone_have_the_bits_of_those_among_all(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes, block: type[Block], rows: slice
) -> None:
    some = build_rows(tmp_path / "some", block, rows)
    whole = build_rows(tmp_path / "whole", block, ROWS[3])
    assert work(import_onnx(some).program) < 0.8 * work(import_onnx(whole).program)
    obs = tokens(10)
    few, all_of_them = (
        networks.fly(build(path, key=key, **FLIGHT).data, trust, obs).reshape(10, -1, 3)
        for path in (some, whole)
    )
    np.testing.assert_array_equal(few, all_of_them[:, rows])


def test_a_last_token_is_the_only_one_after_its_attention(tmp_path: Path) -> None:
    program = import_onnx(build_rows(tmp_path / "last", Block, ROWS[0])).program
    ops = [i.op for i in program.instructions]
    after = program.instructions[ops.index("attention") :]
    assert all(program.tensor(i.output).elements <= 32 for i in after)


def test_what_two_read_is_computed_for_both(tmp_path: Path) -> None:
    class Two(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = torch.tanh(x)
            return torch.cat([y[:, 1], y[:, 3]], -1)

    program = import_onnx(export(Two(), tmp_path)).program
    tanh = next(i for i in program.instructions if i.op == "tanh")
    assert program.tensor(tanh.output).dims == (3, WIDTH)
