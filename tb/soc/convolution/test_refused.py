"""What of CONVOLUTION commands is refused before anything is read, and what just is not."""

from dataclasses import replace

import numpy as np
import pytest

from gemmule.golden.soc.commands import Cause, Flags
from gemmule.golden.soc.machine import Machine
from gemmule.tb.soc.test_machine import BASE, SIZE

from .common import IMAGE, PROGRAM, command_of, run, set_up, small_layer

END = BASE + SIZE
LAST = (1 << 40) - 1

WRONG = {
    "version": ({"version": 0}, Cause.VERSION, 0),
    "raw": ({"flags": Flags.RAW}, Cause.RESERVED, 0),
    "raw without settings": ({"flags": Flags.RAW, "settings": 0}, Cause.RESERVED, 0),
    "flags": ({"flags": 8}, Cause.RESERVED, 0),
    "k": ({"k": 1}, Cause.RESERVED, 0),
    "sizes": ({"sizes": 12}, Cause.RESERVED, 0),
    "m": ({"m": 0}, Cause.SIZE, 0),
    "n": ({"n": 0}, Cause.SIZE, 0),
    "more commands than units": ({"m": 7, "n": 8}, Cause.SIZE, 0),
    "an empty region a": ({"a_stride": 0}, Cause.SIZE, 0),
    "an empty region b": ({"b_stride": 0}, Cause.SIZE, 0),
    "an empty region c": ({"c_stride": 0}, Cause.SIZE, 0),
    "c_size": ({"c_size": 1}, Cause.C_SIZE, 0),
    "wait": ({"wait": 9}, Cause.COUNTER, 0),
    "signal": ({"signal": 9}, Cause.COUNTER, 0),
    "a below": ({"a": BASE - 1}, Cause.WINDOW, BASE - 1),
    "b above": ({"b": END - 9, "b_stride": 10}, Cause.WINDOW, END - 9),
    "b as long as can be": ({"b_stride": -1}, Cause.WINDOW, IMAGE),
    "c is not to be written": ({"c": BASE + 0x1FF8, "c_stride": 9}, Cause.WINDOW, BASE + 0x1FF8),
    "a wraps": ({"a": LAST, "a_stride": 2}, Cause.WINDOW, LAST),
    "program": ({"m": 4, "n": 1, "settings": END - 63}, Cause.WINDOW, END - 63),
    "lowest number of several": ({"m": 0, "c_size": 3, "wait": 9, "a": 0}, Cause.SIZE, 0),
    "a before b": ({"a": 5, "b": 3, "settings": 0}, Cause.WINDOW, 5),
    "b before c": ({"b": 3, "c": 0, "settings": 0}, Cause.WINDOW, 3),
    "c before the program": ({"c": 8, "settings": 0}, Cause.WINDOW, 8),
}
"""A change of a command, and what becomes of it: its cause and address."""

LEGAL = {
    "a ends with the window": {"a": END - 9, "a_stride": 9},
    "b ends with the window": {"b": END - 9, "b_stride": 9},
    "c ends with the window": {"c": BASE + 0x1FF8, "c_stride": 8},
    "the program ends with the window": {"m": 4, "n": 1, "settings": END - 64},
}


def windowed() -> Machine:
    """Return a machine that may read all of its memory, and write up to 0x2000."""
    made = set_up(small_layer())
    for n, (low, high) in enumerate([(BASE, END - 1), (BASE, BASE + 0x1FFF)]):
        made.write(f"WINDOW_{n}_BASE_LO", {"address": low})
        made.write(f"WINDOW_{n}_LIMIT_LO", {"address": high})
    made.write("WINDOW_CTRL", {"read": 1, "write": 2, "everything": 0})
    return made


@pytest.mark.parametrize("case", WRONG)
def test_wrong_commands_are_refused(case):
    change, cause, address = WRONG[case]
    made = windowed()
    before = made.memory.octets[0x1000:].copy()
    given = command_of(small_layer()) | {"sequence": 77, "signal": 2} | change
    record = run(made, given)
    assert record == {
        "index": 1, "sequence": 77, "cause": cause, "opcode": 3, "address": address
    }  # fmt: skip
    np.testing.assert_array_equal(made.memory.octets[0x1000:], before)
    assert made.read("ERROR") == {"cause": cause, "unit": 0, "sequence": 77, "address": address}


@pytest.mark.parametrize("case", LEGAL)
def test_regions_may_go_to_the_edges_of_windows(case):
    """The program is none there: that it is found out is the unit's doing."""
    made = windowed()
    empty = {"m": 1, "n": 1, "settings": PROGRAM - 16}
    given = command_of(small_layer()) | empty | LEGAL[case]
    assert run(made, given)["cause"] == Cause.PROGRAM
    assert made.read("ERROR")["unit"] == 3


def test_without_the_unit_there_is_no_such_command():
    made = set_up(small_layer())
    made.hardware = replace(made.hardware, convolution=None)
    assert run(made, command_of(small_layer()))["cause"] == Cause.OPCODE
