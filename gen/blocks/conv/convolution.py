"""The `conv2d` and `conv3d` blocks' arrays as beats, and their beats as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from amaranth import Shape
from numpy.typing import NDArray

from gemmule.gen.block import Array, Arrays, Beats, Block, Channel, Job, Memory
from gemmule.gen.compile.convolution.compiled import compiled, refuse
from gemmule.gen.compile.convolution.layer import ConvRun, VolumeRun
from gemmule.gen.compile.convolution.lower.target import Hardware
from gemmule.golden.common.formats import Format
from gemmule.golden.common.lanes import numbers_to_words, to_words
from gemmule.golden.common.memory import element_size
from gemmule.golden.conv.layout import command_width, lane, width
from gemmule.golden.conv.refusal import Refusal
from gemmule.hw.conv.control import program_status
from gemmule.hw.conv.convolution import Convolution, Volume
from gemmule.hw.conv.counters import COUNTS
from gemmule.hw.conv.params import ConvParams, LayerParams, VolumeParams

from .sheet import conv_sheet
from .timing.bus import Bus
from .timing.estimate import estimate_cycles
from .timing.operand_timing import Timing

__all__ = ["CONVOLUTIONS", "ConvAdapter", "timing_of"]


@dataclass(frozen=True)
class ConvAdapter:
    """Arrays of a convolution; ``lower`` makes the program."""

    Run: type[ConvRun] = ConvRun
    inputs: tuple[Array, ...] = (
        Array("x", "[N, C, H, W]", "--x-format", "input", optional=True),
        Array(
            "w",
            "[O, C/g, Kh, Kw]; transposed: [C, O/g, Kh, Kw]",
            "--w-format",
            "weights",
            optional=True,
        ),
        Array("dy", "[N, O, Ho, Wo]", "--dy-format", "gradient of the output", optional=True),
        Array("bias", "[channels of the result]", "s32", "added to the sums", optional=True),
        Array(
            "multiplier",
            "[1] or [channels]",
            "u(--multiplier-width)",
            "requantization",
            optional=True,
        ),
        Array("shift", "[1] or [channels]", "0..--max-shift", "requantization", optional=True),
        Array("zero_point", "[1]", "--c-format", "added after scaling", optional=True),
        Array("x_zero_point", "[1]", "--x-format", "what stands for 0 in x", optional=True),
        Array(
            "w_zero_point",
            "[1] or [channels]",
            "--w-format",
            "what stands for 0 in w",
            optional=True,
        ),
        Array("dy_zero_point", "[1]", "--dy-format", "what stands for 0 in dy", optional=True),
    )
    outputs: tuple[Array, ...] = (
        Array("y", "[N, O, Ho, Wo]", "--c-format", "of forward and transposed", optional=True),
        Array("dx", "[N, C, H, W]", "--c-format", "of input_grad", optional=True),
        Array("dw", "[O, C/g, Kh, Kw]", "--c-format", "of weight_grad", optional=True),
    )

    external_memory = True

    def check(self, params: LayerParams, run: ConvRun, arrays: Arrays) -> None:
        """Refuse a wrong layer and, by arithmetic on its sizes, too large sums and maps."""
        refuse(params.golden, run, arrays)

    def plan(self, params: LayerParams, run: ConvRun, arrays: Arrays) -> Job:
        """Compile the layer; its maps, and its result, lie in one memory.

        Only then, when nothing more can be refused, the golden model computes the result.
        """
        hardware = params.golden
        made = compiled(hardware, run, arrays, whole=True)
        layer, fmt = made.layer, made.layer.requantization.format
        timing = timing_of(params, fmt)
        written = params.written
        memory = Memory(
            made.image.bytes,
            (
                Channel("x_request", "x", params.rows, hardware.a_format.width),
                Channel("w_request", "w", params.cols, hardware.b_format.width),
                Channel("c_request", "c", written.length, Shape.cast(written.elem_shape).width),
            ),
        )

        def decode(received: dict[str, Beats]) -> dict[str, NDArray]:
            if fault := _refused(received["status"][0]):
                raise RuntimeError(f"the program was not carried out as it is: {fault}")
            return {run.operation.result: made.result(received["memory"].view(np.uint8))}

        def results() -> dict[str, NDArray]:
            known = {"command": len(made.commands) - 1}
            fields = [([known.get(name, 0)], field.width) for name, field in program_status()]
            return {"status": to_words(*fields), "memory": made.after}

        send = {
            "command": _packet(made.commands, command_width(hardware)),
            "scale": _packet(made.settings, hardware.cols * width(lane(hardware))),
        }
        return Job(
            send=send,
            receive={"status": 1, "counters": 1},
            decode=decode,
            golden={run.operation.result: layer.golden.astype(fmt.dtype)},
            results=results,
            macs=layer.geometry.macs,
            peak_macs_per_cycle=params.rows * params.cols,
            memory=memory,
            counters={"products": len(made.products)},
            count=_counted,
            estimates=lambda memory: {
                "modeled_cycles": estimate_cycles(
                    made.steps, timing, Bus(memory.width, memory.latency), made.order
                )
            },
            # A long product may leave memory alone.
            patience=Job.patience + max(each.k * each.m // params.rows for each in made.products),
        )


def timing_of(params: LayerParams, fmt: Format) -> Timing:
    """Return what the cycle model wants to know of the hardware, with results of a format."""
    core = params.core
    sizes = (1 << element_size(f.width) for f in (core.a_format, core.b_format, fmt))
    return Timing(Hardware.of(params.golden), core.result_latency, core.capacity, *sizes)


def _packet(numbers: Sequence[int], bits: int) -> Beats:
    """Return the beats of a packet: numbers of so many bits, and a bit above that ends it."""
    *most, final = numbers
    return numbers_to_words([*most, final | 1 << bits], bits + 1)


def _counted(received: dict[str, Beats]) -> dict[str, int]:
    """Return what the hardware counted, in vectors."""
    (beat,) = received["counters"]
    return dict(zip(COUNTS, map(int, beat[: len(COUNTS)]), strict=True))


def _refused(word: NDArray[np.uint32]) -> str:
    """Return what a word of ``status`` says, or nothing if all is well."""
    status = program_status()
    number = int.from_bytes(word.tobytes(), "little")
    fields = {name: number >> field.offset & (1 << field.width) - 1 for name, field in status}
    command = fields.pop("command")
    if not any(fields.values()):
        return ""
    return f"at command {command}, {Refusal.of(fields['refused']).text}; {fields}"


_VOLUMES = {
    "x": "[N, C, D, H, W]",
    "w": "[O, C/g, Kd, Kh, Kw]; transposed: [C, O/g, Kd, Kh, Kw]",
}

_VOLUME = ConvAdapter(
    Run=VolumeRun,
    inputs=tuple(
        replace(array, shape=_VOLUMES.get(array.name, array.shape))
        for array in ConvAdapter.inputs
        if not array.name.startswith("dy")
    ),
    outputs=(Array("y", "[N, O, Do, Ho, Wo]", "--c-format", "the result"),),
)

CONVOLUTIONS = (
    Block(
        "conv2d",
        "Convolve in two dimensions, forward and for both gradients, and requantize.",
        ConvParams,
        Convolution,
        ConvAdapter(),
        sheet=conv_sheet,
    ),
    Block(
        "conv3d",
        "Convolve in three dimensions, forward and transposed, and requantize.",
        VolumeParams,
        Volume,
        _VOLUME,
        sheet=conv_sheet,
    ),
)
