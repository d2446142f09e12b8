"""A user's arrays through the RTL of a block, and against its golden model."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.block import Arrays, Block, BusAdapter
from gemmule.gen.catalog import find
from gemmule.gen.files.stored import Stored
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.options import Options

from .engine import build
from .external_memory import check
from .simulator import Progress, check_stall

__all__ = ["GoldenMismatch", "Simulation", "simulate"]


class GoldenMismatch(AssertionError):
    """The RTL's output is not the golden model's: where it first differs, and how."""

    def __init__(self, name: str, index: tuple[int, ...], expected: Any, got: Any):
        where = f"{name}[{', '.join(map(str, index))}]"
        super().__init__(f"{where} is {got}, but the golden model says {expected}")
        self.name = name
        self.index = index
        self.expected = expected
        self.got = got


@dataclass(frozen=True)
class Simulation:
    """What a simulation gave; ``cycles`` from the first beat of data to the last of the output."""

    outputs: dict[str, NDArray]
    cycles: int
    macs: int
    peak_macs_per_cycle: int
    golden_match: bool
    build_seconds: float
    run_seconds: float
    counters: dict[str, int] = field(default_factory=dict)

    @property
    def utilization(self) -> float:
        """The part of the multiply-accumulates possible in these cycles that was needed."""
        possible = self.cycles * self.peak_macs_per_cycle
        return self.macs / possible if possible else 0.0

    def as_json(self) -> dict[str, Any]:
        """Return plain data: what `gemmule simulate --json` prints."""
        return {
            "cycles": self.cycles,
            "macs": self.macs,
            "peak_macs_per_cycle": self.peak_macs_per_cycle,
            "utilization": self.utilization,
            "golden_match": self.golden_match,
            "outputs": {
                name: {"shape": list(array.shape), "dtype": str(array.dtype)}
                for name, array in self.outputs.items()
            },
            "build_seconds": round(self.build_seconds, 3),
            "run_seconds": round(self.run_seconds, 3),
            **self.counters,
        }


def simulate(
    block: Block | str,
    params: Options,
    arrays: Arrays,
    *,
    run: Options | None = None,
    stall: float = 0.0,
    seed: int = 0,
    waves: Path | None = None,
    memory_width: int | None = None,
    memory_latency: int | None = None,
    timeline: Path | None = None,
    progress: Progress | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Simulation:
    """Send ``arrays`` through the RTL of ``block`` and compare with the golden model.

    ``run`` holds the block's run options, its defaults if left out; ``stall`` is the probability
    with which each stream's other end holds back in a cycle. ``memory_width`` and
    ``memory_latency`` replace those of the block's external :class:`~.block.Memory`; of a block
    with a bus, ``timeline`` becomes a page that shows what happened there, and a roofline. Arrays
    and options are checked before anything is computed or built. ``tell`` is told what is being
    done, ``progress`` how far the simulation is. :class:`GoldenMismatch` and
    :class:`~.model.SimulationError` mean that the hardware is wrong.
    """
    block = find(block) if isinstance(block, str) else block
    if block.bus_adapter:
        return by_bus(
            block.bus_adapter,
            params,
            run,
            arrays,
            stall=stall,
            seed=seed,
            waves=waves,
            memory_width=memory_width,
            memory_latency=memory_latency,
            timeline=timeline,
            tell=tell,
        )
    adapter = block.simulated_by()
    if timeline is not None:
        raise UsageError(f"--timeline: {block.name} has no bus")
    check_stall(stall)
    check(memory_width, memory_latency)
    both = {"width": memory_width, "latency": memory_latency}
    given: dict[str, Any] = {name: value for name, value in both.items() if value is not None}
    if given and not getattr(adapter, "external_memory", False):
        raise UsageError(f"--memory-{next(iter(given))}: {block.name} has no external memory")
    tell(f"checking the arrays of {block.name}")
    arrays = {n: a if isinstance(a, Stored) else np.asarray(a) for n, a in arrays.items()}
    run = run or adapter.Run()
    adapter.check(params, run, arrays)
    tell(f"planning {block.name}")
    job = adapter.plan(params, run, {name: np.asarray(array) for name, array in arrays.items()})
    memory = job.memory and replace(job.memory, **given)
    tell(f"building {block.name}")
    model = build(block, params, waves=waves is not None)
    tell(f"simulating {block.name}")
    begun = time.monotonic()
    result = model.run(
        job.send,
        job.receive,
        memory=memory,
        stall=stall,
        seed=seed,
        waves=waves,
        progress=progress,
        patience=job.patience,
    )
    run_seconds = time.monotonic() - begun
    tell(f"comparing the results of {block.name}")
    outputs = job.decode(result.received)
    for name, expected in job.golden.items():
        compare(name, outputs[name], expected)
    counters = job.counters | result.moved
    if job.count:
        counters |= job.count(result.received)
    if job.estimates and memory:
        counters |= job.estimates(memory)
    return Simulation(
        outputs=outputs,
        cycles=result.cycles,
        macs=job.macs,
        peak_macs_per_cycle=job.peak_macs_per_cycle,
        golden_match=True,
        build_seconds=model.build_seconds,
        run_seconds=run_seconds,
        counters=counters,
    )


def by_bus(
    adapter: BusAdapter,
    params: Options,
    run: Options | None,
    arrays: Arrays,
    *,
    stall: float,
    seed: int,
    waves: Path | None,
    memory_width: int | None,
    memory_latency: int | None,
    timeline: Path | None,
    tell: Callable[[str], None],
) -> Simulation:
    """Send arrays by a block's driver; ``stall`` pauses all channels of both of its buses."""
    from .axi import AxiMemory
    from .roofline import Point, Roof
    from .timeline import write_page

    check_stall(stall)
    check(memory_width, memory_latency)
    channels = ("ar", "r", "aw", "w", "b", "lite")
    pauses: dict[str, Any] = {f"pause_{name}": stall for name in channels}
    given: dict[str, Any] = {} if memory_latency is None else {"latency": memory_latency}
    memory = AxiMemory(bandwidth=memory_width or 0, **given, **pauses)
    with TemporaryDirectory(prefix="gemmule-") as folder:
        events = Path(folder, "events.csv") if timeline else None
        result = adapter.simulate(
            params,
            run or adapter.Run(),
            {n: a if isinstance(a, Stored) else np.asarray(a) for n, a in arrays.items()},
            memory=memory,
            seed=seed,
            waves=waves,
            timeline=events,
            tell=tell,
        )
        if timeline and events:
            tell("drawing the timeline")
            octets = params.as_dict()["data_width"] / 8
            roof = Roof(result.peak_macs_per_cycle, min(octets, memory.bandwidth or octets))
            busier = max(result.counters["bytes_read"], result.counters["bytes_written"])
            point = Point("this run", result.macs, result.cycles, busier)
            write_page(events, timeline, roof, point)
    return result


def compare(name: str, got: NDArray, expected: NDArray) -> None:
    """Raise :class:`GoldenMismatch` at the first difference."""
    if got.shape != expected.shape:
        raise GoldenMismatch(f"{name}.shape", (), expected.shape, got.shape)
    different = got != expected
    if np.any(different):
        place = np.unravel_index(int(np.argmax(different)), got.shape) if got.ndim else ()
        index = tuple(int(each) for each in place)
        raise GoldenMismatch(name, index, expected[index], got[index])
