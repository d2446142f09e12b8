"""Why a convolution's program is refused, and why an address generator's walk is."""

from gemmule.golden.common.codes import Code

__all__ = ["ProgramError", "Refusal", "WalkRefusal"]


class Refusal(Code):
    """Why the rest of a program was dropped: what was wrong with a command, or came of several."""

    NONE = 0, "carried out"
    KIND = 1, "there is no such kind of command"
    END = 2, "the last command of a program is not a fence"
    SIZE = 3, "m, n or k of a product is 0, or n is more than the columns"
    DATAFLOW = 4, "the dataflow of a product is not built in"
    SETTINGS = (
        5,
        "low of a product is above high, a setting is below all results, or its rounding is none",
    )
    WALK = 6, "a walk has a spread of 0, or a remainder that is not below its spread"
    LOAD = 7, "a load has a 0 where it counts, or asks for more than a bank or a square holds"
    LENGTH = 8, "the length of places is 0 or more than their lanes, or their size larger than any"
    REQUESTS = 9, "the loops of a load make fewer or more requests than it says"
    BANK = 10, "loads brought more vectors into a bank than it holds"
    ADDRESS = 11, "a pass read a vector that was not loaded into its bank"
    PASSES = 12, "the passes of a product ended before it had its beats, or went on after them"
    PLACES = 13, "the places of a packet are fewer or more than its vectors"
    PACKET = 14, "a packet of x or w was too short or too long, or one of scale too short"
    STUCK = 15, "nothing could move: a bank, a pass, a product or places were waited for in vain"
    TIME = 16, "the program took longer than its cycles can be counted"
    REGION = 17, "a request leaves the region of memory that its operand was given"


class ProgramError(Exception):
    """A program that was refused: why, and the number of the ``command`` at which that was found.

    The number is the hardware's where a command is wrong by itself. Of what several brought about
    it is that of the next command here; the hardware may have begun a few more by then.
    """

    def __init__(self, refusal: Refusal, command: int = 0):
        super().__init__(refusal.text)
        self.refusal = refusal
        self.command = command


class WalkRefusal(Code):
    """What was wrong with a walk."""

    NONE = 0, "carried out"
    SPREAD = 1, "a spread is 0, or a remainder is not below its spread; the walk had no beats"
    OUTSIDE = 2, "addresses beyond the map's vectors were met; their beats were masked"
