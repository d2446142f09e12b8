"""Layers as CONVOLUTION commands, and the machine that carries them out."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.block import Arrays
from gemmule.gen.blocks.conv.convolution import ConvAdapter
from gemmule.gen.compile.convolution.layer import ConvRun
from gemmule.golden.conv.geometry import Geometry
from gemmule.golden.conv.hardware import ConvolutionHardware
from gemmule.golden.conv.records import UNIT, beat_units, command_units, packed
from gemmule.golden.soc.commands import Opcode
from gemmule.golden.soc.hardware import Hardware
from gemmule.golden.soc.machine import Machine
from gemmule.hw.conv.params import ConvParams, LayerParams
from gemmule.tb.conv.carried_out import carried_out, numbers
from gemmule.tb.conv.stimuli import stimulus
from gemmule.tb.soc.test_machine import BASE, SIZE, completions, machine, ring

__all__ = [
    "IMAGE",
    "LAYER",
    "PARAMS",
    "PROGRAM",
    "Placed",
    "command_of",
    "hardware_of",
    "made",
    "packed_program",
    "program_of",
    "run",
    "set_up",
    "small_layer",
]

PARAMS = ConvParams(rows=4, cols=3, x_depth=256, w_depth=64, acc_depth=32, acc_width=36)

LAYER = Geometry(batch=1, channels=5, filters=4, size=(5, 4), kernel=(2, 2), stride=2, padding=1)

IMAGE, PROGRAM = BASE + 0x1001, BASE + 0x2803
"""Where a layer's memory and its program lie: at no round address."""


class Placed(NamedTuple):
    """A layer's memory and its program, which counts addresses from the memory's first byte.

    ``commands`` and ``units`` are the command's ``n`` and ``m``: the units of the program's
    commands, and all of them. ``after`` is the memory when the program was carried out.
    """

    image: NDArray[np.uint8]
    program: bytes
    commands: int
    units: int
    after: NDArray[np.uint8]


def made(params: LayerParams, geometry: Geometry, **run: object) -> tuple[ConvRun, Arrays]:
    """Return the options and arrays of a run, in the formats that the hardware has."""
    options, arrays = stimulus(params, geometry, **run)
    for name in ("x", "w", "dy"):
        fmt = params.format_of(name) if params.AXES == 2 or name != "dy" else None
        for each in {name, f"{name}_zero_point"} & set(arrays):
            arrays[each] = arrays[each] + (0 if fmt.signed else 1 << fmt.width - 1)
    return options, arrays


def program_of(params: LayerParams, run: ConvRun, arrays: Arrays) -> Placed:
    """Compile a layer, and carry it out; what it gives is right, or an assertion fails."""
    job, unit = ConvAdapter().plan(params, run, arrays), params.golden
    commands, settings = numbers(unit, job)
    image = job.memory.image
    after = carried_out(unit, commands, settings, image)
    name = run.operation.result
    found = job.decode(job.results() | {"memory": after})[name]
    np.testing.assert_array_equal(found, job.golden[name])
    return packed_program(unit, commands, settings, image, after)


def packed_program(
    unit: ConvolutionHardware,
    commands: Sequence[int],
    settings: Sequence[int],
    image: NDArray[np.uint8],
    after: NDArray[np.uint8],
) -> Placed:
    """Lay out a program as memory holds it."""
    first = packed(commands, command_units(unit))
    program = first + packed(settings, beat_units(unit))
    return Placed(image, program, len(first) // UNIT, len(program) // UNIT, after)


@cache
def small_layer(op: str = "forward", method: str = "zero_free", filters: int = 4) -> Placed:
    """Return a layer of few products, of hardware of :data:`PARAMS`; one, if filters are few."""
    layer = replace(LAYER, filters=filters)
    made = stimulus(PARAMS, layer, op=op, method=method, scaling="column", zeros=True)
    return program_of(PARAMS, *made)


def hardware_of(params: LayerParams) -> Hardware:
    """Return an accelerator around a convolution unit."""
    names = ("acc_width", "out_width", "multiplier_width", "max_shift")
    return Hardware(
        a_format=params.x_format,
        b_format=params.w_format,
        **{name: getattr(params, name) for name in names},
        convolution=params.golden,
    )


def command_of(placed: Placed, image: int = IMAGE, program: int = PROGRAM) -> dict[str, int]:
    """Return the command, whose three regions are all of the layer's memory."""
    regions = dict.fromkeys(("a", "b", "c"), image)
    lengths = {f"{name}_stride": len(placed.image) for name in regions}
    sizes = {"m": placed.units, "n": placed.commands}
    return {"opcode": Opcode.CONVOLUTION, **regions, **lengths, **sizes, "settings": program}


def set_up(placed: Placed, params: LayerParams = PARAMS, size: int = SIZE) -> Machine:
    """Return a machine with the layer's memory and its program in its own."""
    made = machine(hardware_of(params), size)
    for at, octets in ((IMAGE, placed.image.tobytes()), (PROGRAM, placed.program)):
        made.memory.write(at, octets)
    return made


def run(made: Machine, command: dict[str, int]) -> dict[str, int]:
    """Carry out a command; return its completion."""
    index = made.read("COMPLETED")["commands"]
    ring(made, command)
    assert made.advance() == 1
    return completions(made)[index % 8]
