"""Layers as CONVOLUTION commands of the golden machine."""

import numpy as np
import pytest

from gemmule.golden.conv.geometry import Geometry
from gemmule.golden.soc.commands import Cause
from gemmule.golden.soc.machine import Machine
from gemmule.hw.conv.params import VolumeParams
from gemmule.tb.conv.stimuli import stimulus
from gemmule.tb.soc.test_machine import BASE, completions, ring

from .common import (
    IMAGE,
    PROGRAM,
    Placed,
    command_of,
    program_of,
    run,
    set_up,
    small_layer,
)

LAYERS = [
    (op, method)
    for op in ("forward", "transposed", "input_grad", "weight_grad")
    for method in ("zero_free", "bp_im2col", "explicit")
    if op != "forward" or method == "zero_free"
]


def check(made: Machine, placed: Placed) -> None:
    """Compare the layer's memory; nothing else of memory was written."""
    memory = made.memory.octets[0x1000:]
    wanted = memory.copy()
    for at, octets in ((IMAGE, placed.after), (PROGRAM, np.frombuffer(placed.program, np.uint8))):
        wanted[at - BASE - 0x1000 :][: len(octets)] = octets
    np.testing.assert_array_equal(memory, wanted)


@pytest.mark.parametrize(("op", "method"), LAYERS)
def test_layers(op, method):
    placed = small_layer(op, method)
    made = set_up(placed)
    before = made.memory.octets[0x1000:].copy()
    record = run(made, command_of(placed) | {"sequence": 5, "signal": 2})
    assert record == {"index": 1, "sequence": 5, "cause": 0, "opcode": 3, "address": 0}
    assert (made.memory.octets[0x1000:] != before).any()
    check(made, placed)
    assert not made.read("IRQ_STATUS")["error"]


def test_volumes():
    params = VolumeParams(rows=2, cols=2, x_depth=512, w_depth=64, acc_depth=32)
    layer = Geometry(
        batch=1, channels=2, filters=4, size=(3, 3, 3), kernel=(3, 3, 3), stride=2, padding=1,
        groups=2,
    )  # fmt: skip
    placed = program_of(params, *stimulus(params, layer, scaling="tensor"))
    made = set_up(placed, params, 1 << 16)
    assert run(made, command_of(placed))["cause"] == Cause.NONE
    check(made, placed)


def test_layers_in_a_chain():
    """Two commands, the second one behind the first one's signal, which reads what that wrote."""
    placed = small_layer("weight_grad", "explicit")
    made, command = set_up(placed), command_of(placed)
    ring(made, command | {"signal": 1}, command | {"wait": 1, "wait_value": 1})
    assert made.advance() == 2
    assert [each["cause"] for each in completions(made)[:2]] == [0, 0]
    check(made, placed)
