"""What a block does about traffic that is wrong: rows of a table, and a run of one row.

A family's ``tb/<family>/faults.py`` has ``TABLE``, a name -> :class:`Rows`: for each block, one
entry or several. In each run a job with one fault is followed by a good one, whose results must be
right.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.block import Beats, Job
from gemmule.gen.catalog import find
from gemmule.gen.simulation.engine import build
from gemmule.gen.simulation.simulate import compare
from gemmule.gen.simulation.simulator import Simulator
from gemmule.gen.verilog.manifest import FieldInfo
from gemmule.golden.common.options import Options

__all__ = ["KINDS", "Fault", "Rows", "check", "patched", "status_words", "together"]

KINDS = ("early", "late", "missing")
"""``last`` a beat too soon; three beats too late; or not at all: the next packet is its end."""

QUIET = 600
"""Cycles after the last beat was sent in which everything must have come."""


@dataclass(frozen=True)
class Fault:
    """One row: a fault of ``stream``, and the status word that tells of it.

    Parameters
    ----------
    stream
        An input.
    kind
        One of :data:`KINDS`, or ``illegal``.
    status
        The fields of the job's status word that are not 0.
    fields
        With ``illegal``: the command's fields that are overwritten.
    absent
        Streams of which the faulty job has no packet: a command that is refused may have none.
    swallows
        With ``missing``: whether the next job's first packet is taken for the rest of this one.
        It is sent again then.
    """

    stream: str
    kind: str
    status: Mapping[str, int]
    fields: Mapping[str, int] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    swallows: bool = True

    def __str__(self) -> str:
        fields = "-".join(f"{name}={value}" for name, value in self.fields.items())
        return "-".join(filter(None, (self.stream, self.kind, fields)))


@dataclass(frozen=True)
class Rows:
    """Rows of one block: with which parameters, and which jobs.

    ``jobs`` makes the arrays of the faulty job (0) and of the good one (1): one command each, and
    at least two beats in the last packet of each stream.
    """

    block: str
    params: Options
    run: Options
    jobs: Callable[[int], Mapping[str, NDArray]]
    faults: tuple[Fault, ...]


def together(rows: Rows) -> Iterator[Fault]:
    """Yield each two reasons to refuse that may hold at once: the lower code is reported."""
    illegal = [each for each in rows.faults if each.status.get("refused")]
    for two in combinations(illegal, 2):
        low, high = sorted(two, key=lambda each: each.status["refused"])
        if low.status != high.status and not set(low.fields) & set(high.fields):
            yield replace(low, fields={**low.fields, **high.fields})


def check(rows: Rows, fault: Fault, stall: float) -> None:
    """Run the faulty job and a good one, and see that status and results are as they should be."""
    block = find(rows.block)
    model = build(block, rows.params)
    bad, good = (block.adapter.plan(rows.params, rows.run, rows.jobs(n)) for n in range(2))
    send = {
        name: np.concatenate([*_faulty(model, fault, name, bad, good), good.send[name]])
        for name in good.send
    }
    outputs = [each.name for each in model.manifest.streams if not each.is_input]
    received = model.run(send, dict.fromkeys(outputs), stall=stall, seed=7, quiet=QUIET).received
    clean = dict.fromkeys(_fields(model, "status"), 0)
    assert status_words(model, received["status"]) == [clean | dict(fault.status), clean]
    ends = {
        name: received[name][len(received[name]) - count :] for name, count in good.receive.items()
    }
    for name, values in good.decode(ends).items():
        compare(name, values, good.golden[name])


def status_words(model: Simulator, beats: Beats) -> list[dict[str, int]]:
    """Decode the words of a status stream by the manifest's fields."""
    fields = _fields(model, "status")
    numbers = [int.from_bytes(np.asarray(beat, "<u4").tobytes(), "little") for beat in beats]
    return [
        {name: number >> each.offset & (1 << each.width) - 1 for name, each in fields.items()}
        for number in numbers
    ]


def patched(model: Simulator, stream: str, beat: NDArray, fields: Mapping[str, int]) -> NDArray:
    """Overwrite some fields of one beat ``[words]``."""
    number = int.from_bytes(np.asarray(beat, "<u4").tobytes(), "little")
    known = _fields(model, stream)
    for name, value in fields.items():
        mask = (1 << known[name].width) - 1
        assert value & mask == value, f"{name} cannot hold {value}"
        number = number & ~(mask << known[name].offset) | value << known[name].offset
    return np.frombuffer(number.to_bytes(4 * len(beat), "little"), "<u4")


def _faulty(model: Simulator, fault: Fault, name: str, bad: Job, good: Job) -> list[Beats]:
    """Return what stream ``name`` sends before the good job."""
    beats = bad.send[name]
    if name in fault.absent:
        return []
    if name != fault.stream:
        return [beats]
    if fault.kind == "illegal":
        return [patched(model, name, beats[0], fault.fields)[None], beats[1:]]
    if fault.kind == "early":
        return [beats[:-2], _ended(model, name, beats[-2], True)]
    if fault.kind == "late":
        tail = np.random.default_rng(3).integers(1 << 32, size=(3, beats.shape[1]), dtype=np.uint32)
        tail[:, -1] &= (1 << model.widths[name] % 32) - 1 or 0xFFFFFFFF
        ends = [_ended(model, name, beat, n == 2) for n, beat in enumerate(tail)]
        return [beats[:-1], _ended(model, name, beats[-1], False), *ends]
    unended = [beats[:-1], _ended(model, name, beats[-1], False)]
    lasts = [_is_last(model, name, beat) for beat in good.send[name]]
    return [*unended, good.send[name][: lasts.index(True) + 1]] if fault.swallows else unended


def _ended(model: Simulator, stream: str, beat: NDArray, last: bool) -> Beats:
    return patched(model, stream, beat, {"last": int(last)})[None]


def _is_last(model: Simulator, stream: str, beat: NDArray) -> bool:
    offset = _fields(model, stream)["last"].offset
    return bool(beat[offset // 32] >> np.uint32(offset % 32) & 1)


def _fields(model: Simulator, stream: str) -> dict[str, FieldInfo]:
    return {each.name: each for each in model.manifest.stream(stream).fields}
