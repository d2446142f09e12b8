"""What a block's `status` says after a job in which nothing was wrong."""

from collections.abc import Mapping

from gemmule.gen.block import Beats
from gemmule.gen.model import SimulationError

__all__ = ["expect_clean"]


def expect_clean(received: Mapping[str, Beats]) -> None:
    """Raise :class:`~gemmule.gen.model.SimulationError` where ``status`` tells of a fault."""
    for number, word in enumerate(received.get("status", ())):
        if word.any():
            bits = int.from_bytes(word.astype("<u4").tobytes(), "little")
            text = f"says {bits:#x} of command {number}, with which nothing was wrong"
            raise SimulationError("status", "status", text)
