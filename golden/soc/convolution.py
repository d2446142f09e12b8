"""A program of convolutions from memory to memory: what a CONVOLUTION command does."""

from collections.abc import Mapping

from gemmule.golden.common.memory import Region
from gemmule.golden.conv.program import run
from gemmule.golden.conv.records import UNIT, beat_units, command_units, unpacked
from gemmule.golden.conv.refusal import ProgramError, Refusal

from .check import regions
from .commands import Cause
from .failure import Failure
from .hardware import Hardware
from .memory import BusError, MemoryImage

__all__ = ["COMMAND_BITS", "convolution", "verdict"]

COMMAND_BITS = 24
"""The low bits of a failure's address, which hold the number of the program's command."""


def verdict(address: int) -> tuple[Refusal, int]:
    """Return what an address says with ``Cause.PROGRAM``: why, and at which command.

    Examples
    --------
    >>> verdict(0x11000007)
    (<Refusal.REGION: 17>, 7)
    """
    return Refusal.of(address >> COMMAND_BITS), address & (1 << COMMAND_BITS) - 1


def convolution(command: Mapping[str, int], memory: MemoryImage, hardware: Hardware) -> None:
    """Carry out a CONVOLUTION command that passed :func:`~.check.refusal`.

    The program at ``settings`` has ``m`` units of 16 bytes: ``n`` of them are its commands, and the
    rest the settings of its products, a beat of zeros if there are none. Its loads read the regions
    ``a`` and ``b`` and its results go to ``c``, as :func:`golden.conv.program.run` says.

    Raises
    ------
    Failure
        The program is refused, or memory answered with an error; a part of ``c`` may have been
        written. The address of a read is the first one that is not there, the hardware's that of
        its beat.
    """
    unit = hardware.convolution
    assert unit is not None
    try:
        octets = memory.read(command["settings"], UNIT * command["m"])
        commands = unpacked(octets[: UNIT * command["n"]], command_units(unit))
        settings = unpacked(octets[UNIT * command["n"] :], beat_units(unit)) or [0]
        a, b, c = (Region(memory, command[name], size) for name, size in regions(command).items())
        run(unit, commands, settings, a, b, c)
    except ProgramError as error:
        raise Failure(Cause.PROGRAM, error.refusal << COMMAND_BITS | error.command) from error
    except BusError as error:
        raise Failure(error.cause, error.address) from error
