"""Commands, settings and completions of the accelerator: the one description of each."""

from enum import IntFlag

from gemmule.golden.common.codes import Code

from .record import Record

__all__ = [
    "AFFINE",
    "COLUMN",
    "COMMAND",
    "COMPLETION",
    "COUNTERS",
    "NO_B",
    "SETTINGS",
    "SIGNS",
    "TRANSPOSED",
    "VECTOR",
    "VERSION",
    "Cause",
    "Columns",
    "Combine",
    "Flags",
    "Opcode",
    "VectorFunction",
]

VERSION = 1
"""Of commands: the hardware refuses any other."""

COUNTERS = 8
"""Dependency counters; they are numbered from 1 on, and 0 names none."""


class Opcode(Code):
    """What a command asks for."""

    NOP = 0, "nothing; sizes and addresses are ignored, waiting, signal and completion are not"
    GEMM = 1, "c [M, N] = requantize(a [M, K] @ b [K, N])"
    VECTOR = 2, "c [M, N] = requantize(function(combine(a [M, N], b [M, N])))"
    CONVOLUTION = 3, "a program of convolutions: from regions a and b to region c"


class Flags(IntFlag):
    """Bits of a command's ``flags``; all others must be 0."""

    INTERRUPT = 1
    """Raise the interrupt when this command is complete, whatever coalescing says."""
    FENCE = 2
    """Begin when all commands before this one are complete."""
    RAW = 4
    """Write sums, clamped to 32 bits: there are no settings, and ``settings`` must be 0. Of a GEMM
    alone."""


class Columns(Code):
    """What stands behind a settings record, for each column of the result."""

    NONE = 0, "nothing: the record's own offset, multiplier, shift and zero point of b for all"
    OFFSETS = 1, "offsets, 4 bytes each; the rest is the record's own for all"
    ALL = 2, "a column record each, 16 bytes"


class Combine(Code):
    """What a VECTOR command makes of its operands, before it multiplies and shifts once."""

    NONE = 0, "a - a_zero_point; there is no b"
    ADD = 1, "(a - a_zero_point) * a_multiplier + (b - b_zero_point) * b_multiplier"
    MULTIPLY = 2, "(a - a_zero_point) * (b - b_zero_point)"
    MASK = 3, "a - a_zero_point, and softmax leaves out where b is 0"
    MAXIMUM = 4, "the greater of a - a_zero_point and b - b_zero_point"
    MINIMUM = 5, "the lesser of a - a_zero_point and b - b_zero_point"


class VectorFunction(Code):
    """What a VECTOR command computes of each element, or of each row."""

    NONE = 0, "nothing"
    GELU = 1, "the Gaussian error linear unit"
    SIGMOID = 2, "the logistic sigmoid"
    TANH = 3, "the hyperbolic tangent"
    SILU = 4, "the sigmoid linear unit"
    HARDSWISH = 5, "the hard swish"
    HARDSIGMOID = 6, "the hard sigmoid (x + 3) / 6"
    EXP = 7, "the exponential"
    RECIPROCAL = 8, "the reciprocal"
    RSQRT = 9, "the reciprocal square root"
    SOFTMAX = 10, "softmax of each row"
    LAYERNORM = 11, "layer normalization of each row; gamma and beta stand behind the settings"
    RMSNORM = 12, "normalization of each row by its root mean square; as of LAYERNORM"
    TRANSPOSE = (
        13,
        (
            "nothing: c is [N, M], as bit 4 of sizes says too, and its rows do not overlap; there"
            " is no b"
        ),
    )


SIGNS = ("a", "b")
"""Operands whose elements a bit of ``signs`` calls signed, from bit 0 on."""

TRANSPOSED = 1 << 4
"""The bit of ``sizes`` that says that c is [N, M], of elements of 1 byte."""

NO_B = 3
"""Instead of the exponent of b's size: there is no b."""


class Cause(Code):
    """What became of a command."""

    NONE = 0, "carried out"
    OPCODE = 1, "there is no such opcode, or the unit is not built in"
    VERSION = 2, "the version is not this hardware's"
    RESERVED = 3, "a reserved bit or byte is not 0"
    SIZE = (
        4,
        ("m, n or, of a product, k is 0; of a convolution a region is empty, or n is more than m"),
    )
    K_TOO_LARGE = 5, "k is above the largest that the accumulators hold"
    C_SIZE = 6, "c_size, or sizes of a, names no size of an element, or none to be transposed"
    COUNTER = 7, "wait or signal names no dependency counter"
    WINDOW = 8, "an operand leaves the buffer windows; the address is its first byte"
    SETTINGS = (
        9,
        (
            "settings are illegal: rounding, columns, shift, multiplier, zero point, a function"
            " that is not built in or a row too long for it, or low above high"
        ),
    )
    READ_SLAVE = 10, "a read was answered by SLVERR; the address is that of the beat"
    READ_DECODE = 11, "a read was answered by DECERR; the address is that of the beat"
    WRITE_SLAVE = 12, "a write was answered by SLVERR; the address is that of the burst"
    WRITE_DECODE = 13, "a write was answered by DECERR; the address is that of the burst"
    TIMEOUT = 14, "the watchdog ran out; all is reset, and this command may have written a part"
    PROGRAM = (
        15,
        (
            "a program of convolutions was refused; of the address the bits from 24 on are why, and"
            " those below the number of the program's command"
        ),
    )


COMMAND = Record(
    "command",
    ("opcode", 1, "see opcodes"),
    ("version", 1, f"{VERSION}"),
    ("flags", 1, "bit 0: interrupt when complete; 1: fence; 2: raw sums; others 0"),
    ("c_size", 1, "an element of c has 2**c_size bytes: 0, 1 or 2"),
    ("sequence", 2, "returned in the completion"),
    ("wait_value", 2, "begin when the counter that wait names is at least this, modulo 2**16"),
    ("a", 8, "byte address of a[0, 0]; of CONVOLUTION of a region a_stride bytes long, unsigned"),
    ("b", 8, "byte address of b[0, 0]; of CONVOLUTION of a region b_stride bytes long, unsigned"),
    (
        "c",
        8,
        (
            "byte address of c[0, 0]; it has no byte in common with a or b, but that of VECTOR may"
            " be where one of them is, with elements as large and rows as far apart; of"
            " CONVOLUTION of a region c_stride bytes long, unsigned, which may overlap others"
        ),
    ),
    ("settings", 8, "byte address of the settings record, or the program; 0 with raw sums"),
    ("a_stride:s", 4, "bytes from a row of a to the next; may be negative; CONVOLUTION: see a"),
    ("b_stride:s", 4, "bytes from a row of b to the next; may be negative; CONVOLUTION: see b"),
    ("c_stride:s", 4, "bytes from a row of c to the next; may be negative; CONVOLUTION: see c"),
    ("m", 3, "rows of a and c, of VECTOR also of b; of CONVOLUTION units of the program"),
    ("n", 3, "columns of b and c, of VECTOR also of a; of CONVOLUTION units of its commands"),
    ("k", 3, "columns of a, rows of b; of others 0"),
    ("wait", 1, "dependency counter to wait for; 0: none"),
    ("signal", 1, "dependency counter to add 1 to when all writes are answered; 0: none"),
    (
        "sizes",
        1,
        (
            "of VECTOR: an element of a has 2**(bits 0-1) bytes, of b 2**(bits 2-3), 3: there is no"
            " b, and b and b_stride are 0; none of b has 4 bytes, nor of a beside a b but a mask;"
            " bit 4: c is [N, M], and c_size 0; all else 0"
        ),
    ),
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

VECTOR = Record(
    "vector",
    ("combine", 1, "see combine"),
    ("function", 1, "see vector functions"),
    ("rounding", 1, "ties, of both quotients: 0 to even, 1 up, 2 away from zero"),
    ("signs", 1, "elements of a are signed (bit 0), of b (1); softmax gives logarithms (2)"),
    ("a_zero_point:s", 4, "of 17 bits"),
    ("b_zero_point:s", 4, "of 17 bits"),
    ("a_multiplier:s", 4, "of 17 bits, of ADD"),
    ("b_multiplier:s", 4, "of 17 bits, of ADD"),
    ("multiplier", 4, "of what is combined, unsigned"),
    (
        "shift",
        1,
        "the function takes the product over 2**shift, plus offset, clamped to its format",
    ),
    ("result_shift", 1, "as shift, of what the function gives"),
    ("delta", 2, "of softmax, in units of 2**-12, at most 4096; with logarithms over sqrt(2)"),
    ("result_multiplier", 4, "of what the function gives, unsigned"),
    ("zero_point:s", 4, "of c"),
    ("low:s", 4, "least result"),
    ("high:s", 4, "greatest result"),
    ("offset:s", 4, "added to the first quotient, before the function"),
    ("epsilon", 8, "of a normalization: round(epsilon * n**2 * 2**(2 * f + 8)), x with f bits"),
    ("reserved", 8, "0"),
)

AFFINE = Record(
    "affine",
    ("gamma", 2, "of this column, the format's bits"),
    ("beta", 2, "of this column, the format's bits"),
)

COMPLETION = Record(
    "completion",
    ("address", 8, "where a cause has one"),
    ("sequence", 2, "of the command"),
    ("cause", 1, "see causes; 0: carried out"),
    ("opcode", 1, "of the command"),
    ("index", 4, "1 + commands completed before, modulo 2**32; written last, to be read first"),
)
