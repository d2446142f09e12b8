"""Programs of a convolution as beats, and what can be made of them: the stuff of fault tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from gemmule.gen.block import Beats, Memory
from gemmule.gen.blocks.conv.convolution import CONVOLUTIONS, ConvAdapter
from gemmule.gen.compile.convolution.encode import pass_fields
from gemmule.gen.compile.convolution.lower.program import Pass
from gemmule.gen.verilog.manifest import StreamInfo
from gemmule.gen.verilog.ports import streams
from gemmule.golden.common.lanes import rows_to_words
from gemmule.golden.conv.commands import Opcode
from gemmule.golden.conv.geometry import Geometry
from gemmule.hw.conv.params import ConvParams
from gemmule.hw.conv.walk_params import BpParams
from gemmule.tb.conv.stimuli import stimulus

from .watched import ROOM

__all__ = ["PARAMS", "Program", "bits", "fields_of", "find", "pass_beats", "patched", "plan"]

PARAMS = ConvParams(rows=4, cols=3, x_depth=256, w_depth=64, acc_depth=32, acc_width=36)


_SHAPE = {
    "batch": 1,
    "channels": 5,
    "filters": 4,
    "size": (5, 4),
    "kernel": (2, 2),
    "stride": 2,
    "padding": 1,
}


@dataclass(frozen=True)
class Program:
    """The packets of a program: of each beat of ``command`` its number, and the scales' beats."""

    commands: tuple[int, ...]
    scale: np.ndarray
    memory: Memory
    job: object

    def kind(self, at: int) -> int:
        """Return the opcode of the command at position ``at``."""
        return self.commands[at] & 7

    def replaced(self, at: int, command: int) -> "Program":
        """Return a copy with another command at ``at``; the packet ends where it did."""
        keep = self.commands[at] & _last()
        commands = list(self.commands)
        commands[at] = command & (_last() - 1) | keep
        return replace(self, commands=tuple(commands))


def plan(
    op: str, method: str = "zero_free", at: int = 0, params: ConvParams = PARAMS, **shape: object
) -> Program:
    """Plan a small layer; its maps lie in memory from address ``at`` on."""
    layer = Geometry(**_SHAPE | shape)
    run, arrays = stimulus(params, layer, op=op, method=method, scaling="column", zeros=True)
    job = ConvAdapter().plan(params, run, arrays)
    numbers = [int.from_bytes(beat.tobytes(), "little") for beat in job.send["command"]]
    moved = [_moved(number, at) for number in numbers]
    return Program(tuple(moved), job.send["scale"], job.memory, job)


def _moved(command: int, by: int) -> int:
    """Return the command with its address, if it has one, moved up ``by`` so many bytes."""
    names = {Opcode.A_LOAD: "base", Opcode.B_LOAD: "base", Opcode.PLACES: "walk.origin.step"}
    name = names.get(command & 7)
    return patched(command, {name: bits(command, name) + by}) if name else command


@cache
def _stream() -> StreamInfo:
    (command,) = (
        each for each in streams(CONVOLUTIONS[0].component(PARAMS)) if each.name == "command"
    )
    return command


def _last() -> int:
    return 1 << _stream().width - 1


@cache
def fields_of(kind: int) -> Mapping[str, tuple[int, int]]:
    """Return the offset and width of each number in a kind of command, by the manifest."""
    (variant,) = (each for each in _stream().variants if each.kind.value == kind)
    return {
        each.name + (f".{lane}" if each.lanes > 1 else ""): (
            each.offset + lane * each.width,
            each.width,
        )
        for each in variant.fields
        for lane in range(each.lanes)
    }


def bits(command: int, name: str) -> int:
    """Read a field of a command."""
    offset, width = fields_of(command & 7)[name]
    return command >> offset & (1 << width) - 1


def patched(command: int, fields: Mapping[str, int]) -> int:
    """Overwrite some fields of a command, modulo their widths."""
    for name, value in fields.items():
        offset, width = fields_of(command & 7)[name]
        mask = (1 << width) - 1 << offset
        command = command & ~mask | value << offset & mask
    return command


def find(program: Program, kind: Opcode, number: int = 0) -> int:
    """Return the position of the program's command number ``number`` of a kind."""
    return [at for at in range(len(program.commands)) if program.kind(at) == kind][number]


def image_of(programs: Mapping[int, Program]) -> np.ndarray:
    """Fill a memory with the maps of programs, each from its address on."""
    image = np.full(2 * ROOM + (1 << 14), 0x5A, np.uint8)
    for at, program in programs.items():
        image[at : at + len(program.memory.image)] = program.memory.image
    return image


def pass_beats(passes: Sequence[Pass], params: BpParams, width: int) -> Beats:
    """Encode passes as an operand buffer takes them, of a format of ``width`` bits."""
    return rows_to_words([pass_fields(each, params.golden, width) for each in passes])
