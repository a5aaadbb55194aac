# SPDX-License-Identifier: Apache-2.0
"""docs/server.md, typed: the recipe for real; by hand with a worker that only pretends to train; a staged packet signed
with openssl; tokens.
"""

from __future__ import annotations

import re
import subprocess
import threading
from pathlib import Path

import pytest

from plasma_pack import build, keygen, open_packet
from plasma_trainer.server import staging
from plasma_trainer.server.app import make_app
from plasma_trainer.server.jobs import Jobs
from plasma_trainer.server.registry import Registry
from plasma_trainer.server.settings import Settings
from plasma_trainer.server.store import Store
from tests.trainer.server.processes import ENV, serving, started, until

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/server.md").read_text("utf-8")

POLICY = """
input obs f32[4]
output act f32[1] actuator low -1 high 1 safe 0
const w i8[1,4] scale s = 1 2 3 4
const s f32[1] = 0.0078740157
const b f32[1] = 0.5
linear act, obs, w, b
"""


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


@pytest.mark.long
def test_the_recipe_ends_in_one_line_of_figures() -> None:
    """Trained, audited, compiled, fetched and flown for real."""
    line, *more = typed(block("python contrib/"), ROOT).splitlines()
    assert not more
    flown = re.search(r"return (\d+) in 5 flights", line)
    assert flown, line
    assert int(flown[1]) >= 400, line
    assert "audit verified" in line
    assert re.search(r"(\d+) real steps", line)


def pretend(data: Path, packet: bytes) -> None:
    """A worker for three jobs that has the packet ready."""
    settings = Settings(data)
    store = Store(settings.database)
    jobs, entry = Jobs(store), Registry(store, settings).add(packet)
    for kind in ("train", "audit", "compile"):
        job = until(jobs.claim)
        assert job.kind == kind
        jobs.finish(job, {"content_digest": entry.content_digest})


def test_the_same_by_hand(tmp_path: Path) -> None:
    make_key, serve = block("plasma-pack keygen release.pem\nplasma-train").splitlines()
    typed(make_key, tmp_path)
    source = tmp_path / "policy.pasm"
    source.write_text(POLICY)
    packet = build(source, key=tmp_path / "release.pem").data
    with started(f"{serve} --workers 0", tmp_path):
        worker = threading.Thread(target=pretend, args=(tmp_path / "school", packet))
        worker.start()
        (tmp_path / "agent.py").write_text(block("import numpy"))
        assert typed("python agent.py", tmp_path) == "[0.5]\n"
        worker.join()
    (stored,) = (tmp_path / "packets").glob("*.plasma")
    assert stored.read_bytes() == packet


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


def test_the_page_names_every_route(tmp_path: Path) -> None:
    for path in make_app(Settings(tmp_path)).openapi()["paths"]:
        shown = path.replace("/packets/{digest}/file", "…/file").replace("/jobs/{id}/", "…/")
        assert shown.replace("…/log", "/jobs/{id}/log") in PAGE, path
