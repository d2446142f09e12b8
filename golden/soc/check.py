"""What becomes of a command before anything of it is read or written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gemmule.golden.conv.records import UNIT

from .commands import (
    AFFINE,
    COLUMN,
    COUNTERS,
    NO_B,
    SETTINGS,
    TRANSPOSED,
    VECTOR,
    VERSION,
    Cause,
    Flags,
    Opcode,
)
from .hardware import Hardware
from .memory import Matrix

__all__ = ["Window", "operands", "refusal", "regions"]


@dataclass
class Window:
    """Bytes from ``base`` to ``limit``, both inclusive, that commands may read or write."""

    base: int = 0
    limit: int = 0
    read: bool = False
    write: bool = False


def vector_sizes(command: Mapping[str, int]) -> tuple[int, int]:
    """Return the exponents of the bytes of an element of ``a`` and of ``b``, of a VECTOR."""
    return command["sizes"] & 3, command["sizes"] >> 2 & 3


def regions(command: Mapping[str, int]) -> dict[str, int]:
    """Return the bytes of each region of a CONVOLUTION: the strides, without their sign."""
    return {name: command[f"{name}_stride"] & (1 << 32) - 1 for name in ("a", "b", "c")}


def operands(command: Mapping[str, int], hardware: Hardware) -> dict[str, Matrix]:
    """Return where ``a``, ``b`` and ``c`` lie, those that there are, and ``settings`` likewise.

    The settings count with a record for each column, whatever they say of columns. Those of a
    CONVOLUTION are its program, and its regions have a single row.
    """
    m, n, k = (command[name] for name in ("m", "n", "k"))
    if command["opcode"] == Opcode.CONVOLUTION:
        lengths = regions(command) | {"settings": UNIT * m}
        return {name: Matrix(command[name], 0, 1, count, 1) for name, count in lengths.items()}
    shapes = {"c": (m, n, 1 << command["c_size"])}
    if command["opcode"] == Opcode.VECTOR:
        a_size, b_size = vector_sizes(command)
        shapes |= {"a": (m, n, 1 << a_size)}
        shapes |= {"b": (m, n, 1 << b_size)} if b_size != NO_B else {}
        record = VECTOR.size + n * AFFINE.size
        if command["sizes"] & TRANSPOSED:
            shapes["c"] = n, m, 1 << command["c_size"]
    else:
        shapes |= {"a": (m, k, hardware.a_octets), "b": (k, n, hardware.b_octets)}
        record = SETTINGS.size + n * COLUMN.size
    found: dict[str, Matrix] = {
        name: Matrix(command[name], command[f"{name}_stride"], *shapes[name])
        for name in ("a", "b", "c")
        if name in shapes
    }
    if not command["flags"] & Flags.RAW:
        found["settings"] = Matrix(command["settings"], 0, 1, record, 1)
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
    >>> from gemmule.golden.soc.commands import COMMAND
    >>> refusal({**COMMAND.decode(bytes(64)), "version": 2}, Hardware(), [])
    (<Cause.VERSION: 2>, 0)
    """
    opcode = command["opcode"]
    product, vector = opcode == Opcode.GEMM, opcode == Opcode.VECTOR
    convolution = opcode == Opcode.CONVOLUTION
    raw = bool(command["flags"] & Flags.RAW)
    a_size, b_size = vector_sizes(command)
    works = product or vector or convolution
    named = max(command["wait"], command["signal"])
    turned = command["sizes"] & TRANSPOSED
    if vector:
        no_b = b_size == NO_B and bool(command["b"] or command["b_stride"])
        strange = command["sizes"] >= 2 * TRANSPOSED or command["k"] != 0 or raw or no_b
    elif convolution:
        strange = command["sizes"] != 0 or command["k"] != 0 or raw
    else:
        strange = command["sizes"] != 0 or (product and raw and command["settings"] != 0)
    tests = {
        Cause.OPCODE: opcode not in hardware.opcodes,
        Cause.VERSION: command["version"] != VERSION,
        Cause.RESERVED: command["flags"] > sum(Flags) or strange,
        Cause.SIZE: (works and 0 in (command["m"], command["n"], command["k"] if product else 1))
        or (convolution and (command["n"] > command["m"] or 0 in regions(command).values())),
        Cause.K_TOO_LARGE: product and command["k"] > hardware.max_k,
        Cause.C_SIZE: (product and command["c_size"] > 2)
        or (vector and (command["c_size"] > (0 if turned else 2) or a_size > 2))
        or (convolution and command["c_size"] != 0),
        Cause.COUNTER: named > COUNTERS,
    }
    for cause, met in tests.items():
        if met:
            return cause, 0
    for name, operand in operands(command, hardware).items() if works else ():
        low, high = operand.span
        inside = any(
            (each.write if name == "c" else each.read) and each.base <= low and high <= each.limit
            for each in windows
        )
        if not inside or low < 0 or high >> hardware.address_width:
            return Cause.WINDOW, command[name] & (1 << hardware.address_width) - 1
    return Cause.NONE, 0
