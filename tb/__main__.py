"""`python -m gemmule.tb`: what `gemmule verify`, `bench` and `demo` start, by name."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from gemmule.gen.cli.ending import ended
from gemmule.gen.cli.supervise import supervised
from gemmule.tb.benches.how import How

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code, as :mod:`gemmule.gen.cli.ending` has it."""
    args = _parser().parse_args(argv)
    return ended(lambda: args.command(args))


def _verify(args: argparse.Namespace) -> int:
    from gemmule.tb.regression import export_block, verify_all, verify_block

    how = How(args.seed, args.stall, args.simulator)
    if args.block is None:
        return verify_all(how, as_json=args.json)
    if args.export:
        return export_block(args.block, args.params, args.run, args.inputs, how, args.export)
    return verify_block(
        args.block,
        args.params,
        args.run,
        args.inputs,
        how,
        waves=args.waves,
        choice=args.choice,
        as_json=args.json,
    )


def _bench(args: argparse.Namespace) -> int:
    from gemmule.tb.benchmark import bench, list_benchmarks

    if args.name is None:
        return list_benchmarks()
    return bench(
        args.name,
        args.out,
        data=args.data,
        against=args.against,
        quick=args.quick,
        as_json=args.json,
    )


def _demo(args: argparse.Namespace) -> int:
    from gemmule.tb.demo import demo

    return demo(args.out)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m gemmule.tb", description=__doc__)
    commands = parser.add_subparsers(required=True)

    verify = commands.add_parser("verify", help="the cocotb regressions")
    verify.add_argument("block", nargs="?")
    verify.add_argument("--params", type=json.loads, default={}, help="fields, as JSON")
    verify.add_argument("--run", type=json.loads, default={}, help="fields, as JSON")
    verify.add_argument("--inputs", type=Path, help="arrays to send")
    verify.add_argument("--seed", type=int, default=1, help="of stimulus and stalls")
    verify.add_argument("--stall", type=float, default=0.5, help="of the runs that pause")
    verify.add_argument("--simulator", default="verilator")
    verify.add_argument("--waves", type=Path)
    verify.add_argument("--export", type=Path, help="write the bench there instead")
    verify.add_argument("--choice", type=json.loads, default={}, help="for the report, as JSON")
    verify.add_argument("--json", action="store_true", help="the report as JSON on stdout")
    verify.set_defaults(command=_verify)

    bench = commands.add_parser("bench", help="a table and a plot")
    bench.add_argument("name", nargs="?")
    bench.add_argument("--out", type=Path, default=Path("build/bench"))
    bench.add_argument("--data", type=Path, help="what the user has, for a bench that takes it")
    bench.add_argument("--against", type=Path, help="an earlier table of the same benchmark")
    bench.add_argument("--quick", action="store_true", help="fewer and smaller cases")
    bench.add_argument("--json", action="store_true", help="rows as JSON on stdout")
    bench.set_defaults(command=_bench)

    demo = commands.add_parser("demo", help="handwritten digits through an accelerator")
    demo.add_argument("--out", type=Path, default=Path("build/demo"))
    demo.set_defaults(command=_demo)
    return parser


if __name__ == "__main__":
    sys.exit(supervised(main))
