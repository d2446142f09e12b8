"""Commands, settings and completions of the accelerator: the one description of each."""

from enum import IntFlag

from gemmule.golden.common.codes import Code

from .record import Record

__all__ = [
    "COLUMN",
    "COMMAND",
    "COMPLETION",
    "COUNTERS",
    "SETTINGS",
    "VERSION",
    "Cause",
    "Columns",
    "Flags",
    "Opcode",
]

VERSION = 1
"""Of commands: the hardware refuses any other."""

COUNTERS = 8
"""Dependency counters; they are numbered from 1 on, and 0 names none."""


class Opcode(Code):
    """What a command asks for."""

    NOP = 0, "nothing; sizes and addresses are ignored, waiting, signal and completion are not"
    GEMM = 1, "c [M, N] = requantize(a [M, K] @ b [K, N])"


class Flags(IntFlag):
    """Bits of a command's ``flags``; all others must be 0."""

    INTERRUPT = 1
    """Raise the interrupt when this command is complete, whatever coalescing says."""
    FENCE = 2
    """Begin when all commands before this one are complete."""
    RAW = 4
    """Write sums, clamped to 32 bits: there are no settings, and ``settings`` must be 0."""


class Columns(Code):
    """What stands behind a settings record, for each column of the result."""

    NONE = 0, "nothing: the record's own offset, multiplier, shift and zero point of b for all"
    OFFSETS = 1, "offsets, 4 bytes each; the rest is the record's own for all"
    ALL = 2, "a column record each, 16 bytes"


class Cause(Code):
    """What became of a command."""

    NONE = 0, "carried out"
    OPCODE = 1, "there is no such opcode, or the unit is not built in"
    VERSION = 2, "the version is not this hardware's"
    RESERVED = 3, "a reserved bit or byte is not 0"
    SIZE = 4, "m, n or k is 0"
    K_TOO_LARGE = 5, "k is above the largest that the accumulators hold"
    C_SIZE = 6, "c_size names no size of an element"
    COUNTER = 7, "wait or signal names no dependency counter"
    WINDOW = 8, "an operand leaves the buffer windows; the address is its first byte"
    SETTINGS = 9, "settings are illegal: rounding, columns, shift, multiplier, or low above high"
    READ_SLAVE = 10, "a read was answered by SLVERR; the address is that of the beat"
    READ_DECODE = 11, "a read was answered by DECERR; the address is that of the beat"
    WRITE_SLAVE = 12, "a write was answered by SLVERR; the address is that of the burst"
    WRITE_DECODE = 13, "a write was answered by DECERR; the address is that of the burst"
    TIMEOUT = 14, "the watchdog ran out; all is reset, and this command may have written a part"


COMMAND = Record(
    "command",
    ("opcode", 1, "see opcodes"),
    ("version", 1, f"{VERSION}"),
    ("flags", 1, "bit 0: interrupt when complete; 1: fence; 2: raw sums; others 0"),
    ("c_size", 1, "an element of c has 2**c_size bytes: 0, 1 or 2"),
    ("sequence", 2, "returned in the completion"),
    ("wait_value", 2, "begin when the counter that wait names is at least this, modulo 2**16"),
    ("a", 8, "byte address of a[0, 0]"),
    ("b", 8, "byte address of b[0, 0]"),
    ("c", 8, "byte address of c[0, 0]"),
    ("settings", 8, "byte address of the settings record; 0 with raw sums"),
    ("a_stride:s", 4, "bytes from a row of a to the next; may be negative"),
    ("b_stride:s", 4, "bytes from a row of b to the next; may be negative"),
    ("c_stride:s", 4, "bytes from a row of c to the next; may be negative"),
    ("m", 3, "rows of a and c"),
    ("n", 3, "columns of b and c"),
    ("k", 3, "columns of a, rows of b"),
    ("wait", 1, "dependency counter to wait for; 0: none"),
    ("signal", 1, "dependency counter to add 1 to when all writes are answered; 0: none"),
    ("reserved", 1, "0"),
)

SETTINGS = Record(
    "settings",
    ("columns", 1, "what follows this record: see columns"),
    ("rounding", 1, "ties: 0 to even, 1 up, 2 away from zero"),
    ("shift", 1, "of all columns: the quotient is the product over 2**shift"),
    ("reserved0", 1, "0"),
    ("multiplier", 4, "of all columns, unsigned"),
    (
        "offset:s",
        4,
        "of all columns: bias with the corrections of both zero points, added to the sum",
    ),
    ("b_zero_point:s", 2, "of all columns: zero point of b"),
    ("reserved1", 2, "0"),
    ("zero_point:s", 4, "of c"),
    ("low:s", 4, "least result"),
    ("high:s", 4, "greatest result"),
    ("reserved2", 4, "0"),
)

COLUMN = Record(
    "column",
    ("offset:s", 4, "as of the settings record, of this column"),
    ("multiplier", 4, "of this column"),
    ("b_zero_point:s", 2, "of this column"),
    ("shift", 1, "of this column"),
    ("reserved0", 1, "0"),
    ("reserved1", 4, "0"),
)

COMPLETION = Record(
    "completion",
    ("address", 8, "where a cause has one"),
    ("sequence", 2, "of the command"),
    ("cause", 1, "see causes; 0: carried out"),
    ("opcode", 1, "of the command"),
    ("index", 4, "1 + commands completed before, modulo 2**32; written last, to be read first"),
)
