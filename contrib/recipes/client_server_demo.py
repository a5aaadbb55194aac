# SPDX-License-Identifier: Apache-2.0
"""Heavy school, light agent: a server trains CartPole, an agent without torch fetches the packet and flies it.

    python contrib/recipes/client_server_demo.py

Two processes on this machine; they share nothing but a URL, a token and the public key. Ends in one line of figures.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PYTHON = sys.executable
FLIGHTS = 5


def school(folder: Path) -> None:
    """Make a key and a token, serve, let an agent do its work, stop."""
    from plasma_pack import keygen

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    key, data = folder / "release.pem", f"--data={folder / 'school'}"
    server = [PYTHON, "-m", "plasma_trainer.server"]
    keygen(key)
    scopes = ["--scope=read", "--scope=train", "--scope=publish"]
    token = subprocess.check_output(
        [*server, "token", "create", data, "--name=demo", *scopes], text=True
    )
    serving = subprocess.Popen(
        [*server, "serve", data, f"--port={port}", "--require-token", f"--key={key}"]
    )
    try:
        url, trust = f"http://127.0.0.1:{port}", key.with_suffix(".pub")
        subprocess.run([PYTHON, __file__, url, trust, token.strip()], check=True)
    finally:
        serving.terminate()
        serving.wait()


def agent(url: str, trust: str, token: str) -> None:
    """What runs on the robot's side: no torch, no packer, only what is signed by `trust`."""
    import gymnasium as gym
    import numpy as np

    from plasma_edge.client import ClientConfig, Job, PlasmaAgent, TaskRequest

    def tell(job: Job) -> None:
        sys.stderr.write(f"{job.kind}: {job.state}, {job.progress:.0%}\n")

    began = time.monotonic()
    config = ClientConfig(
        "demo-agent", url, token, trust, Path(trust).with_name("packets"), attempts=30
    )
    with PlasmaAgent(config) as client:
        task = TaskRequest("CartPole-v1", "keep the pole up", real_steps=600, iterations=20)
        deployed = client.train_and_deploy(task, tell)
        policy = client.load_instruction_packet(deployed.content_digest)
    seconds = time.monotonic() - began
    returns = []
    env = gym.make("CartPole-v1")
    for seed in range(FLIGHTS):
        obs, done, total = env.reset(seed=seed)[0], False, 0.0
        while not done:
            obs, reward, terminated, truncated, _ = env.step(int(policy(obs.astype(np.float32))))
            done, total = terminated or truncated, total + float(reward)
        returns.append(total)
    assert "torch" not in sys.modules
    steps = (deployed.training.result or {})["real_steps"]
    sys.stdout.write(
        f"{steps} real steps, {seconds:.0f} s from request to policy, {deployed.info.file_bytes} bytes, "
        f"audit {deployed.info.audit}, return {np.mean(returns):.0f} in {FLIGHTS} flights, "
        f"step p50 {policy.stats.p50_us:.1f} us\n"
    )


if __name__ == "__main__":
    if len(sys.argv) == 4:
        agent(*sys.argv[1:])
    else:
        with tempfile.TemporaryDirectory() as folder:
            school(Path(folder))
