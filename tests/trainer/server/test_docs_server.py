# SPDX-License-Identifier: Apache-2.0
"""docs/server.md, typed: its quick start for real, its release of a staged packet with openssl, its tokens."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

import plasma_edge
from plasma_pack import keygen, open_packet
from plasma_trainer.server import staging
from plasma_trainer.server.app import make_app
from plasma_trainer.server.registry import Registry
from plasma_trainer.server.settings import Settings
from plasma_trainer.server.store import Store
from tests.trainer.server.processes import answers, serving, until

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/server.md").read_text("utf-8")
ENV = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def block(beginning: str) -> str:
    (found,) = re.findall(rf"^```\w*\n({re.escape(beginning)}.*?)^```", PAGE, re.M | re.S)
    return found


def typed(text: str, folder: Path, **env: str) -> str:
    done = subprocess.run(
        ["bash", "-ec", text],
        cwd=folder,
        env={**ENV, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
    return done.stdout


@contextmanager
def started(command: str, folder: Path) -> Iterator[None]:
    """A command of the page that goes on until it is stopped."""
    process = subprocess.Popen(command.split(), cwd=folder, env=ENV)
    try:
        with httpx2.Client(base_url="http://127.0.0.1:8300") as http:
            until(lambda: process.poll() is not None or answers(http))
        assert process.poll() is None, "the server did not start; is port 8300 free?"
        yield
    finally:
        process.terminate()
        process.wait()


def test_the_quick_start_flies(tmp_path: Path) -> None:
    keygen_line, serve_line = block("plasma-pack keygen release.pem\nplasma-train").splitlines()
    typed(keygen_line, tmp_path)
    (tmp_path / "agent.py").write_text(block("import numpy"))
    with started(serve_line, tmp_path):
        action = typed("python agent.py", tmp_path).strip()
    assert action in ("0", "1")
    (stored,) = (tmp_path / "packets").glob("*.plasma")
    info = plasma_edge.verify(stored, trust=str(tmp_path / "release.pub"))
    assert info.audit == "verified"


def test_a_staged_packet_is_signed_elsewhere(tmp_path: Path, packet: bytes) -> None:
    keygen(tmp_path / "release.pem")
    settings = Settings(tmp_path / "school", signers=(tmp_path / "release.pub",))
    staged = Registry(Store(settings.database), settings).add(
        staging.release(open_packet(packet), settings, "walker", None, 0)
    )
    signer = f"--signer={settings.signers[0]}"
    with serving(settings.data, "--workers=0", signer) as http:
        school = str(http.base_url).rstrip("/")
        typed(block("curl -s $SCHOOL"), tmp_path, SCHOOL=school, DIGEST=staged.digest)
        found = http.get("/packets", params={"content_digest": staged.content_digest}).json()
    assert [each["is_signed"] for each in found["packets"]] == [True, False]


def test_tokens_are_handled_as_the_page_says(tmp_path: Path) -> None:
    create, list_, revoke = block("plasma-train token create").splitlines()
    id_ = typed(create, tmp_path).split("_")[1]
    assert "train" in typed(list_, tmp_path)
    typed(revoke.replace(" ID", f" {id_}"), tmp_path)
    assert "revoked" in typed(list_, tmp_path)


def test_the_recipe_ends_in_one_line_of_figures() -> None:
    recipe = [sys.executable, str(ROOT / "contrib/recipes/client_server_demo.py")]
    done = subprocess.run(recipe, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    flown = re.search(r"return (\d+) in 5 flights", line)
    assert flown, line
    assert int(flown[1]) >= 400, line
    assert "audit verified" in line
    assert re.search(r"(\d+) real steps", line)


def test_the_page_names_every_route(tmp_path: Path) -> None:
    for path in make_app(Settings(tmp_path)).openapi()["paths"]:
        shown = path.replace("/packets/{digest}/file", "…/file").replace("/jobs/{id}/", "…/")
        assert shown.replace("…/log", "/jobs/{id}/log") in PAGE, path
