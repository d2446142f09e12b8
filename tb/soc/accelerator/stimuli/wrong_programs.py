"""Programs of layers with something wrong, which the unit finds out while it carries them out."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from gemmule.golden.conv.hardware import ConvolutionHardware
from gemmule.golden.conv.layout import KIND, Number, command_width, contents, decoded, flat
from gemmule.tb.conv.carried_out import patched

from .layers import Program

__all__ = ["WRONG", "spoiled"]


def _field(unit: ConvolutionHardware, program: Program, rng: np.random.Generator) -> Program:
    """Change one field of a command, or two, to an end of its range, its neighbor, or any value."""
    commands = list(program.commands)
    at = int(rng.integers(len(commands)))
    for _ in range(1 + (rng.random() < 0.3)):
        names = _fields(unit, commands[at])
        if names:
            name, number = names[int(rng.integers(len(names)))]
            any_value = int.from_bytes(rng.bytes(8), "little") >> int(rng.integers(64))
            value = int(rng.choice(np.array([0, 1, -1, 1 << number.width - 1, any_value], object)))
            commands[at] = patched(unit, commands[at], {name: value})
    return replace(program, commands=tuple(commands))


def _fields(unit: ConvolutionHardware, command: int) -> Sequence[tuple[str, Number]]:
    return list(flat(contents(unit)[decoded(KIND, command)]))


def _bit(unit: ConvolutionHardware, program: Program, rng: np.random.Generator) -> Program:
    """Flip a bit of a command, its kind among them."""
    commands = list(program.commands)
    at = int(rng.integers(len(commands)))
    most = KIND.width if rng.random() < 0.3 else command_width(unit)
    commands[at] ^= 1 << int(rng.integers(most))
    return replace(program, commands=tuple(commands))


def _cut(unit: ConvolutionHardware, program: Program, rng: np.random.Generator) -> Program:
    """Leave out commands at the end."""
    return replace(
        program, commands=program.commands[: int(rng.integers(1, len(program.commands)))]
    )


def _without(unit: ConvolutionHardware, program: Program, rng: np.random.Generator) -> Program:
    """Leave out one command."""
    at = int(rng.integers(len(program.commands)))
    return replace(program, commands=program.commands[:at] + program.commands[at + 1 :])


def _twice(unit: ConvolutionHardware, program: Program, rng: np.random.Generator) -> Program:
    """Say a command twice."""
    at = int(rng.integers(len(program.commands)))
    return replace(program, commands=program.commands[: at + 1] + program.commands[at:])


def _settings(unit: ConvolutionHardware, program: Program, rng: np.random.Generator) -> Program:
    """Leave out settings of the last products, or all of them."""
    return replace(program, settings=program.settings[: int(rng.integers(len(program.settings)))])


def _region(unit: ConvolutionHardware, program: Program, rng: np.random.Generator) -> Program:
    """Cut a region, by a byte or by any number of them."""
    pieces = list(program.pieces)
    at = int(rng.integers(len(pieces)))
    regions = dict(pieces[at].regions)
    side = str(rng.choice(sorted(regions)))
    region = regions[side]
    length = len(region) - 1 if rng.random() < 0.3 else int(rng.integers(len(region)))
    regions[side] = range(region.start, region.start + max(length, 1))
    pieces[at] = replace(pieces[at], regions=regions)
    return replace(program, pieces=tuple(pieces))


WRONG: dict[str, Callable[[ConvolutionHardware, Program, np.random.Generator], Program]] = {
    "field": _field,
    "bit": _bit,
    "cut": _cut,
    "without": _without,
    "twice": _twice,
    "settings": _settings,
    "region": _region,
}
"""What is made of a program; now and then what comes of it is legal."""


def spoiled(
    unit: ConvolutionHardware, program: Program, rng: np.random.Generator
) -> tuple[str, Program]:
    """Return a program with something wrong, and what, a name of :data:`WRONG`.

    Of the program no region that is read may be written, so that its results do not depend on
    time.
    """
    assert not program.shares
    how = str(rng.choice([*WRONG, "field", "field"]))
    return how, WRONG[how](unit, program, rng)
