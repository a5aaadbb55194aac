# SPDX-License-Identifier: Apache-2.0
"""Agents against a real server: what is fetched, through which mishaps, and what is never stored."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import numpy as np
import pytest

import plasma_edge
import plasma_pack
from plasma_edge.client import (
    ClientConfig,
    ConnectionLostError,
    JobFailedError,
    NotSignedError,
    PlasmaAgent,
    PlasmaAgentClient,
    ServerRefusal,
    TaskRequest,
)
from plasma_edge.client import _server as requests
from plasma_trainer.server import staging
from plasma_trainer.server.jobs import Jobs
from plasma_trainer.server.registry import Registry
from plasma_trainer.server.settings import Settings
from plasma_trainer.server.store import Store
from tests.edge.conftest import REACH, SWAP, Signer
from tests.trainer.server.conftest import PROGRAM
from tests.trainer.server.processes import free_port, serving, until

BALANCE = TaskRequest("CartPole-v1", "keep the pole up", num_simulations=2, real_steps=20)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(tmp_path_factory.mktemp("server"))


@pytest.fixture(scope="module")
def http(settings: Settings) -> Iterator[httpx2.Client]:
    with serving(settings.data) as client:
        yield client


@pytest.fixture(scope="module")
def registry(settings: Settings) -> Registry:
    return Registry(Store(settings.database), settings)


@pytest.fixture(scope="module")
def jobs(settings: Settings) -> Jobs:
    return Jobs(Store(settings.database))


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "FIRST_PAUSE_S", 0.02)


def config(http: httpx2.Client, keys: Path, store: Path, **changed: object) -> ClientConfig:
    url = str(http.base_url).rstrip("/")
    values = {"server_url": url, "trust": keys / "release.pub", "store": store, "poll_s": 0.05}
    return ClientConfig("agent-7", **{**values, **changed})  # type: ignore[arg-type]


def large_packet(keys: Path, folder: Path) -> bytes:
    """A packet of more than a socket's buffers: weights that no compressor makes small."""
    weights = np.random.default_rng(0).integers(-127, 128, size=(512, 2048))
    rows = "\n".join(" ".join(map(str, row)) for row in weights)
    source = folder / "large.pasm"
    source.write_text(
        "input obs f32[2048]\noutput act f32[512] actuator low -1 high 1 safe 0\n"
        f"const w i8[512,2048] scale s = {rows.replace(chr(10), ' ')}\n"
        f"const s f32[512] = {' '.join(['0.0078740157'] * 512)}\nlinear act, obs, w\n"
    )
    return plasma_pack.build(source, key=keys / "release.pem").data


def pump(one: socket.socket, other: socket.socket, limit: float) -> None:
    """Bytes from one to the other, so many at most; then both have heard enough."""
    sent = 0
    with suppress(OSError):
        while sent < limit and (data := one.recv(16384)):
            other.sendall(data[: int(min(len(data), limit - sent))])
            sent += len(data)
    for end in (one, other):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextmanager
def cutting(http: httpx2.Client, *after: int) -> Iterator[str]:
    """A TCP proxy whose connections are cut, each after so many bytes of answers; later ones live."""
    left, handlers = list(after), []
    listener = socket.create_server(("127.0.0.1", 0))

    def handle(client: socket.socket, limit: float) -> None:
        with client, socket.create_connection((http.base_url.host, http.base_url.port)) as server:
            asking = threading.Thread(target=pump, args=(client, server, float("inf")))
            asking.start()
            pump(server, client, limit)
            asking.join()

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                limit = left.pop(0) if left else float("inf")
                handlers.append(threading.Thread(target=handle, args=(client, limit)))
                handlers[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert not left, "a connection was to be cut and was not made"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in (accepting, *handlers):
            thread.join()


def test_a_packet_is_fetched_verified_stored_and_flown_without_the_server(
    http: httpx2.Client, registry: Registry, packet: bytes, keys: Path, tmp_path: Path
) -> None:
    content = registry.add(packet).content_digest
    with PlasmaAgent(config(http, keys, tmp_path)) as agent:
        first = agent.load_instruction_packet(content)
    assert (tmp_path / f"{content}.plasma").read_bytes() == packet
    assert [path.name for path in tmp_path.iterdir()] == [f"{content}.plasma"]
    alone = config(http, keys, tmp_path, server_url="http://127.0.0.1:1", attempts=1)
    with PlasmaAgent(alone) as agent:
        again = agent.load_instruction_packet(content)
    obs = np.ones(2, np.float32)
    assert again(obs).tolist() == first(obs).tolist() != [0.0, 0.0]


def test_a_download_goes_on_where_the_connection_broke(
    http: httpx2.Client, registry: Registry, keys: Path, tmp_path: Path
) -> None:
    data = large_packet(keys, tmp_path)
    content = registry.add(data).content_digest
    served = http.get("/metrics").text.count('route="/packets/{digest}/file",status="206"')
    assert served == 0
    with (
        cutting(http, 200_000, 300_000) as url,
        PlasmaAgent(config(http, keys, tmp_path / "store", server_url=url)) as agent,
    ):
        agent.load_instruction_packet(content)
    assert (tmp_path / "store" / f"{content}.plasma").read_bytes() == data
    parts = 'plasma_requests_total{route="/packets/{digest}/file",status="206"} 2.0'
    assert parts in http.get("/metrics").text


def test_an_answer_that_is_lost_is_asked_for_again_and_done_once(
    http: httpx2.Client, jobs: Jobs, keys: Path, tmp_path: Path
) -> None:
    before = len(jobs.newest(None, "train", 500))
    with cutting(http, 10, 10) as url:

        async def submit() -> None:
            async with PlasmaAgentClient(config(http, keys, tmp_path, server_url=url)) as client:
                await client._server.submit("/train", BALANCE.training())

        asyncio.run(submit())
    assert len(jobs.newest(None, "train", 500)) == before + 1


def test_training_is_followed_to_its_end_through_a_restart_of_the_server(
    settings: Settings, jobs: Jobs, keys: Path, tmp_path: Path
) -> None:
    port, heard = free_port(), []

    def follow() -> None:
        with PlasmaAgent(config(http, keys, tmp_path, attempts=40, longest_pause_s=0.5)) as agent:
            heard.append(agent.train(BALANCE, lambda job: heard.append(job.state)).result)

    for job in jobs.newest("queued", None, 500):
        jobs.cancel(job.id)
    agent = threading.Thread(target=follow)
    with serving(settings.data, port=port) as http:
        agent.start()
        job = until(jobs.claim)
        until(lambda: "running" in heard)
    jobs.finish(job, {"solved": True})  # while nobody serves
    with serving(settings.data, port=port) as http:
        agent.join(60)
    assert heard[-1] == {"solved": True}
    assert heard[-2] == "done"
    assert job.params["description"] == "keep the pole up"


def test_a_job_without_a_result_is_an_error_that_says_why(
    http: httpx2.Client, jobs: Jobs, keys: Path, tmp_path: Path
) -> None:
    def fail(_: object) -> None:
        if (job := jobs.claim()) is not None:
            jobs.fail(job, "exit status 2: the pole is broken", is_final=True)

    with (
        PlasmaAgent(config(http, keys, tmp_path)) as agent,
        pytest.raises(JobFailedError, match="the pole is broken"),
    ):
        agent.train(BALANCE, fail)


def test_an_adapter_of_the_rank_asked_for_is_learnt_for_the_newest_training(
    http: httpx2.Client, jobs: Jobs, keys: Path, tmp_path: Path
) -> None:
    trained, _ = jobs.submit("train", BALANCE.training(), owner="ann", priority=1)
    assert (job := jobs.claim()) is not None
    jobs.finish(job, {"solved": True})

    def finish(_: object) -> None:
        while (job := jobs.claim()) is not None:
            jobs.finish(job, {"solved": True})

    task = TaskRequest("CartPole-v1", lora_rank=4, real_steps=20)
    with PlasmaAgent(config(http, keys, tmp_path)) as agent:
        adapted = agent.adapt(task, "motor=0.5", on_progress=finish)
        usual = agent.adapt(TaskRequest("CartPole-v1"), "reversed", on_progress=finish)
    asked = {name: adapted.params[name] for name in ("base", "variant", "rank", "real_steps")}
    assert asked == {"base": trained.id, "variant": "motor=0.5", "rank": 4, "real_steps": 20}
    assert (usual.params["rank"], usual.params["real_steps"]) == (8, 400)


@pytest.fixture(scope="module")
def signed(keys: Path) -> tuple[bytes, bytes]:
    """A base of release.pem's, and an adapter of it that swaps its actions."""
    signer = Signer(plasma_pack.load_private(keys / "release.pem"))
    return signer.base(REACH), signer.adapter(REACH, SWAP)


def test_an_adapter_is_deployed_on_the_base_that_an_agent_has(
    settings: Settings,
    jobs: Jobs,
    registry: Registry,
    signed: tuple[bytes, bytes],
    keys: Path,
    tmp_path: Path,
) -> None:
    trained, _ = jobs.submit("train", BALANCE.training(), owner="ann", priority=1)
    assert (job := jobs.claim()) is not None
    jobs.finish(job, {"solved": True})
    base, heard = registry.add(signed[0], run=trained.id), []

    def work(_: object) -> None:
        while (job := jobs.claim()) is not None:
            heard.append(job)
            found = registry.add(signed[1]).content_digest if job.kind == "compile" else None
            jobs.finish(job, {"content_digest": found})

    task = TaskRequest("CartPole-v1", lora_rank=1, channel="bench", sequence=5)
    with (
        serving(settings.data, "--workers=0", f"--key={keys / 'release.pem'}") as http,
        PlasmaAgent(config(http, keys, tmp_path)) as agent,
    ):
        deployed = agent.adapt_and_deploy(task, "reversed", base.content_digest, work)
        policy = agent.load_instruction_packet(deployed.content_digest)
    assert [job.kind for job in heard] == ["adapt", "audit", "compile"]
    adapt, audit, compiled = heard
    assert (adapt.params["base"], adapt.params["rank"]) == (trained.id, 1)
    assert audit.run == compiled.run == adapt.id
    lineage = {name: compiled.params[name] for name in ("base_packet", "channel", "sequence")}
    assert lineage == {"base_packet": base.digest, "channel": "bench", "sequence": 5}
    assert policy(np.array([0.5, 0, 0, 0], np.float32)).tolist() != [0.0, 0.0]
    assert [each.content_digest.hex() for each in policy.adapters] == [deployed.content_digest]


def test_simulating_needs_a_finished_training_of_the_task(
    http: httpx2.Client, keys: Path, tmp_path: Path
) -> None:
    with (
        PlasmaAgent(config(http, keys, tmp_path)) as agent,
        pytest.raises(plasma_edge.UsageError, match="call train first"),
    ):
        agent.simulate(TaskRequest("Acrobot-v1"))


def test_what_the_agents_own_trust_does_not_sign_is_not_stored(
    http: httpx2.Client, registry: Registry, packet: bytes, keys: Path, tmp_path: Path
) -> None:
    content = registry.add(packet).content_digest
    with (
        PlasmaAgent(config(http, keys, tmp_path, trust=keys / "mallory.pub")) as agent,
        pytest.raises(plasma_edge.SignatureError),
    ):
        agent.load_instruction_packet(content)
    with (
        PlasmaAgent(config(http, keys, tmp_path, trust=None)) as agent,
        pytest.raises(plasma_edge.UsageError, match="pass trust="),
    ):
        agent.load_instruction_packet(content)
    assert list(tmp_path.iterdir()) == []


@contextmanager
def lying(http: httpx2.Client) -> Iterator[str]:
    """A server in between that changes a byte of each file."""

    class Liar(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802
            body = bytearray(http.get(self.path).content)
            if self.path.endswith("/file"):
                body[-100] ^= 1
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Liar) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_server_that_sends_other_bytes_is_not_believed(
    http: httpx2.Client, registry: Registry, packet: bytes, keys: Path, tmp_path: Path
) -> None:
    entry, store = registry.add(packet), tmp_path / "store"
    with (
        lying(http) as url,
        PlasmaAgent(config(http, keys, store, server_url=url)) as agent,
        pytest.raises(plasma_edge.PacketError, match="E_TRANSPORT"),
    ):
        agent.load_instruction_packet(entry.content_digest)
    assert list(store.iterdir()) == []


def test_a_staged_packet_is_not_loaded(
    http: httpx2.Client, registry: Registry, settings: Settings, keys: Path, tmp_path: Path
) -> None:
    source = tmp_path / "policy.pasm"
    source.write_text(PROGRAM.format(weight=11))
    opened = plasma_pack.open_packet(plasma_pack.build(source, key=keys / "mallory.pem").data)
    with_signer = Settings(settings.data, signers=(keys / "release.pub",))
    entry = registry.add(staging.release(opened, with_signer, "", None, 0))
    with (
        PlasmaAgent(config(http, keys, tmp_path / "store")) as agent,
        pytest.raises(NotSignedError, match="plasma-pack prepare"),
    ):
        agent.load_instruction_packet(entry.content_digest)


def test_refusals_keep_their_codes_and_are_not_repeated(
    http: httpx2.Client, keys: Path, tmp_path: Path
) -> None:
    with PlasmaAgent(config(http, keys, tmp_path)) as agent:
        with pytest.raises(ServerRefusal, match="NoSuchEnv") as refusal:
            agent.train(TaskRequest("NoSuchEnv-v0"))
        assert (refusal.value.status, refusal.value.code) == (422, "invalid")
        with pytest.raises(plasma_edge.UsageError, match="64 hexadecimal"):
            agent.load_instruction_packet("../../etc/passwd")
    nobody = config(http, keys, tmp_path, server_url="http://127.0.0.1:1", attempts=2)
    with PlasmaAgent(nobody) as agent, pytest.raises(ConnectionLostError, match="2 attempts"):
        agent.train(BALANCE)


@pytest.mark.parametrize(
    "wrong", [{"agent_id": "a b"}, {"server_url": "ftp://school"}, {"attempts": 0}]
)
def test_a_config_that_cannot_work_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(plasma_edge.UsageError, match=next(iter(wrong))):
        ClientConfig(**{"agent_id": "a", "server_url": "http://school", **wrong})  # type: ignore[arg-type]


def test_the_client_loads_neither_torch_nor_the_packer() -> None:
    loads = (
        "import sys, plasma_edge.client; heavy = {'torch', 'plasma_pack', 'plasma_trainer', 'onnx', 'gymnasium'};"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    subprocess.run([sys.executable, "-c", loads], check=True)


def test_the_runtime_does_not_load_the_client() -> None:
    loads = "import sys, plasma_edge; sys.exit('httpx2' in sys.modules)"
    subprocess.run([sys.executable, "-c", loads], check=True)
