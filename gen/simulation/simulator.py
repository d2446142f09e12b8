"""A compiled simulation, and one run of it."""

import json
import os
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.block import Beats, Memory
from gemmule.gen.repeated import Repeated, parts_of
from gemmule.gen.verilog.manifest import Manifest
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.lanes import words

from . import external_memory as external

__all__ = ["Progress", "Result", "SimulationError", "Simulator", "check_stall"]

Progress = Callable[[int, int, int], None]
"""Called about twice a second with beats done, beats expected, and the cycle."""


LONGEST_STALL = 0.999
"""The largest part of the cycles in which an end of a stream may pause: a beat then takes 1,000."""


def check_stall(stall: float) -> None:
    """Refuse a probability of pauses that leaves no time for beats."""
    if not 0 <= stall <= LONGEST_STALL:
        raise UsageError(f"--stall must be in 0..{LONGEST_STALL}, not {stall}")


class SimulationError(Exception):
    """The hardware broke a rule: ``kind`` is ``hang``, ``surplus``, ``offer`` or ``memory``."""

    def __init__(self, kind: str, stream: str, text: str):
        super().__init__(f"{stream} {text}" if stream else text)
        self.kind = kind
        self.stream = stream


@dataclass(frozen=True)
class Result:
    """What one run gave; ``cycles`` as every report counts them, ``total_cycles`` from reset.

    After a run with a memory, ``received["memory"]`` is its image and ``moved`` counts its bytes.
    """

    received: dict[str, Beats]
    cycles: int
    total_cycles: int
    seconds: float
    moved: dict[str, int] = field(default_factory=dict)


class Simulator:
    """A simulation that can be run any number of times.

    ``manifest`` is the one that was emitted with the Verilog; ``build_seconds`` is what it took to
    get the model, hardly anything when the cache had it.
    """

    def __init__(
        self,
        program: Path,
        manifest: Manifest,
        build_seconds: float,
        with_waves: Callable[[], "Simulator"] | None,
    ):
        self.program = program
        self.manifest = manifest
        self.build_seconds = build_seconds
        self._with_waves = with_waves
        self.widths = {each.name: each.width for each in manifest.streams}
        self._inputs = {each.name for each in manifest.streams if each.is_input}

    def run(
        self,
        send: Mapping[str, Beats | Repeated],
        receive: Mapping[str, int | None],
        *,
        memory: Memory | None = None,
        behind: Mapping[str, tuple[str, NDArray[np.integer]]] | None = None,
        untaken: Iterable[str] = (),
        stall: float | tuple[float, float] = 0.0,
        seed: int = 0,
        shy: bool = False,
        reset_at: int = 0,
        waves: Path | None = None,
        progress: Progress | None = None,
        patience: int = 20_000,
        quiet: int = 200,
    ) -> Result:
        """Send all beats, receive as many as asked; :class:`SimulationError` on a broken rule.

        Parameters
        ----------
        receive
            Beats of each output; None takes whatever comes until all else has ended and ``quiet``
            cycles have passed.
        memory
            Serves the requests of the design's channels, which are not in ``send`` or ``receive``.
        behind
            Of a stream that is sent, another one, and for each beat how many of that one's must
            have moved in earlier cycles: beats that are made of results are offered no sooner.
        untaken
            Outputs that nobody takes from. Any other output must not offer more than is received.
        stall
            Probability with which each endpoint holds back in a cycle, each on its own; a pair is
            that of those who send and that of those who receive.
        shy
            Outputs are taken only after they were offered for a cycle.
        reset_at
            After so many cycles of the job, reset the design and begin the job anew.
        patience
            Cycles without a transfer that count as a hang, beside the latency of ``memory``.
        quiet
            Cycles after the last beat in which no output may offer another.
        """
        if waves and self._with_waves:
            return self._with_waves().run(**{k: v for k, v in locals().items() if k != "self"})
        stalls = stall if isinstance(stall, tuple) else (stall, stall)
        for each in stalls:
            check_stall(each)
        self._check(send, receive, behind or {})
        # No stream pauses for 64 times its average pause, but with a chance of one in 10**27.
        longest = max(stalls)
        patience += int(64 * longest / (1 - longest)) + (memory.latency if memory else 0)
        with TemporaryDirectory(prefix="gemmule-") as name:
            folder = Path(name)
            plan = {
                "stall": stalls[0],
                "sink_stall": stalls[1],
                "seed": int(seed) % 2**63,
                "shy": int(shy),
                "reset_at": reset_at,
                "patience": patience,
                "quiet": quiet,
            }
            lines = [f"{key} {value}" for key, value in plan.items()]
            if waves:
                lines.append(f"waves {Path(waves).absolute()}")
            for stream, beats in send.items():
                _write_parts(folder / f"{stream}.in", folder / f"{stream}.parts", beats)
                lines.append(f"send {stream} {folder / stream}.in")
                lines.append(f"parts {stream} {folder / stream}.parts")
            for stream, count in receive.items():
                lines.append(f"receive {stream} {count or 0} {folder / stream}.out")
                lines += [f"take_any {stream}"] if count is None else []
            for stream, (other, counts) in (behind or {}).items():
                np.asarray(counts, dtype="<u4").tofile(folder / f"{stream}.behind")
                lines.append(f"behind {stream} {other} {folder / stream}.behind")
            lines += [f"take_none {stream}" for stream in untaken]
            if memory:
                lines += external.plan(memory, self.manifest, folder / "image")
            (folder / "plan").write_text("\n".join(lines) + "\n")
            report = self._start(folder / "plan", progress)
            if report["status"] != "ok":
                raise SimulationError(report["status"], report["stream"], report["text"])
            received = {
                stream: np.fromfile(folder / f"{stream}.out", "<u4").reshape(
                    -1, words(self.widths[stream])
                )
                for stream in receive
            }
            moved = {}
            if memory:
                received["memory"] = np.fromfile(folder / "image", np.uint8)
                moved = {f"memory_{key}": report[key] for key in ("bytes_read", "bytes_written")}
        return Result(received, report["cycles"], report["total_cycles"], report["seconds"], moved)

    def _check(
        self,
        send: Mapping[str, Beats | Repeated],
        receive: Mapping[str, int | None],
        behind: Mapping[str, tuple[str, NDArray[np.integer]]],
    ) -> None:
        """Check that the beats fit the ports: an adapter that errs here would err silently."""
        outputs = set(self.widths) - self._inputs
        if set(send) - self._inputs or set(receive) - outputs:
            raise ValueError(
                f"the model takes {sorted(self._inputs)} and gives {sorted(outputs)}, "
                f"but was asked to send {sorted(send)} and receive {sorted(receive)}"
            )
        for stream, (other, counts) in behind.items():
            if stream not in send or other not in self.widths or len(counts) != len(send[stream]):
                raise ValueError(f"each beat of {stream} must await a count of {other}'s beats")
        for stream, beats in send.items():
            width = self.widths[stream]
            if beats.ndim != 2 or beats.shape[1] != words(width):
                raise ValueError(
                    f"a beat of {stream} is {words(width)} words, but its array is {beats.shape}"
                )
            for part, _ in parts_of(beats):
                if width % 32 and (part[:, -1] >> np.uint32(width % 32)).any():
                    raise ValueError(
                        f"a beat of {stream} has {width} bits, but higher ones are set"
                    )

    def _start(self, plan: Path, progress: Progress | None) -> dict[str, Any]:
        process = subprocess.Popen(
            [str(self.program), str(plan)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"LC_ALL": "C"},
        )
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            for line in process.stderr:
                if progress and line.startswith("progress "):
                    progress(*map(int, line.split()[1:]))
            text = process.stdout.read()
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
            process.stderr.close()
        try:
            return json.loads(text)
        except json.JSONDecodeError:  # the Verilog itself stopped, and perhaps said why
            said = text.strip() or "no report"
            raise RuntimeError(f"{self.program} ended early: {said}") from None


def _write_parts(beats_path: Path, parts_path: Path, beats: Beats | Repeated) -> None:
    """Write the beats, each array once, and where each part of the stream lies among them."""
    first: dict[int, int] = {}
    count, rows = 0, []
    with beats_path.open("wb") as file:
        for part, times in parts_of(beats):
            if id(part) not in first:
                first[id(part)] = count
                count += len(part)
                np.ascontiguousarray(part, dtype="<u4").tofile(file)
            rows.append((first[id(part)], len(part), times))
    rows = [row for row in rows if row[1] and row[2]]
    np.array(rows, "<u8").tofile(parts_path)
