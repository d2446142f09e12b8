"""Registers of the accelerator, as `hw/soc/registers.rdl` describes them.

Made by ``python -m gemmule.gen.registers``; edit the description, and make it again.
"""

from typing import NamedTuple

__all__ = ["REGISTERS", "Field", "Register"]


class Field(NamedTuple):
    """Bits of a register.

    ``kind``: ``rw``, ``ro``, ``w1c`` (writing 1 clears), ``strobe`` or ``wo`` (reads give 0).
    """

    low: int
    width: int
    kind: str
    reset: int = 0

    @property
    def mask(self) -> int:
        """The field's bits in its word."""
        return ((1 << self.width) - 1) << self.low


class Register(NamedTuple):
    """A word of 32 bits at a byte address in the page of registers."""

    address: int
    fields: dict[str, Field]


REGISTERS = {
    "ID": Register(
        0x000,
        {
            "letters": Field(0, 32, "ro"),
        },
    ),
    "VERSION": Register(
        0x004,
        {
            "patch": Field(0, 8, "ro"),
            "minor": Field(8, 8, "ro"),
            "major": Field(16, 8, "ro"),
            "commands": Field(24, 8, "ro"),
        },
    ),
    "CONFIG_HASH": Register(
        0x008,
        {
            "hash": Field(0, 32, "ro"),
        },
    ),
    "CAPS": Register(
        0x00C,
        {
            "config": Field(0, 12, "ro"),
            "ring": Field(12, 1, "ro"),
            "units": Field(16, 16, "ro"),
        },
    ),
    "CTRL": Register(
        0x010,
        {
            "enable": Field(0, 1, "rw"),
            "halt_on_error": Field(1, 1, "rw"),
            "reset": Field(8, 1, "strobe"),
            "resume": Field(9, 1, "strobe"),
        },
    ),
    "STATUS": Register(
        0x014,
        {
            "idle": Field(0, 1, "ro"),
            "halted": Field(1, 1, "ro"),
            "reset_done": Field(2, 1, "ro"),
            "room": Field(3, 1, "ro"),
        },
    ),
    "IRQ_ENABLE": Register(
        0x018,
        {
            "complete": Field(0, 1, "rw"),
            "error": Field(1, 1, "rw"),
            "access": Field(2, 1, "rw"),
            "overflow": Field(3, 1, "rw"),
        },
    ),
    "IRQ_STATUS": Register(
        0x01C,
        {
            "complete": Field(0, 1, "w1c"),
            "error": Field(1, 1, "w1c"),
            "access": Field(2, 1, "w1c"),
            "overflow": Field(3, 1, "w1c"),
        },
    ),
    "IRQ_COALESCE": Register(
        0x020,
        {
            "count": Field(0, 16, "rw"),
            "time": Field(16, 16, "rw"),
        },
    ),
    "ERROR": Register(
        0x028,
        {
            "cause": Field(0, 8, "ro"),
            "unit": Field(8, 8, "ro"),
            "sequence": Field(16, 16, "ro"),
        },
    ),
    "ACCESS": Register(
        0x02C,
        {
            "address": Field(0, 12, "ro"),
            "write": Field(12, 1, "ro"),
        },
    ),
    "ERROR_ADDR_LO": Register(
        0x030,
        {
            "address": Field(0, 32, "ro"),
        },
    ),
    "ERROR_ADDR_HI": Register(
        0x034,
        {
            "address": Field(0, 32, "ro"),
        },
    ),
    "RING_BASE_LO": Register(
        0x040,
        {
            "address": Field(6, 26, "rw"),
        },
    ),
    "RING_BASE_HI": Register(
        0x044,
        {
            "address": Field(0, 32, "rw"),
        },
    ),
    "RING_SIZE": Register(
        0x048,
        {
            "log2": Field(0, 5, "rw"),
        },
    ),
    "HEAD": Register(
        0x04C,
        {
            "commands": Field(0, 32, "ro"),
        },
    ),
    "TAIL": Register(
        0x050,
        {
            "commands": Field(0, 32, "rw"),
        },
    ),
    "COMPLETION_BASE_LO": Register(
        0x058,
        {
            "enable": Field(0, 1, "rw"),
            "address": Field(6, 26, "rw"),
        },
    ),
    "COMPLETION_BASE_HI": Register(
        0x05C,
        {
            "address": Field(0, 32, "rw"),
        },
    ),
    "BUS": Register(
        0x060,
        {
            "read_cache": Field(0, 4, "rw", 3),
            "read_prot": Field(4, 3, "rw"),
            "read_qos": Field(8, 4, "rw"),
            "write_cache": Field(16, 4, "rw", 3),
            "write_prot": Field(20, 3, "rw"),
            "write_qos": Field(24, 4, "rw"),
        },
    ),
    "COMMAND_0": Register(
        0x080,
        {
            "bytes": Field(0, 32, "wo"),
        },
    ),
    "COMMAND_1": Register(
        0x084,
        {
            "bytes": Field(0, 32, "wo"),
        },
    ),
    "COMMAND_2": Register(
        0x088,
        {
            "bytes": Field(0, 32, "wo"),
        },
    ),
    "COMMAND_3": Register(
        0x08C,
        {
            "bytes": Field(0, 32, "wo"),
        },
    ),
    "COMMAND_4": Register(
        0x090,
        {
            "bytes": Field(0, 32, "wo"),
        },
    ),
    "COMMAND_5": Register(
        0x094,
        {
            "bytes": Field(0, 32, "wo"),
        },
    ),
    "COMMAND_6": Register(
        0x098,
        {
            "bytes": Field(0, 32, "wo"),
        },
    ),
    "COMMAND_7": Register(
        0x09C,
        {
            "bytes": Field(0, 32, "wo"),
        },
    ),
    "COMMAND_8": Register(
        0x0A0,
        {
            "bytes": Field(0, 32, "wo"),
        },
    ),
    "COMMAND_9": Register(
        0x0A4,
        {
            "bytes": Field(0, 32, "wo"),
        },
    ),
    "COMMAND_10": Register(
        0x0A8,
        {
            "bytes": Field(0, 32, "wo"),
        },
    ),
    "COMMAND_11": Register(
        0x0AC,
        {
            "bytes": Field(0, 32, "wo"),
        },
    ),
    "COMMAND_12": Register(
        0x0B0,
        {
            "bytes": Field(0, 32, "wo"),
        },
    ),
    "COMMAND_13": Register(
        0x0B4,
        {
            "bytes": Field(0, 32, "wo"),
        },
    ),
    "COMMAND_14": Register(
        0x0B8,
        {
            "bytes": Field(0, 32, "wo"),
        },
    ),
    "COMMAND_15": Register(
        0x0BC,
        {
            "bytes": Field(0, 32, "wo"),
        },
    ),
    "WATCHDOG": Register(
        0x0C0,
        {
            "cycles": Field(0, 32, "rw"),
        },
    ),
    "SCRATCH": Register(
        0x0C4,
        {
            "value": Field(0, 32, "rw"),
        },
    ),
    "PUSH": Register(
        0x0C8,
        {
            "push": Field(0, 1, "strobe"),
        },
    ),
    "COMPLETED": Register(
        0x0CC,
        {
            "commands": Field(0, 32, "ro"),
        },
    ),
    "LAST": Register(
        0x0D0,
        {
            "sequence": Field(0, 16, "ro"),
            "cause": Field(16, 8, "ro"),
            "opcode": Field(24, 8, "ro"),
        },
    ),
    "COUNTER_CTRL": Register(
        0x0F0,
        {
            "latch": Field(0, 1, "strobe"),
            "clear": Field(1, 1, "strobe"),
        },
    ),
    "COUNTER_CYCLES_LO": Register(
        0x100,
        {
            "count": Field(0, 32, "ro"),
        },
    ),
    "COUNTER_CYCLES_HI": Register(
        0x104,
        {
            "count": Field(0, 32, "ro"),
        },
    ),
    "COUNTER_BUSY_LO": Register(
        0x108,
        {
            "count": Field(0, 32, "ro"),
        },
    ),
    "COUNTER_BUSY_HI": Register(
        0x10C,
        {
            "count": Field(0, 32, "ro"),
        },
    ),
    "COUNTER_COMMANDS_LO": Register(
        0x110,
        {
            "count": Field(0, 32, "ro"),
        },
    ),
    "COUNTER_COMMANDS_HI": Register(
        0x114,
        {
            "count": Field(0, 32, "ro"),
        },
    ),
    "COUNTER_ERRORS_LO": Register(
        0x118,
        {
            "count": Field(0, 32, "ro"),
        },
    ),
    "COUNTER_ERRORS_HI": Register(
        0x11C,
        {
            "count": Field(0, 32, "ro"),
        },
    ),
    "COUNTER_BYTES_READ_LO": Register(
        0x120,
        {
            "count": Field(0, 32, "ro"),
        },
    ),
    "COUNTER_BYTES_READ_HI": Register(
        0x124,
        {
            "count": Field(0, 32, "ro"),
        },
    ),
    "COUNTER_BYTES_WRITTEN_LO": Register(
        0x128,
        {
            "count": Field(0, 32, "ro"),
        },
    ),
    "COUNTER_BYTES_WRITTEN_HI": Register(
        0x12C,
        {
            "count": Field(0, 32, "ro"),
        },
    ),
    "COUNTER_PRODUCT_BUSY_LO": Register(
        0x130,
        {
            "count": Field(0, 32, "ro"),
        },
    ),
    "COUNTER_PRODUCT_BUSY_HI": Register(
        0x134,
        {
            "count": Field(0, 32, "ro"),
        },
    ),
    "COUNTER_WAIT_READ_LO": Register(
        0x138,
        {
            "count": Field(0, 32, "ro"),
        },
    ),
    "COUNTER_WAIT_READ_HI": Register(
        0x13C,
        {
            "count": Field(0, 32, "ro"),
        },
    ),
    "COUNTER_WAIT_WRITE_LO": Register(
        0x140,
        {
            "count": Field(0, 32, "ro"),
        },
    ),
    "COUNTER_WAIT_WRITE_HI": Register(
        0x144,
        {
            "count": Field(0, 32, "ro"),
        },
    ),
    "COUNTER_VECTOR_BUSY_LO": Register(
        0x148,
        {
            "count": Field(0, 32, "ro"),
        },
    ),
    "COUNTER_VECTOR_BUSY_HI": Register(
        0x14C,
        {
            "count": Field(0, 32, "ro"),
        },
    ),
    "COUNTER_CONVOLUTION_BUSY_LO": Register(
        0x150,
        {
            "count": Field(0, 32, "ro"),
        },
    ),
    "COUNTER_CONVOLUTION_BUSY_HI": Register(
        0x154,
        {
            "count": Field(0, 32, "ro"),
        },
    ),
    "WINDOW_0_BASE_LO": Register(
        0x180,
        {
            "address": Field(0, 32, "rw"),
        },
    ),
    "WINDOW_0_BASE_HI": Register(
        0x184,
        {
            "address": Field(0, 32, "rw"),
        },
    ),
    "WINDOW_0_LIMIT_LO": Register(
        0x188,
        {
            "address": Field(0, 32, "rw"),
        },
    ),
    "WINDOW_0_LIMIT_HI": Register(
        0x18C,
        {
            "address": Field(0, 32, "rw"),
        },
    ),
    "WINDOW_1_BASE_LO": Register(
        0x190,
        {
            "address": Field(0, 32, "rw"),
        },
    ),
    "WINDOW_1_BASE_HI": Register(
        0x194,
        {
            "address": Field(0, 32, "rw"),
        },
    ),
    "WINDOW_1_LIMIT_LO": Register(
        0x198,
        {
            "address": Field(0, 32, "rw"),
        },
    ),
    "WINDOW_1_LIMIT_HI": Register(
        0x19C,
        {
            "address": Field(0, 32, "rw"),
        },
    ),
    "WINDOW_2_BASE_LO": Register(
        0x1A0,
        {
            "address": Field(0, 32, "rw"),
        },
    ),
    "WINDOW_2_BASE_HI": Register(
        0x1A4,
        {
            "address": Field(0, 32, "rw"),
        },
    ),
    "WINDOW_2_LIMIT_LO": Register(
        0x1A8,
        {
            "address": Field(0, 32, "rw"),
        },
    ),
    "WINDOW_2_LIMIT_HI": Register(
        0x1AC,
        {
            "address": Field(0, 32, "rw"),
        },
    ),
    "WINDOW_3_BASE_LO": Register(
        0x1B0,
        {
            "address": Field(0, 32, "rw"),
        },
    ),
    "WINDOW_3_BASE_HI": Register(
        0x1B4,
        {
            "address": Field(0, 32, "rw"),
        },
    ),
    "WINDOW_3_LIMIT_LO": Register(
        0x1B8,
        {
            "address": Field(0, 32, "rw"),
        },
    ),
    "WINDOW_3_LIMIT_HI": Register(
        0x1BC,
        {
            "address": Field(0, 32, "rw"),
        },
    ),
    "WINDOW_CTRL": Register(
        0x1C0,
        {
            "read": Field(0, 4, "rw"),
            "write": Field(8, 4, "rw"),
            "everything": Field(16, 1, "rw", 1),
        },
    ),
    "CONFIG_ROWS": Register(
        0x200,
        {
            "value": Field(0, 32, "ro"),
        },
    ),
    "CONFIG_COLS": Register(
        0x204,
        {
            "value": Field(0, 32, "ro"),
        },
    ),
    "CONFIG_A_FORMAT": Register(
        0x208,
        {
            "value": Field(0, 32, "ro"),
        },
    ),
    "CONFIG_B_FORMAT": Register(
        0x20C,
        {
            "value": Field(0, 32, "ro"),
        },
    ),
    "CONFIG_ACC_WIDTH": Register(
        0x210,
        {
            "value": Field(0, 32, "ro"),
        },
    ),
    "CONFIG_OUT_WIDTH": Register(
        0x214,
        {
            "value": Field(0, 32, "ro"),
        },
    ),
    "CONFIG_MAX_K": Register(
        0x218,
        {
            "value": Field(0, 32, "ro"),
        },
    ),
    "CONFIG_DATA_WIDTH": Register(
        0x21C,
        {
            "value": Field(0, 32, "ro"),
        },
    ),
    "CONFIG_ADDRESS_WIDTH": Register(
        0x220,
        {
            "value": Field(0, 32, "ro"),
        },
    ),
    "CONFIG_ID_WIDTH": Register(
        0x224,
        {
            "value": Field(0, 32, "ro"),
        },
    ),
    "CONFIG_BANK_BYTES": Register(
        0x228,
        {
            "value": Field(0, 32, "ro"),
        },
    ),
    "CONFIG_CELL": Register(
        0x22C,
        {
            "value": Field(0, 32, "ro"),
        },
    ),
    "CONFIG_PACK": Register(
        0x230,
        {
            "value": Field(0, 32, "ro"),
        },
    ),
    "CONFIG_RING": Register(
        0x234,
        {
            "value": Field(0, 32, "ro"),
        },
    ),
    "CONFIG_COUNTERS": Register(
        0x238,
        {
            "value": Field(0, 32, "ro"),
        },
    ),
    "CONFIG_WINDOWS": Register(
        0x23C,
        {
            "value": Field(0, 32, "ro"),
        },
    ),
    "CONFIG_MULTIPLIER_WIDTH": Register(
        0x240,
        {
            "value": Field(0, 32, "ro"),
        },
    ),
    "CONFIG_MAX_SHIFT": Register(
        0x244,
        {
            "value": Field(0, 32, "ro"),
        },
    ),
    "CONFIG_B_ZERO_POINTS": Register(
        0x248,
        {
            "value": Field(0, 32, "ro"),
        },
    ),
    "CONFIG_PIPELINE": Register(
        0x24C,
        {
            "value": Field(0, 32, "ro"),
        },
    ),
    "CONFIG_VECTOR_LANES": Register(
        0x250,
        {
            "value": Field(0, 32, "ro"),
        },
    ),
    "CONFIG_FUNCTIONS": Register(
        0x254,
        {
            "value": Field(0, 32, "ro"),
        },
    ),
    "CONFIG_IN_FORMAT": Register(
        0x258,
        {
            "value": Field(0, 32, "ro"),
        },
    ),
    "CONFIG_OUT_FORMAT": Register(
        0x25C,
        {
            "value": Field(0, 32, "ro"),
        },
    ),
    "CONFIG_COEFFICIENTS": Register(
        0x260,
        {
            "value": Field(0, 32, "ro"),
        },
    ),
    "CONFIG_GAMMA_FORMAT": Register(
        0x264,
        {
            "value": Field(0, 32, "ro"),
        },
    ),
    "CONFIG_BETA_FORMAT": Register(
        0x268,
        {
            "value": Field(0, 32, "ro"),
        },
    ),
    "CONFIG_MAX_LENGTH": Register(
        0x26C,
        {
            "value": Field(0, 32, "ro"),
        },
    ),
    "CONFIG_CONVOLUTION": Register(
        0x270,
        {
            "value": Field(0, 32, "ro"),
        },
    ),
    "CONFIG_DATAFLOW": Register(
        0x274,
        {
            "value": Field(0, 32, "ro"),
        },
    ),
    "CONFIG_DY_FORMAT": Register(
        0x278,
        {
            "value": Field(0, 32, "ro"),
        },
    ),
    "CONFIG_ACC_DEPTH": Register(
        0x27C,
        {
            "value": Field(0, 32, "ro"),
        },
    ),
    "CONFIG_X_DEPTH": Register(
        0x280,
        {
            "value": Field(0, 32, "ro"),
        },
    ),
    "CONFIG_W_DEPTH": Register(
        0x284,
        {
            "value": Field(0, 32, "ro"),
        },
    ),
    "CONFIG_C_DEPTH": Register(
        0x288,
        {
            "value": Field(0, 32, "ro"),
        },
    ),
    "CONFIG_SIZE_WIDTH": Register(
        0x28C,
        {
            "value": Field(0, 32, "ro"),
        },
    ),
    "CONFIG_STRIDE_WIDTH": Register(
        0x290,
        {
            "value": Field(0, 32, "ro"),
        },
    ),
    "CONFIG_ROW_SUM_WIDTH": Register(
        0x294,
        {
            "value": Field(0, 32, "ro"),
        },
    ),
}
