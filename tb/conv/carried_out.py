"""Programs that the compiler makes, as numbers, and carried out by the golden model of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.block import Beats, Job
from gemmule.golden.common.memory import Region
from gemmule.golden.conv.commands import Opcode
from gemmule.golden.conv.hardware import ConvolutionHardware
from gemmule.golden.conv.layout import KIND, command_width, contents, decoded, flat, lane, width
from gemmule.golden.conv.program import run
from gemmule.golden.conv.refusal import Refusal
from gemmule.golden.soc.memory import MemoryImage

__all__ = ["ALONE", "agree", "carried_out", "fields_of", "numbers", "patched"]

ALONE = tuple(each for each in Refusal if Refusal.NONE < each <= Refusal.LENGTH)
"""What is wrong with a command by itself, whose number is told."""


def numbers(hardware: ConvolutionHardware, job: Job) -> tuple[list[int], list[int]]:
    """Return the bits of a job's commands, and those of its beats of settings."""
    widths = {"command": command_width(hardware), "scale": hardware.cols * width(lane(hardware))}
    commands, settings = (_cut(job.send[name], bits) for name, bits in widths.items())
    return commands, settings


def carried_out(
    hardware: ConvolutionHardware,
    commands: Sequence[int],
    settings: Sequence[int],
    image: NDArray[np.uint8],
) -> NDArray[np.uint8]:
    """Return what memory is after a program whose three regions are all of it."""
    after = image.copy()
    whole = Region(MemoryImage(after), 0, after.size)
    run(hardware, commands, settings, whole, whole, whole)
    return after


def agree(golden: tuple[Refusal, int], hardware: tuple[Refusal, int]) -> bool:
    """Tell whether both say the same of a program, or hardware met another wrong thing before.

    Each says why it is refused, and at which command. What several commands bring about takes its
    time: a later command may be wrong by itself, or a product without settings, and passes that go
    on too long may leave their bank. Hardware keeps few commands that wait for one that is
    missing: it may be stuck at an earlier one. It sees that a request leaves its region two cycles
    after it counts the requests.
    """
    (why, at), (other, number) = golden, hardware
    if why in ALONE:
        return golden == hardware
    later = why != Refusal.NONE and other in (*ALONE, Refusal.PACKET)
    beyond = why in (Refusal.PASSES, Refusal.PLACES) and other == Refusal.ADDRESS
    counted = why == Refusal.REGION and other == Refusal.REQUESTS
    return (other == why or later or beyond or counted) and (
        number >= at or other == why == Refusal.STUCK
    )


def fields_of(hardware: ConvolutionHardware, command: int) -> dict[str, Any]:
    """Return the numbers of a command."""
    return decoded(contents(hardware)[_kind(command)], command >> KIND.width)


def patched(hardware: ConvolutionHardware, command: int, fields: Mapping[str, int]) -> int:
    """Overwrite some fields of a command, named by their paths, modulo their widths."""
    at = KIND.width
    for name, number in flat(contents(hardware)[_kind(command)]):
        if name in fields:
            mask = (1 << number.width) - 1
            command = command & ~(mask << at) | (fields[name] & mask) << at
        at += number.width
    return command


def _kind(command: int) -> Opcode:
    return Opcode.of(decoded(KIND, command))


def _cut(beats: Beats, bits: int) -> list[int]:
    """Return each beat's low bits: ``last`` is above them."""
    return [int.from_bytes(beat.tobytes(), "little") & (1 << bits) - 1 for beat in beats]
