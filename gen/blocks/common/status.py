"""What a block's `status` says after a job in which nothing was wrong."""

from collections.abc import Callable, Mapping

import numpy as np
from amaranth import Shape
from amaranth.lib.wiring import Component

from gemmule.gen.block import Beats
from gemmule.gen.simulation.simulator import SimulationError
from gemmule.golden.common.lanes import words
from gemmule.golden.common.options import Options
from gemmule.hw.common.unused import looked_at

__all__ = ["clean_status", "expect_clean"]


def expect_clean(received: Mapping[str, Beats]) -> None:
    """Raise :class:`~gemmule.gen.simulation.simulator.SimulationError` where ``status`` tells of a
    fault.
    """
    for number, word in enumerate(received.get("status", ())):
        if word.any():
            bits = int.from_bytes(word.astype("<u4").tobytes(), "little")
            text = f"says {bits:#x} of command {number}, with which nothing was wrong"
            raise SimulationError("status", "status", text)


def clean_status(
    component: Callable[..., Component], params: Options, count: int = 1
) -> dict[str, Beats]:
    """Return the words of ``status`` of so many commands with which nothing was wrong."""
    payload = looked_at(component(params)).status.payload.shape()
    return {"status": np.zeros((count, words(Shape.cast(payload).width)), np.uint32)}
