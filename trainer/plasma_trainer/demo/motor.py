# SPDX-License-Identifier: Apache-2.0
"""The motor is wired backwards: learn, audit, sign, fly, break, heal in mid-stride, and refuse what is not genuine.

Reads from top to bottom like the protocol of an experiment. Everything is real: Gymnasium's CartPole-v1, packets on
disk, signatures, the C++ runtime. Every stage leaves its figures, so that an interrupted demo goes on where it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

import plasma_edge as pe
import plasma_pack
from plasma_pack.packet.format import TRAILER_BYTES
from plasma_pack.packet.writer import seal
from plasma_trainer.audit import AuditReport
from plasma_trainer.data import derive
from plasma_trainer.demo import film, measure, plots
from plasma_trainer.demo.report import table, write_report
from plasma_trainer.demo.stages import Figures, Stages
from plasma_trainer.pipelines.adapt import AdaptArgs, adapt
from plasma_trainer.pipelines.audit import audit
from plasma_trainer.pipelines.evaluate import Returns, agreement, evaluate, midstride
from plasma_trainer.pipelines.export import export_adapter, export_base
from plasma_trainer.pipelines.runs import Run, write_json
from plasma_trainer.pipelines.skills import Skill, load_skill
from plasma_trainer.pipelines.train import TrainArgs, train
from plasma_trainer.policies import greedy_act

ENV = "CartPole-v1"
EPISODES = 20
BASE_STEPS = 1000
ADAPTER_STEPS = 400
ITERATIONS = 20  # do for CartPole
FEWEST_OBSERVATIONS = 10_000


@dataclass(frozen=True)
class DemoArgs:
    """What the demo is run with."""

    seed: int = 0


def run_demo(args: DemoArgs, out: Path, console: Console) -> Figures:
    """Do, or finish, the demo in `out`; returns the figures of out/summary.json."""
    Run.begin(out, args)
    demo, stages = _Demo(args.seed, out, console), Stages(out, console)
    run = stages.run
    learnt = run(
        "learn", f"learn {ENV} in imagination, from at most {BASE_STEPS} real steps", demo.learn
    )
    base = run("base", "audit, compile to int8, compress, sign", demo.pack_base)
    flown = run("fly", "fly the packet: motor as built, then reversed", demo.fly_base)
    healed = run(
        "adapt",
        f"learn an adapter, from at most {ADAPTER_STEPS} steps on the broken plant",
        demo.adapt,
    )
    adapter = run("adapter", "audit, compile, compress, sign the adapter", demo.pack_adapter)
    swapped = run("swap", "reverse the motor and attach the adapter in mid-stride", demo.swap)
    costs = run("measure", "measure a step and an attach", demo.measure)
    refusals = run(
        "refuse", "offer a flipped byte, a wrong key, an adapter of another base", demo.refuse
    )
    run("film", "film the robot", demo.film)

    summary = {
        "real_steps": {"base": learnt["real_steps"], "adapter": healed["real_steps"]},
        **_returns(flown, swapped),
        "agreement": {"base": flown["agreement"], "adapter": swapped["agreement"]},
        "observations": {"base": flown["observations"], "adapter": swapped["observations"]},
        "control_steps_after_flip": swapped["control_steps_after_flip"],
        "bytes": {"base": base["bytes"], "adapter": adapter["bytes"]},
        "step_us": {name: costs[name] for name in ("p50", "p99", "p999", "max")},
        "call_us": {"p50": costs["call_p50"]},
        "kernels": costs["kernels"],
        "attach_us": costs["attach_us"],
        "audit": {"base": base["verdict"], "adapter": adapter["verdict"]},
        "digests": {"base": base["digest"], "adapter": adapter["digest"]},
        "refusals": refusals,
        "seconds": stages.seconds,
        "seed": args.seed,
    }
    _draw(summary, learnt, costs, out)
    write_json(out / "summary.json", summary)
    console.print(table(summary))
    console.print(f"report: {write_report(summary, out)}")
    return summary


@dataclass(frozen=True)
class _Demo:
    """The stages, each a function of what lies on disk."""

    seed: int
    out: Path
    console: Console

    @property
    def key(self) -> Path:
        return self.out / "keys" / "release.pem"

    @property
    def trust(self) -> Path:
        return self.key.with_suffix(".pub")

    @property
    def base(self) -> Path:
        return self.out / "base.plasma"

    @property
    def adapter(self) -> Path:
        return self.out / "reversed.plasma"

    def policy(self) -> pe.Policy:
        return pe.Policy.load(self.base, trust=self.trust, require_audit="verified")

    def skill(self, name: str) -> Skill:
        return load_skill(self.out / name)

    def learn(self) -> Figures:
        result = train(
            TrainArgs(ENV, self.seed, BASE_STEPS, iterations=ITERATIONS),
            self.out / "base",
            self.console,
        )
        history = Run.open(self.out / "base").history()
        return {
            "real_steps": result.real_steps,
            "return": result.returns.mean,
            "curve": [[past["real_steps"], past["returns"]["mean"]] for past in history],
        }

    def pack_base(self) -> Figures:
        self._keygen(self.key)
        skill, report = self._audited("base")
        export_base(skill, self.key, self.base, report.section())
        return self._signed(pe.verify(self.base, trust=self.trust), report)

    def adapt(self) -> Figures:
        args = AdaptArgs(str(self.out / "base"), "reversed", self.seed, ADAPTER_STEPS)
        result = adapt(args, self.out / "adapter", self.console)
        return {"real_steps": result.real_steps, "return": result.returns.mean}

    def pack_adapter(self) -> Figures:
        skill, report = self._audited("adapter")
        export_adapter(skill, self.base, self.key, self.adapter, report.section())
        return self._signed(pe.verify(self.adapter, trust=self.trust, base=self.base), report)

    @staticmethod
    def _keygen(path: Path) -> Path:
        """A throw-away key, kept when it is there already; gives the public half's path."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            plasma_pack.keygen(path, comment=path.stem)
        return path.with_suffix(".pub")

    def _audited(self, name: str) -> tuple[Skill, AuditReport]:
        """Offline scores and a canary; the verdict is signed with the packet."""
        skill = self.skill(name)
        return skill, audit(skill, self.out / name, canary=True, seed=self.seed)

    @staticmethod
    def _signed(info: pe.PacketInfo, report: AuditReport) -> Figures:
        return {
            "verdict": info.audit,
            "bytes": info.file_bytes,
            "digest": info.content_digest.hex(),
            "canary_steps": report.canary.real_steps if report.canary else 0,
        }

    def fly_base(self) -> Figures:
        policy, teacher = self.policy(), greedy_act(self.skill("base").learner.policy)
        nominal = evaluate(ENV, "nominal", policy, EPISODES, derive(self.seed, "fly"))
        torch = evaluate(ENV, "nominal", teacher, EPISODES, derive(self.seed, "fly"))
        broken = evaluate(ENV, "reversed", policy, EPISODES, derive(self.seed, "break"))
        return {
            **_figures(base_nominal=nominal, torch_nominal=torch, base_broken=broken),
            **self._agreement("nominal", policy, teacher),
        }

    def swap(self) -> Figures:
        policy, teacher = self.policy(), greedy_act(self.skill("adapter").learner.policy)
        policy.attach(self.adapter, name="reversed")
        broken = evaluate(ENV, "reversed", policy, EPISODES, derive(self.seed, "heal"))
        torch = evaluate(ENV, "reversed", teacher, EPISODES, derive(self.seed, "heal"))
        agreed = self._agreement("reversed", policy, teacher)
        policy.detach("reversed")
        detached = evaluate(ENV, "reversed", policy, EPISODES, derive(self.seed, "detach"))
        control = self._midstride(policy, attach=False)
        healed = self._midstride(policy, attach=True)
        return {
            **_figures(
                adapter_broken=broken,
                torch_broken=torch,
                detached_broken=detached,
                midstride=healed,
                midstride_control=control,
            ),
            **agreed,
            "control_steps_after_flip": control.mean - film.FLIP_TICK,
        }

    def _midstride(self, policy: pe.Policy, attach: bool) -> Returns:
        """Episodes whose motor is reversed before tick 100; the adapter is attached on that very tick."""

        def on_flip(flipped: bool) -> None:
            if flipped and attach:
                policy.attach(self.adapter, name="reversed")
            elif policy.adapters:
                policy.detach("reversed")

        seed = derive(self.seed, "swap")
        returns = midstride(ENV, policy, film.FLIP_TICK, on_flip, EPISODES, seed)
        on_flip(False)
        return returns

    def _agreement(self, variant: str, policy: pe.Policy, teacher: Any) -> Figures:
        """Share of equal actions on observations that the packet meets when it flies."""
        seen: list[np.ndarray] = []
        flights = 0
        while len(seen) < FEWEST_OBSERVATIONS:
            evaluate(
                ENV, variant, measure.record(policy, seen), 2, derive(self.seed, "agree", flights)
            )
            flights += 1
        share = agreement(np.stack(seen), teacher, policy)
        return {"agreement": share, "observations": len(seen)}

    def measure(self) -> Figures:
        rng = np.random.default_rng(self.seed)
        obs = rng.uniform(-0.2, 0.2, (256, 4)).astype(np.float32)
        figures = measure.latency(self.policy, obs)
        return {**figures, "attach_us": measure.attach_time(self.policy(), self.adapter)}

    def refuse(self) -> Figures:
        packet = bytearray(self.base.read_bytes())
        packet[len(packet) // 2] ^= 1
        flipped = bytes(packet)
        resealed = seal(flipped[:-TRAILER_BYTES])
        stranger = self._keygen(self.out / "keys" / "stranger.pem")
        other = self.out / "other.plasma"
        skill = self.skill("base")
        for weight in skill.learner.policy.parameters():
            weight.data.mul_(1.01)
        export_base(skill, self.key, other, None)

        def load(packet: Path | bytes, trust: Path = self.trust) -> pe.Policy:
            return pe.Policy.load(packet, trust=trust)

        return {
            "flipped_byte": measure.refusal(lambda: load(flipped)),
            "flipped_and_resealed": measure.refusal(lambda: load(resealed)),
            "wrong_key": measure.refusal(lambda: load(self.base, stranger)),
            "other_base": measure.refusal(lambda: load(other).attach(self.adapter)),
        }

    def film(self) -> Figures:
        for name, adapter in (("before", None), ("after", self.adapter)):
            frames = film.film(ENV, self.policy(), adapter, derive(self.seed, "film"))
            film.save_gif(frames, self.out / f"{name}.gif")
            film.save_strip(frames, self.out / f"{name}.png")
        return {}


def _figures(**returns: Returns) -> Figures:
    return {
        "returns": {name: value.mean for name, value in returns.items()},
        "worst_returns": {name: value.worst for name, value in returns.items()},
    }


def _returns(*stages: Figures) -> Figures:
    """The return figures of several stages as one."""
    names = ("returns", "worst_returns")
    return {name: {k: v for stage in stages for k, v in stage[name].items()} for name in names}


def _draw(summary: Figures, learnt: Figures, costs: Figures, out: Path) -> None:
    real_steps, returns = zip(*learnt["curve"], strict=True)
    plots.learning_curve(real_steps, returns, out / "curve.png")
    plots.returns_bars(summary["returns"], out / "returns.png")
    plots.latency_histogram(
        costs["histogram"], costs["call_p50"], costs["p50"], out / "latency.png"
    )
