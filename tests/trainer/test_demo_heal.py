# SPDX-License-Identifier: Apache-2.0
"""The gallery of broken plants: one real pass in haste, and the page of a finished one."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner

from plasma_trainer.cli import app
from plasma_trainer.demo import HealArgs, film, run_heal
from plasma_trainer.demo import heal as demo
from plasma_trainer.demo.gallery import HEAD, cells
from plasma_trainer.errors import UsageError, UselessAdapterError
from plasma_trainer.pipelines.adapt import AdaptArgs
from plasma_trainer.pipelines.evaluate import Returns, load_packet
from plasma_trainer.pipelines.heal import Base, Healed, Task
from plasma_trainer.pipelines.train import TrainArgs
from tests.trainer.haste import hasten

HEALED = Healed(Returns(498.2, 495.1, 444.0, 50), 12_345, 4, 200, 61.7, "verified")


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    hasten(monkeypatch.setattr)
    monkeypatch.setattr(film, "LAST_TICK", 20)
    task = Task(TrainArgs("CartPole-v1", real_steps=20, iterations=1), AdaptArgs(""))
    monkeypatch.setitem(demo.TASKS, "CartPole-v1", task)


@pytest.mark.usefixtures("hasty")
def test_a_gallery_is_filmed_and_not_made_twice(
    tmp_path: Path, quiet: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def healed(base: Base, variant: str, *_: object) -> Healed:
        asked.append(variant)
        if variant == "length=4":
            raise UselessAdapterError("it wins <nothing> back")
        return HEALED

    monkeypatch.setattr(demo, "heal", healed)
    monkeypatch.setattr(
        demo, "load_packet", lambda base, adapter, trust: load_packet(base, None, trust)
    )
    args = HealArgs(variants=("reversed", "length=4"), seed=3)
    summary = run_heal(args, tmp_path, quiet)
    assert run_heal(args, tmp_path, quiet) == summary
    assert asked == ["reversed", "length=4"]
    assert summary["plants"]["length=4"]["refused"] == "it wins <nothing> back"
    page = (tmp_path / "gallery.html").read_text("utf-8")
    assert page.count("data:image/gif") == 3
    assert "it wins &lt;nothing&gt; back" in page
    assert "http" not in page
    with Image.open(tmp_path / "reversed-before.gif") as before:
        assert before.size == film.SIZE
        assert 1 < before.n_frames <= 20


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (["--env", "Acrobot-v1"], "expected one of CartPole-v1"),
        (["--variant", "wheels=3"], "wheels=3"),
        (["--variant", "motor.bias=1"], "found Discrete"),
    ],
)
def test_what_cannot_be_broken_or_learnt_is_refused_before_anything_is(
    asked: list[str], why: str, tmp_path: Path
) -> None:
    result = CliRunner().invoke(app, ["demo", "heal", "--out", str(tmp_path / "out"), *asked])
    assert result.exit_code == 2
    assert why in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_plant_that_cannot_be_rendered_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(*args: object, **kwargs: object) -> object:
        plant = film_plant(*args, **kwargs)
        monkeypatch.setattr(plant.unwrapped, "render", blind)
        return plant

    def blind() -> None:
        raise RuntimeError("no OpenGL")

    film_plant = film.make_plant
    monkeypatch.setattr(film, "make_plant", make)
    with pytest.raises(UsageError, match=r"no OpenGL.*MUJOCO_GL"):
        film.check_camera("CartPole-v1", "reversed")


def test_the_film_of_a_fall_ends_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = film.film_episode("CartPole-v1", "nominal", lambda obs: 0, seed=0)
    assert (
        8 < len(frames) < 14
    )  # always to one side: a fall within a dozen ticks, and its last frame
    red = frames[-1].convert("RGB").getcolors(256**2)
    assert any(colour[0] > 150 and colour[1] < 100 for _, colour in red)
    monkeypatch.setattr(film, "LAST_TICK", 5)
    assert len(film.film_episode("CartPole-v1", "nominal", lambda obs: 0, seed=0)) == 5


def test_a_line_of_the_table_fills_every_column() -> None:
    broken = vars(Returns(9.3, 9.1, 8.0, 50))
    whole = cells(
        "reversed", {"broken": broken, "healed": {**vars(HEALED), "returns": vars(HEALED.returns)}}
    )
    refused = cells("reversed", {"broken": broken, "refused": "no"})
    assert len(whole) == len(refused) == len(HEAD)
    assert whole == (
        "reversed",
        "9.3 (9.1)",
        "498.2 (495.1)",
        "12,345",
        "4",
        "200",
        "62",
        "verified",
    )
