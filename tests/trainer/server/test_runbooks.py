# SPDX-License-Identifier: Apache-2.0
"""docs/runbooks.md, typed from top to bottom; and deploy/, as far as can be told without Docker."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import yaml

from plasma_pack import open_packet
from plasma_trainer.server import staging
from plasma_trainer.server.jobs import Jobs
from plasma_trainer.server.models import TrainRequest
from plasma_trainer.server.registry import Registry
from plasma_trainer.server.settings import Settings
from plasma_trainer.server.store import Store
from tests.trainer.server.postgres import new_database
from tests.trainer.server.processes import DOCUMENTED, ENV, started

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/runbooks.md").read_text("utf-8")
DEPLOY = ROOT / "deploy"


def blocks(chapter: str) -> list[str]:
    (text,) = re.findall(rf"^## {chapter}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)
    return re.findall(r"^```\n(.*?)^```", text, re.M | re.S)


def typed(text: str, folder: Path, **env: str) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=folder,
        env={**ENV, "SCHOOL": DOCUMENTED, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
    return done.stdout


def fill(folder: Path, packet: bytes) -> tuple[str, str]:
    """A finished training, a failed one, a staged packet; the ids of the jobs."""
    settings = Settings(folder / "school", signers=(folder / "release.pub",))
    store = Store(settings.database)
    jobs, asked = Jobs(store), TrainRequest(env="CartPole-v1").params()
    done, failed = (jobs.submit("train", asked, owner="x")[0].id for _ in range(2))
    for _ in range(2):
        job = jobs.claim()
        assert job is not None
        settings.run(job.id).mkdir(parents=True)
        if job.id == done:
            jobs.finish(job, {})
        else:
            jobs.fail(job, "it broke", is_final=True)
    staged = staging.release(open_packet(packet), settings, "walker", None, 0)
    Registry(store, settings).add(staged, run=done)
    return done, failed


def test_the_runbooks_work_as_written(tmp_path: Path, packet: bytes) -> None:
    prepare, is_up, _ = blocks("Launch")
    *make, serve = prepare.splitlines()
    typed("\n".join(make), tmp_path)
    run, failed = fill(tmp_path, packet)
    env = {"TOKEN": (tmp_path / "ops.token").read_text().strip(), "JOB": failed, "RUN": run}
    with started(f"{serve} --workers=0", tmp_path):
        assert '"ok"' in typed(is_up, tmp_path)
        retry, whole = blocks("Recover")
        assert "it broke" in typed(retry, tmp_path, **env)
        assert typed(whole, tmp_path) == "ok\n"
        evaluate, _ = blocks("Evaluate")  # climbing needs runs that were trained
        assert typed(evaluate, tmp_path, **env).count('"queued"') == 2
        (rotate,) = blocks("Rotate a token")
        assert "revoked" in typed(rotate, tmp_path)
        jobs = 'curl -s -o /dev/null -w "%{http_code}" -H "Authorization: Bearer $(cat {})" $SCHOOL/jobs'
        codes = [typed(jobs.replace("{}", name), tmp_path) for name in ("ops.token", "next.token")]
        assert codes == ["401", "200"]
        copy, _, restore = blocks("Back up, and restore")
        typed(copy, tmp_path)
    before = sorted(path.name for path in (tmp_path / "school/packets").glob("*.plasma"))
    typed(restore, tmp_path)
    make_key, serve = blocks("Rotate the key")[0].splitlines()
    typed(make_key, tmp_path)
    with started(f"{serve} --workers=0", tmp_path):
        token = (tmp_path / "next.token").read_text().strip()
        show = f'curl -fsS -H "Authorization: Bearer {token}" $SCHOOL'
        assert len(json.loads(typed(f"{show}/jobs", tmp_path))["jobs"]) == 4
        digest = json.loads(typed(f"{show}/packets", tmp_path))["packets"][0]["digest"]
        typed(f"{show}/packets/{digest}/file -o back.plasma", tmp_path)
    assert before == [f"{digest}.plasma"]
    assert open_packet((tmp_path / "back.plasma").read_bytes())


def test_a_postgresql_is_dumped_and_restored_as_written(postgresql: str, tmp_path: Path) -> None:
    url = new_database(postgresql)
    dump, restore = blocks("Back up, and restore")[1].splitlines()
    asked = TrainRequest(env="CartPole-v1").params()
    kept, _ = Jobs(Store(url)).submit("train", asked, owner="x")
    (tmp_path / "backup").mkdir()
    typed(dump, tmp_path, PLASMA_DATABASE=url)
    lost, _ = Jobs(Store(url)).submit("train", asked, owner="x")
    typed(restore, tmp_path, PLASMA_DATABASE=url)
    assert {job.id for job in Jobs(Store(url)).newest(None, None, 10)} == {kept.id} != {lost.id}


def test_compose_is_whole_and_gives_away_nothing() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    template = (DEPLOY / "env.template").read_text()
    named = set(re.findall(r"\$\{(\w+)\}", (DEPLOY / "compose.yaml").read_text()))
    assert named == set(re.findall(r"^(\w+)=.+$", template, re.M))
    assert set(compose["services"]) == {"server", "worker", "database", "prometheus"}
    for name in ("server", "worker"):
        service = compose["services"][name]
        assert service["read_only"] and service["cap_drop"] == ["ALL"]
        assert "--key" not in service["command"]
        url = service["environment"]["PLASMA_DATABASE"].replace("${POSTGRES_PASSWORD}", "a1")
        assert Settings(Path("/data"), postgresql=url).database == url
        typed(f"plasma-train {service['command'][0]} --help", ROOT)
    scraped = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())["scrape_configs"][0]
    assert scraped["static_configs"] == [{"targets": ["server:8300"]}]
    assert scraped["authorization"]["credentials_file"] in str(compose["services"]["prometheus"])
