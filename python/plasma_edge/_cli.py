"""`plasma-edge`: run a packet in a real environment, measure how fast it steps, or this board.

plasma-edge run walker.plasma --trust release.pub --env BipedalWalker-v3 --episodes 20
plasma-edge bench walker.plasma --trust release.pub
plasma-edge calibrate
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

import numpy as np

from plasma_edge import PlasmaError, Policy, UsageError, _bench, _board, _refusal, kernel_tables
from plasma_edge._episodes import fly, make_env


def main(argv: list[str] | None = None) -> int:
    """Runs one command; returns the exit code, 0 only on success."""
    args = _parser().parse_args(argv)
    try:
        result = args.command(args)
    except PlasmaError as error:
        if args.json:
            sys.stdout.write(_refusal.as_json(error) + "\n")
        sys.stderr.write(_refusal.line(error) + "\n")
        return 1
    sys.stdout.write((json.dumps(result) if args.json else args.report(result)) + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("packet", help="base packet (.plasma)")
    common.add_argument(
        "--trust", required=True, help="root.plasma, or the public key file of whoever may sign"
    )
    common.add_argument("--adapter", action="append", default=[], help="adapter packet to attach")
    common.add_argument(
        "--kernels", choices=kernel_tables(), help="kernel table; default: the fastest"
    )
    common.add_argument("--json", action="store_true", help="one JSON object instead of lines")

    parser = argparse.ArgumentParser(prog="plasma-edge", description="Run signed policies.")
    commands = parser.add_subparsers(required=True, metavar="command")
    run = commands.add_parser("run", parents=[common], help="fly a Gymnasium environment")
    run.add_argument("--env", required=True, help="environment id, such as CartPole-v1")
    run.add_argument("--episodes", type=int, default=20)
    run.add_argument("--seed", type=int, default=0, help="seed of the first episode, then +1 each")
    run.set_defaults(command=_run, report=_lines)
    bench = commands.add_parser("bench", parents=[common], help="measure the time of a step")
    bench.add_argument("--steps", type=int, default=200_000, help="warm ones")
    bench.add_argument("--profile", action="store_true", help="the time of every instruction too")
    bench.set_defaults(command=lambda args: _bench.bench(_load(args), args), report=_bench.report)
    calibrate = commands.add_parser("calibrate", help="measure what work takes on this board")
    calibrate.add_argument("--kernels", choices=kernel_tables(), help="default: the fastest")
    calibrate.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    calibrate.set_defaults(command=_calibrate, report=_rates)
    return parser


def _load(args: argparse.Namespace) -> Policy:
    policy = Policy.load(args.packet, trust=args.trust, kernels=args.kernels)
    for path in args.adapter:
        policy.attach(path)
    return policy


def _calibrate(args: argparse.Namespace) -> dict[str, Any]:
    path = _board.board_file()
    return {"file": str(path), **_board.measure(args.kernels, path)}


def _rates(result: dict[str, Any]) -> str:
    rates = dict(result["rates"])
    lines = [
        f"{result['kernels']}, caches cold, written to {result['file']}",
        f"a step takes {rates.pop('us_per_step'):.2f} us and",
        f"{'':<12}{'us an op':>10}{'ns a unit':>11}",
    ]
    lines += [f"{name:<12}{op:10.2f}{unit * 1e3:11.4f}" for name, (op, unit) in rates.items()]
    return "\n".join(lines)


def _run(args: argparse.Namespace) -> dict[str, Any]:
    if args.episodes < 1:
        raise UsageError(f"--episodes: found {args.episodes}, expected at least 1")
    policy = _load(args)
    env = make_env(args.env, policy)
    returns = [fly(policy, env, args.seed + episode) for episode in range(args.episodes)]
    stats = policy.stats
    return {
        "packet": policy.info.content_digest.hex()[:16],
        "env": env.spec.id,
        "episodes": args.episodes,
        "return_mean": float(np.mean(returns)),
        "return_ci95": _half_width(returns),
        "return_min": float(np.min(returns)),
        "return_max": float(np.max(returns)),
        "steps": stats.steps,
        "faults": stats.faults,
        "step_p50_us": stats.p50_us,
        "step_p99_us": stats.p99_us,
    }


def _half_width(returns: list[float]) -> float | None:
    """Of the 95 % confidence interval of the mean; a single episode has none."""
    if len(returns) < 2:
        return None
    return float(1.96 * np.std(returns, ddof=1) / np.sqrt(len(returns)))


def _lines(result: dict[str, Any]) -> str:
    shown = {k: f"{v:.3f}" if isinstance(v, float) else str(v) for k, v in result.items()}
    return "\n".join(f"{name:<16} {value}" for name, value in shown.items())


if __name__ == "__main__":
    sys.exit(main())
