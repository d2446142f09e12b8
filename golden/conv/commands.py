"""What the hardware and those who write programs for it agree on."""

from gemmule.golden.common.codes import Code

__all__ = ["BANKS", "Opcode"]

BANKS = 2
"""Banks of an operand's buffer: one is loaded while the other is read."""


class Opcode(Code):
    """What a command of a convolution is; ``a`` is the streamed operand, ``b`` the other one."""

    PRODUCT = 0, "multiply: what a and b pass to the array, of these sizes, by these settings"
    A_PASS = 1, "walk over the oldest bank of the streamed operand, and pass the beats on"
    B_PASS = 2, "walk over the oldest bank of the other operand, and pass the beats on"
    A_LOAD = 3, "ask memory for vectors of the streamed operand, into its newest bank"
    B_LOAD = 4, "ask memory for vectors of the other operand, into its newest bank"
    PLACES = 5, "write the rows of the next product, or vectors to copy, to these places"
    FENCE = 6, "wait until all that was to be written is handed to memory; ends each program"
