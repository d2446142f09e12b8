"""Programs one after another in one memory, and what is reported of each."""

from collections.abc import Sequence
from functools import cache

import numpy as np

from gemmule.gen.block import Memory
from gemmule.gen.simulation.engine import build
from gemmule.golden.common.lanes import numbers_to_words
from gemmule.hw.conv.control import program_status

from .beats import PARAMS, Program, image_of, plan
from .watched import WATCHED

__all__ = [
    "CLEAN",
    "EARLY",
    "FORWARD",
    "INPUT_GRAD",
    "LATE",
    "alone",
    "image",
    "programs",
    "received",
    "reports",
    "run",
    "with_good_ones",
]

CLEAN = dict.fromkeys((name for name, _ in program_status() if name != "command"), 0)
CLEAN |= {"x": 0, "w": 0, "scale": 0}
EARLY, LATE = 1, 2
FORWARD, INPUT_GRAD = "forward-zero_free", "input_grad-zero_free"


@cache
def programs() -> dict[str, Program]:
    """Plan a program of each kind, side by side in memory."""
    made = {}
    for op, method in (
        ("forward", "zero_free"),
        ("input_grad", "zero_free"),
        ("weight_grad", "zero_free"),
        ("weight_grad", "explicit"),
    ):
        made[f"{op}-{method}"] = plan(op, method, 1024 * len(made))
    return made


@cache
def image() -> np.ndarray:
    """Return a memory with the maps of all programs."""
    return image_of({1024 * n: each for n, each in enumerate(programs().values())})


def run(
    sequence: Sequence[Program], scales: Sequence[np.ndarray] | None = None, **options: object
) -> list[dict]:
    """Run programs one after another; return the status and counts of each, busy cycles aside."""
    return reports(received(sequence, scales, **options))


def received(
    sequence: Sequence[Program],
    scales: Sequence[np.ndarray] | None = None,
    *,
    stall: float = 0.0,
    seed: int = 0,
    **options: object,
) -> dict[str, np.ndarray]:
    """Run programs one after another; return what came back, memory among it."""
    model = build(WATCHED, PARAMS)
    first = next(iter(programs().values()))
    memory = Memory(image(), first.memory.channels, 16, 8)
    width = model.manifest.stream("command").width
    scales = [each.scale for each in sequence] if scales is None else scales
    send = {
        "command": numbers_to_words(
            (number for each in sequence for number in each.commands), width
        ),
        "scale": np.concatenate(scales),
    }
    return model.run(
        send,
        {"status": len(sequence), "counters": len(sequence)},
        memory=memory,
        stall=(stall, 0.0),
        seed=seed,
        patience=10_000,
        **options,
    ).received


def reports(received: dict[str, np.ndarray]) -> list[dict]:
    """Return the status and counts of each program, busy cycles aside."""
    made = []
    for status, counts in zip(received["status"], received["counters"], strict=True):
        number = int.from_bytes(status.tobytes(), "little")
        word = {
            name: number >> field.offset & (1 << field.width) - 1
            for name, field in program_status()
        }
        made.append(word | {"counts": counts[1:].tolist()})
    return made


@cache
def alone(name: str) -> dict:
    """Return what a good program reports."""
    (told,) = run([programs()[name]])
    assert {each: told[each] for each in CLEAN} == CLEAN
    assert told["command"] == len(programs()[name].commands) - 1
    return told


def with_good_ones(faulty: Sequence[Program], stall: float = 0.0, seed: int = 0) -> list[dict]:
    """Run a good program, which must pass, behind each faulty one; return the words of these."""
    names = list(programs())
    goods = [names[number % len(names)] for number in range(len(faulty))]
    both = [
        each for bad, good in zip(faulty, goods, strict=True) for each in (bad, programs()[good])
    ]
    told = run(both, stall=stall, seed=seed)
    for number, good in enumerate(goods):
        assert told[2 * number + 1] == alone(good), (number, told[2 * number])
    return told[::2]
