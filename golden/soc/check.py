"""What becomes of a command before anything of it is read or written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .commands import COLUMN, COMMAND, COUNTERS, SETTINGS, VERSION, Cause, Flags, Opcode
from .hardware import Hardware
from .memory import Matrix

__all__ = ["Window", "operands", "refusal"]


@dataclass
class Window:
    """Bytes from ``base`` to ``limit``, both inclusive, that commands may read or write."""

    base: int = 0
    limit: int = 0
    read: bool = False
    write: bool = False


def operands(command: Mapping[str, int], hardware: Hardware) -> dict[str, Matrix]:
    """Return where ``a``, ``b`` and ``c`` of a GEMM lie, and ``settings`` unless sums are raw.

    The settings count with a record for each column, whatever they say of columns.
    """
    m, n, k = (command[name] for name in ("m", "n", "k"))
    shapes = {
        "a": (m, k, hardware.a_octets),
        "b": (k, n, hardware.b_octets),
        "c": (m, n, 1 << command["c_size"]),
    }
    found = {
        name: Matrix(command[name], command[f"{name}_stride"], *shape)
        for name, shape in shapes.items()
    }
    if not command["flags"] & Flags.RAW:
        found["settings"] = Matrix(command["settings"], 0, 1, SETTINGS.size + n * COLUMN.size, 1)
    return found


def refusal(
    command: Mapping[str, int], hardware: Hardware, windows: Sequence[Window]
) -> tuple[Cause, int]:
    """Return the cause for which a command is refused and its address, or ``NONE`` and 0.

    Of several causes it is the one with the lowest number. Of operands outside of all windows the
    first of ``a``, ``b``, ``c``, ``settings`` counts, and the address is the command's, cut to the
    hardware's width.

    Examples
    --------
    >>> refusal({**COMMAND.decode(bytes(64)), "version": 2}, Hardware(), [])
    (<Cause.VERSION: 2>, 0)
    """
    product = command["opcode"] == Opcode.GEMM
    raw = bool(command["flags"] & Flags.RAW)
    named = max(command["wait"], command["signal"])
    tests = {
        Cause.OPCODE: command["opcode"] not in set(Opcode),
        Cause.VERSION: command["version"] != VERSION,
        Cause.RESERVED: command["flags"] > sum(Flags)
        or any(command[each.name] for each in COMMAND.entries if each.reserved)
        or (product and raw and command["settings"] != 0),
        Cause.SIZE: product and 0 in (command["m"], command["n"], command["k"]),
        Cause.K_TOO_LARGE: product and command["k"] > hardware.max_k,
        Cause.C_SIZE: product and command["c_size"] > 2,
        Cause.COUNTER: named > COUNTERS,
    }
    for cause, met in tests.items():
        if met:
            return cause, 0
    for name, operand in operands(command, hardware).items() if product else ():
        low, high = operand.span
        inside = any(
            (each.write if name == "c" else each.read) and each.base <= low and high <= each.limit
            for each in windows
        )
        if not inside or low < 0 or high >> hardware.address_width:
            return Cause.WINDOW, command[name] & (1 << hardware.address_width) - 1
    return Cause.NONE, 0
