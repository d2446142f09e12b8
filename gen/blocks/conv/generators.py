"""The address generators as blocks: a layer's shape in, the addresses of its operand out."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from math import prod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.block import Array, Arrays, Beats, Block, Job
from gemmule.gen.blocks.common.status import clean_status
from gemmule.gen.compile.convolution.encode_walk import decode, encode
from gemmule.gen.compile.convolution.lower.views import gradient, im2col, loss, phases, repeated
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.lanes import last_of, to_words
from gemmule.golden.common.options import Options, flag, option
from gemmule.golden.conv.geometry import Geometry
from gemmule.golden.conv.operation import Method
from gemmule.golden.conv.pattern import Walk
from gemmule.golden.conv.refusal import WalkRefusal
from gemmule.hw.conv.walk_params import BpParams, GeneratorParams
from gemmule.hw.conv.walker import BpIm2col, Im2col, Walker, ZeroFree

from .walk_sheet import bp_im2col_sheet, im2col_sheet, zero_free_sheet

__all__ = ["GENERATORS", "BpRun", "LayerRun", "WalkAdapter", "ZeroFreeRun"]


MOST_BEATS = 1 << 27
"""Beats of a run, of which each is an address of 8 bytes in what comes out."""


@dataclass(frozen=True, kw_only=True)
class LayerRun(Options):
    """The layer whose operand is walked over."""

    batch: int = option(1, low=1, help="items of the batch")
    blocks: int = option(1, low=1, help="blocks of channels, each a vector a pixel")
    size: tuple[int, ...] = option((8, 8), low=1, help="sides of the layer's input")
    kernel: tuple[int, ...] = option((3,), low=1, help="sides of the kernel")
    stride: tuple[int, ...] = option((1,), low=1, help="strides")
    padding: tuple[int, ...] = option((0,), low=0, help="padding, begins first, then ends")
    dilation: tuple[int, ...] = option((1,), low=1, help="dilation of the kernel")

    @property
    def geometry(self) -> Geometry:
        """The layer, of one channel a block."""
        return Geometry(
            batch=self.batch,
            channels=1,
            filters=1,
            size=self.size,
            kernel=self.kernel,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
        )

    @property
    def vectors(self) -> int:
        """The vectors of the map that is walked over: the input's, or else the output's."""
        return self.batch * self.blocks * prod(self.geometry.size)

    def walks(self) -> Iterator[Walk]:
        """Yield the walk of forward, or of ``x`` of the weight gradient."""
        yield im2col(self.geometry, self.blocks).walk


@dataclass(frozen=True, kw_only=True)
class GradientRun(LayerRun):
    """As :class:`LayerRun`, of which the output's gradient is walked over."""

    METHOD: ClassVar[Method]

    mode: str = option(
        "transposed", choices=("transposed", "dilated"), help="for the loss, or for the gradient"
    )

    @property
    def vectors(self) -> int:
        return self.batch * self.blocks * prod(self.geometry.out)

    def walks(self) -> Iterator[Walk]:
        """Yield the walks for the loss, or pixel by pixel of one block for the gradient."""
        geometry, method, blocks = self.geometry, self.METHOD, self.blocks
        if self.mode == "dilated":
            yield repeated(gradient(geometry, method, blocks).walk, 1)
        elif method is Method.ZERO_FREE:
            yield from (phase.view.walk for phase in phases(geometry, blocks) if phase.view)
        else:
            yield loss(geometry, method, blocks).walk


@dataclass(frozen=True, kw_only=True)
class BpRun(GradientRun):
    """As :class:`GradientRun`, walked over with inserted zeros."""

    METHOD: ClassVar[Method] = Method.BP_IM2COL


@dataclass(frozen=True, kw_only=True)
class ZeroFreeRun(GradientRun):
    """As :class:`GradientRun`, walked over phase by phase, or pixel by pixel."""

    METHOD: ClassVar[Method] = Method.ZERO_FREE


@dataclass(frozen=True)
class WalkAdapter:
    """Turns a layer's shape into walks, and beats into ``address`` and ``real``."""

    Run: type[LayerRun]
    inputs: tuple[Array, ...] = ()
    outputs: tuple[Array, ...] = (
        Array("address", "[beats]", "unsigned", "the vector's address; of no meaning if masked"),
        Array("real", "[beats]", "bool", "0: padding or an inserted zero"),
    )

    def check(self, params: GeneratorParams, run: LayerRun, arrays: Arrays) -> None:
        """Refuse numbers too large to count to, maps too large to address, too many beats."""
        most = 1 << params.size_width
        for each in fields(LayerRun):
            value = getattr(run, each.name)
            largest = max(value) if isinstance(value, tuple) else value
            if largest > most:
                raise UsageError(
                    f"{flag(each.name)} must be at most {most}, what --size-width"
                    f" {params.size_width} counts to, not {largest}"
                )
        geometry, vectors = run.geometry, run.vectors
        if vectors > 1 << params.address_width:
            raise UsageError(
                f"--address-width {params.address_width} holds addresses below "
                f"{1 << params.address_width}, but the map has {vectors} vectors"
            )
        beats = run.batch * run.blocks * prod(geometry.out) * geometry.taps
        if beats > MOST_BEATS:
            raise UsageError(f"the walk takes {beats} beats; a run may take {MOST_BEATS}")

    def plan(self, params: GeneratorParams, run: LayerRun, arrays: Arrays) -> Job:
        """Lay out one beat a walk; the golden model is ``Walk.beats``."""
        self.check(params, run, arrays)
        walks = list(run.walks())
        if not walks:
            raise UsageError(f"--kernel {run.kernel[0]}: no tap meets a pixel, there is no walk")
        made = [walk.beats() for walk in walks]
        real = np.concatenate([keep for _, keep in made])
        address = np.concatenate([at for at, _ in made])
        if (address[real] >> params.address_width).any():
            raise UsageError(
                f"--address-width {params.address_width} holds addresses below "
                f"{1 << params.address_width}, not {address[real].max()}"
            )
        count = len(address)

        def outputs(beats: dict[str, Beats]) -> dict[str, NDArray]:
            if beats["status"].any():
                codes = sorted({WalkRefusal.of(word & 3).text for word in beats["status"][:, 0]})
                raise RuntimeError(f"a walk was not carried out as it is: {codes}")
            at, keep, _ = decode(beats["o"], params.golden)
            return {"address": at, "real": keep}

        def results() -> dict[str, NDArray]:
            ends = np.concatenate([last_of(len(at)) for at, _ in made])
            width = params.address_width
            return {
                "o": to_words((address % (1 << width), width), (real, 1), (ends, 1)),
                **clean_status(Walker, params, len(walks)),
            }

        golden = {"address": address % (1 << params.address_width), "real": real}
        return Job(
            send={"walk": encode(walks, params.golden, [run.vectors] * len(walks))},
            receive={"o": count, "status": len(walks)},
            decode=outputs,
            golden=golden,
            results=results,
            counters={"masked": int(count - real.sum()), "walks": len(walks)},
        )


GENERATORS = (
    Block(
        "im2col",
        "Generate im2col's addresses, forward: one a cycle, padding as a mask.",
        GeneratorParams,
        Im2col,
        WalkAdapter(LayerRun),
        sheet=im2col_sheet,
    ),
    Block(
        "zero_free",
        "Generate a gradient's addresses, with no inserted zeros: one a cycle.",
        GeneratorParams,
        ZeroFree,
        WalkAdapter(ZeroFreeRun),
        sheet=zero_free_sheet,
    ),
    Block(
        "bp_im2col",
        "Generate a gradient's addresses, inserted zeros masked: one a cycle.",
        BpParams,
        BpIm2col,
        WalkAdapter(BpRun),
        sheet=bp_im2col_sheet,
    ),
)
