"""graph: every instruction is a box, every value that is read a line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import resvg_py
import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from plasma_pack import assemble, build, open_packet
from plasma_pack.errors import OptionError
from plasma_pack.graph import boxes_of, draw, png
from plasma_pack.program.decode import decode
from plasma_pack.program.program import Program
from tests.pack import networks

SVG = "{http://www.w3.org/2000/svg}"
PROGRAMS = Path(__file__).parents[1] / "programs"


@pytest.fixture
def recurrent(tmp_path: Path, key: Ed25519PrivateKey) -> Program:
    torch.manual_seed(0)
    args = (torch.zeros(1, 4), torch.zeros(1, 1, 5))
    path = networks.export(networks.Recurrent(), args, tmp_path / "net.onnx")
    opened = open_packet(build(path, key=key).data)
    return decode(opened.sections, opened.slot_names)


def test_boxes_stand_in_the_order_of_execution(recurrent: Program) -> None:
    boxes = boxes_of(recurrent)
    titles = [box.title for box in boxes]
    assert titles[0] == "input obs"
    assert titles[1].startswith("state ")
    assert titles[2:-2] == [
        "linear  encoder",
        "relu",
        "linear  gru.ih_l0",
        "linear  gru.hh_l0",
        "gru",
        "linear  head",
        "tanh",
        "copy",
    ]
    assert titles[-2] == "output action"
    assert titles[-1] == titles[1]
    assert boxes[2].kind == "f16"
    assert "f16 6×4" in boxes[2].detail
    assert boxes[4].kind == "int8"


def test_a_box_reads_what_its_instruction_reads(recurrent: Program) -> None:
    boxes = boxes_of(recurrent)
    assert boxes[2].reads == (0,)
    gru = next(number for number, box in enumerate(boxes) if box.title == "gru")
    assert boxes[gru].reads == (gru - 2, gru - 1, 1)  # the state as the last tick left it
    assert boxes[-1].reads == (len(boxes) - 3,)


def test_the_picture_has_a_box_and_a_line_for_each(recurrent: Program) -> None:
    root = ElementTree.fromstring(draw(recurrent))
    boxes = boxes_of(recurrent)
    assert len(root.findall(f"{SVG}rect")) == len(boxes) + 1  # and the paper
    assert len(root.findall(f"{SVG}path")) == sum(len(set(box.reads)) for box in boxes)


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(PROGRAMS.glob("*.pasm")) if not path.stem.startswith("refuse")],
    ids=lambda path: path.stem,
)
def test_every_program_can_be_drawn(path: Path) -> None:
    program = assemble(path.read_text()).program
    root = ElementTree.fromstring(draw(program))
    assert len(root.findall(f"{SVG}rect")) > len(program.instructions)


def test_names_cannot_break_out_of_the_picture() -> None:
    text = 'input obs f32[1] name "<script>" unit "&\\x1b"\noutput act f32[1]\ntanh act, obs\n'
    picture = draw(assemble(text).program)
    ElementTree.fromstring(picture)
    assert "<script>" not in picture
    assert "\x1b" not in picture


def test_of_a_long_name_the_end_is_shown() -> None:
    name = f"features.{'extractors.' * 4}camera.linear.0"
    text = (
        "input x f32[1]\noutput y f32[1]\nconst w f32[1,1] = 2\n"
        f"{name}: linear y, x, w\nslot {name} max_rank 1\n"
    )
    title = boxes_of(assemble(text).program)[1].title
    assert title.startswith("linear  …")
    assert title.endswith("extractors.camera.linear.0")
    assert len(title) == 50


def test_a_packet_is_drawn_the_same_way_each_time(recurrent: Program) -> None:
    assert draw(recurrent) == draw(recurrent)


def test_a_picture_of_pixels_may_not_be_endless(recurrent: Program) -> None:
    program = replace(recurrent, instructions=recurrent.instructions * 100)
    with pytest.raises(OptionError, match="at most 500 in a PNG; write an .svg"):
        png(program)


def test_a_picture_without_letters_is_none(
    recurrent: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    render = resvg_py.svg_to_bytes

    def without_fonts(**options: Any) -> Any:
        return render(**(options | {"skip_system_fonts": True}))

    monkeypatch.setattr(resvg_py, "svg_to_bytes", without_fonts)
    with pytest.raises(OptionError, match="no font is installed"):
        png(recurrent)
