"""`python -m gemmule.tb.soc.accelerator.campaign`: the whole campaign, and how much of it was what.

It does what the tests of this folder do that `make test-full` runs, and prints counts instead.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from gemmule.gen.simulation.axi import Violation

from . import quotas
from .configurations import CONFIGURATIONS
from .test_chains import run_chains
from .test_commands import run_commands
from .test_errors import run_beats, run_errors
from .test_halts import run_halts
from .test_interrupts import run_interrupts
from .test_refused import run_refused, run_refused_layers
from .test_resets import run_resets, run_watchdog

__all__ = ["main"]

Quota = int | Callable[[str], int]
"""How many, of each accelerator or of the one with a name."""

RUNS: dict[str, tuple[Callable[[str, int, int], Counter], Quota]] = {
    "commands": (run_commands, quotas.COMMANDS),
    "chains": (run_chains, quotas.chains_of),
    "refused": (run_refused, quotas.REFUSED),
    "layers": (run_refused_layers, quotas.layers_refused_of),
    "errors": (run_errors, quotas.ERRORS),
    "beats": (run_beats, quotas.BEATS),
    "resets": (run_resets, quotas.RESETS),
    "watchdog": (run_watchdog, 5),
    "halts": (run_halts, quotas.HALTS),
    "interrupts": (run_interrupts, quotas.COMPLETIONS_WATCHED),
}


def _run(what: str, name: str, seed: int) -> tuple[str, str, dict[str, int], float, str]:
    run, quota = RUNS[what]
    count = quota if isinstance(quota, int) else quota(name)
    begun = time.monotonic()
    try:
        return what, name, dict(run(name, seed, count)), time.monotonic() - begun, ""
    except (AssertionError, Violation) as error:
        return what, name, {}, time.monotonic() - begun, str(error)[:2000]


def main() -> int:
    """Run all of it and print counts; return 1 where something failed."""
    parser = argparse.ArgumentParser(prog="python -m gemmule.tb.soc.accelerator.campaign")
    parser.add_argument("--seed", type=int, default=2, help="of everything that is random")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--json", type=Path, help="file for the counts of each accelerator")
    parser.add_argument("--only", nargs="*", choices=RUNS, default=list(RUNS))
    parser.add_argument("--of", nargs="*", choices=list(CONFIGURATIONS), default=[*CONFIGURATIONS])
    args = parser.parse_args()
    total: Counter[str] = Counter()
    each: dict[str, dict[str, dict[str, int]]] = {}
    failed = 0
    with ProcessPoolExecutor(args.jobs) as pool:
        jobs = [pool.submit(_run, what, name, args.seed) for name in args.of for what in args.only]
        for job in as_completed(jobs):
            what, name, tally, seconds, error = job.result()
            failed += bool(error)
            print(
                f"{name:16} {what:9} {seconds:6.1f} s  {error or 'as the golden machine'}",
                flush=True,
            )
            each.setdefault(name, {})[what] = tally
            total.update(tally)
    print(f"\n{len(args.of)} accelerators, {failed} of {len(jobs)} runs failed\n")
    for what in sorted(total):
        print(f"{total[what]:8,} {what}")
    if args.json:
        args.json.write_text(json.dumps({"total": total, "each": each}, indent=1))
    return int(failed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
