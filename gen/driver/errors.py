"""What can go wrong beyond wrong use, each as an exception that says it in a sentence."""

from collections.abc import Mapping

from gemmule.golden.conv.refusal import Refusal
from gemmule.golden.soc.commands import Cause, Opcode

__all__ = ["CommandError", "DeviceError", "DriverError", "DriverTimeout", "Mismatch"]


class DriverError(Exception):
    """Base of all that the driver raises, but for wrong use."""


class Mismatch(DriverError):
    """The hardware is not the one that this driver was made for."""


class CommandError(DriverError):
    """A command was refused, or begun and not carried out.

    Attributes
    ----------
    cause : :class:`golden.soc.commands.Cause`
    command : its fields
    address : where the cause has one, else 0
    """

    def __init__(self, cause: Cause, command: Mapping[str, int], address: int):
        opcode = command["opcode"]
        name = Opcode.of(opcode).name if opcode in set(Opcode) else f"opcode {opcode}"
        super().__init__(
            f"command {command['sequence']} ({name} m={command['m']} n={command['n']}"
            f" k={command['k']}) failed with {cause.name}: {_told(cause, address)}"
        )
        self.cause = cause
        self.command = dict(command)
        self.address = address


class DeviceError(DriverError):
    """Something failed that belongs to no command's operands: the ring, completions, watchdog.

    Attributes
    ----------
    cause, unit, sequence, address : of the registers ERROR and ERROR_ADDR
    """

    UNITS: Mapping[int, str] = {
        0: "the check of commands",
        1: "the product",
        2: "the vector unit",
        3: "the convolution unit",
        253: "the watchdog",
        254: "the ring of commands",
        255: "the ring of completions",
    }

    def __init__(self, cause: Cause, unit: int, sequence: int, address: int):
        where = self.UNITS.get(unit, f"unit {unit}")
        super().__init__(
            f"{where} met {cause.name} at command {sequence}: {_told(cause, address)}; reset()"
            " begins anew"
        )
        self.cause = cause
        self.unit = unit
        self.sequence = sequence
        self.address = address


def _told(cause: Cause, address: int) -> str:
    """Return what went wrong, and where: of a program, at which of its own commands."""
    if cause is Cause.PROGRAM:
        refusal, number = Refusal.of(address >> 24), address & (1 << 24) - 1
        return f"the program was refused at its command {number}: {refusal.text}"
    return cause.text + (f", at address {address:#x}" if address else "")


class DriverTimeout(DriverError, TimeoutError):
    """The hardware did not do in time what was asked; what was asked may still happen."""
