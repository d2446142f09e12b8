"""How a bench runs: its seed, its stalls, its simulator."""

from dataclasses import dataclass

__all__ = ["How"]


@dataclass(frozen=True)
class How:
    """What does not change what is verified.

    Parameters
    ----------
    seed
        Of stimulus and stalls.
    stall
        Probability with which each end of a stream holds back, in the runs that do so.
    simulator
        ``verilator`` or ``icarus``.
    """

    seed: int = 1
    stall: float = 0.5
    simulator: str = "verilator"
