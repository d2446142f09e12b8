"""The `conv2d` and `conv3d` blocks' arrays as beats, and their beats as arrays."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.block import Array, Arrays, Beats, Block, Job
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.lanes import pack, unpack
from gemmule.golden.conv.cycles import model
from gemmule.golden.conv.geometry import needed_width
from gemmule.golden.conv.operations import products, result, table_shape
from gemmule.golden.conv.program import Hardware, Pass, Product
from gemmule.golden.systolic.beats import DIM_WIDTH
from gemmule.hw.conv.convolution import Convolution, Kind, Volume, command_layout
from gemmule.hw.conv.params import BpParams, ConvParams, VolumeParams

from .layer import OPERANDS, ConvRun, Layer, VolumeRun
from .walks import fields

__all__ = ["CONVOLUTIONS", "ConvAdapter", "pass_beats"]


@dataclass(frozen=True)
class ConvAdapter:
    """Arrays of a convolution; ``golden.conv.operations`` has the program."""

    Run: type[ConvRun] = ConvRun
    inputs: tuple[Array, ...] = (
        Array("x", "[N, C, H, W]", "--x-format", "input", optional=True),
        Array("w", "[O, C/g, Kh, Kw]; transposed: [C, O/g, Kh, Kw]", "--w-format", "weights",
              optional=True),
        Array("dy", "[N, O, Ho, Wo]", "--dy-format", "gradient of the output", optional=True),
        Array("bias", "[channels of the result]", "s32", "added to the sums", optional=True),
        Array("multiplier", "[1] or [channels]", "u(--multiplier-width)", "requantization",
              optional=True),
        Array("shift", "[1] or [channels]", "0..--max-shift", "requantization", optional=True),
        Array("zero_point", "[1]", "--c-format", "added after scaling", optional=True),
        Array("x_zero_point", "[1]", "--x-format", "what stands for 0 in x", optional=True),
        Array("w_zero_point", "[1] or [channels]", "--w-format", "what stands for 0 in w",
              optional=True),
        Array("dy_zero_point", "[1]", "--dy-format", "what stands for 0 in dy", optional=True),
    )  # fmt: skip
    outputs: tuple[Array, ...] = (
        Array("y", "[N, O, Ho, Wo]", "--c-format", "of forward and transposed", optional=True),
        Array("dx", "[N, C, H, W]", "--c-format", "of input_grad", optional=True),
        Array("dw", "[O, C/g, Kh, Kw]", "--c-format", "of weight_grad", optional=True),
    )

    def plan(self, params: ConvParams, run: ConvRun, arrays: Arrays) -> Job:
        """Cut the layer to the hardware, lay out its loads, passes and products."""
        layer = Layer.check(params, run, arrays)
        hardware = Hardware(
            params.rows, params.cols, params.x_depth, params.w_depth, params.acc_depth,
            cascade=params.core.drains_down,
        )  # fmt: skip
        made = list(
            products(run.op, run.method, layer.geometry, layer.a, layer.b, layer.zeros, hardware)
        )
        _check_sums(params, layer, made)
        _check_banks(params, made)
        core = params.core
        fmt = layer.requantization.format
        scale = partial(_column_scales, layer)
        send = {
            "command": _commands(params, layer, made),
            "x": _loads([v for p in made for v in p.a_loads], core.a_format.width),
            "w": _loads([v for p in made for v in p.b_loads], core.b_format.width),
            "scale": _scales(params, made, scale),
        }
        count = sum(product.m for product in made)

        def decode(received: dict[str, Beats]) -> dict[str, NDArray]:
            lanes = [
                unpack(received["c"], lane * params.out_width, fmt.width, 1, signed=fmt.signed)
                for lane in range(params.cols)
            ]
            values = np.concatenate(lanes, axis=1)
            table = np.zeros(table_shape(run.op, layer.geometry, hardware), np.int64)
            first = 0
            for product in made:
                keep = product.rows >= 0
                part = values[first : first + product.m, : product.n]
                table[product.rows[keep], slice(*product.columns)] = part[keep]
                first += product.m
            return {layer.result_name: result(
                run.op, layer.geometry, table, hardware
            ).astype(fmt.dtype)}  # fmt: skip

        return Job(
            send=send,
            receive={"c": count, "status": len(made)},
            decode=decode,
            golden={layer.result_name: layer.golden.astype(fmt.dtype)},
            macs=layer.geometry.macs,
            peak_macs_per_cycle=params.rows * params.cols,
            counters=_counters(params, made)
            | {"modeled_cycles": model(made, hardware, result_latency=core.result_latency)},
        )


def _check_sums(params: ConvParams, layer: Layer, made: Sequence[Product]) -> None:
    """The accumulator must hold the longest sum; a zero point counts where it is met, too."""
    operation = "input_grad" if layer.run.op == "transposed" else layer.run.op
    longest = layer.geometry.products(operation)
    if layer.zeros.a or layer.zeros.b.any():
        longest = max(product.k for product in made)
    names = OPERANDS[layer.run.op]
    formats = [getattr(params, f"{name}_format") for name in names]
    width = needed_width(longest, *formats)
    if width > params.acc_width:
        raise UsageError(
            f"--acc-width {params.acc_width} could overflow: {longest} products of "
            f"{formats[0]} x {formats[1]} may meet in one sum, which takes --acc-width {width}"
        )


def _check_banks(params: ConvParams, made: Sequence[Product]) -> None:
    sides = (("a_loads", "--x-depth", params.x_depth), ("b_loads", "--w-depth", params.w_depth))
    for name, option, room in sides:
        largest = max(len(vectors) for product in made for vectors in [*getattr(product, name), ()])
        if largest > room:
            raise UsageError(
                f"{option} {room} is too small for this layer: one result needs {largest} vectors"
            )


def _commands(params: ConvParams, layer: Layer, made: Sequence[Product]) -> Beats:
    """Products and their passes, those of both operands in the order of the K they begin at."""
    width = command_layout(params).size
    order = [entry for product in made for entry in _ordered(product, params.rows)]
    kinds = np.array([kind.value for kind, _ in order])
    beats = np.zeros((len(order), -(-width // 32)), np.uint32)
    core, scale = params.core, layer.requantization
    walkers = {
        Kind.X_PASS: (params.x_walks, core.a_format.width),
        Kind.W_PASS: (params.w_walks, core.b_format.width),
    }
    bound = params.out_width + 1
    for kind in Kind:
        chosen = [entry for each, entry in order if each is kind]
        if kind is Kind.PRODUCT:
            rows = [[
                (p.m, DIM_WIDTH), (p.n, DIM_WIDTH), (p.k, DIM_WIDTH), (p.stationary_sums, 1),
                (scale.rounding == "half_up", 1), (scale.zero_point, bound), (scale.low, bound),
                (scale.high, bound),
            ] for p in chosen]  # fmt: skip
        else:
            rows = [_pass_fields(each, *walkers[kind]) for each in chosen]
        columns = [([row[n][0] for row in rows], bits) for n, (_, bits) in enumerate(rows[0])]
        used = 2 + sum(bits for _, bits in columns)
        packed = pack(([kind.value] * len(rows), 2), *columns, *_filling(len(rows), width - used))
        beats[kinds == kind.value] = packed
    return beats


def _filling(rows: int, bits: int) -> Iterator[tuple[list[int], int]]:
    if bits:
        yield [0] * rows, bits


def pass_beats(passes: Sequence[Pass], params: BpParams, width: int) -> Beats:
    """Passes as the beats of ``hw.conv.operand.pass_layout``, of a format of ``width`` bits."""
    rows = [_pass_fields(each, params, width) for each in passes]
    return pack(*[([row[n][0] for row in rows], bits) for n, (_, bits) in enumerate(rows[0])])


def _pass_fields(each: Pass, params: BpParams, width: int) -> list[tuple[int, int]]:
    walk = fields(each.walk, params)
    return [*walk, (each.pad, width), (each.release, 1), (each.final, 1)]


def _ordered(product: Product, rows: int) -> Iterator[tuple[Kind, Product | Pass]]:
    yield Kind.PRODUCT, product
    begins, at = [], 0
    for each in product.a_passes:
        begins.append((at, 1, Kind.X_PASS, each))
        at += each.walk.length * (1 if product.stationary_sums else rows)
    at = 0
    for each in product.b_passes:
        begins.append((at, 0, Kind.W_PASS, each))
        at += each.walk.length * (1 if product.stationary_sums else product.m)
    for *_, kind, each in sorted(begins, key=lambda entry: entry[:2]):
        yield kind, each


def _loads(loads: Sequence[NDArray[np.int64]], width: int) -> Beats:
    ends = np.zeros(sum(map(len, loads)), np.int64)
    ends[np.cumsum([len(load) for load in loads]) - 1] = 1
    return pack((np.concatenate(loads), width), (ends, 1))


def _column_scales(layer: Layer, product: Product) -> dict[str, NDArray[np.int64]]:
    """What the product's columns are requantized with; the zero points are in the offset."""
    span = slice(*product.columns)
    scale = layer.requantization
    multiplier, drop = scale.folded()
    zero = layer.zeros.b[span]
    offset = scale.bias[span] - layer.zeros.a * (product.b_sum - product.k * zero)
    return {
        "offset": offset, "multiplier": multiplier[span], "drop": drop[span], "b_zero_point": zero
    }  # fmt: skip


def _scales(params: ConvParams, made: Sequence[Product], columns_of) -> Beats:
    layout = params.core.requantizer.lane_layout
    table = {name: np.zeros((len(made), params.cols), np.int64) for name in layout.members}
    for number, product in enumerate(made):
        for name, values in columns_of(product).items():
            table[name][number, : product.n] = values
    lanes = [
        (table[name][:, lane], field.width) for lane in range(params.cols) for name, field in layout
    ]
    return pack(*lanes, ([1] * len(made), 1))


def _counters(params: ConvParams, made: Sequence[Product]) -> dict[str, int]:
    """What a run costs beside its cycles; words are elements of an operand or a result."""
    sides = {"x": ("a", params.rows), "w": ("b", params.cols)}
    counts = {"products": len(made)}
    for name, (side, lanes) in sides.items():
        walks = [each.walk for p in made for each in getattr(p, f"{side}_passes")]
        real = sum(walk.real for walk in walks)
        beats = sum(walk.length for walk in walks)
        loaded = sum(len(load) for p in made for load in getattr(p, f"{side}_loads"))
        counts |= {
            f"{name}_buffer_reads": real,
            f"{name}_masked_vectors": beats - real,
            f"{name}_words_loaded": loaded * lanes,
        }
    counts["c_words"] = sum(product.m for product in made) * params.cols
    return counts


_VOLUME = ConvAdapter(
    Run=VolumeRun,
    inputs=tuple(array for array in ConvAdapter.inputs if not array.name.startswith("dy")),
    outputs=(Array("y", "[N, O, Do, Ho, Wo]", "--c-format", "the result"),),
)

CONVOLUTIONS = (
    Block("conv2d", "conv", ConvParams, Convolution, ConvAdapter()),
    Block("conv3d", "conv", VolumeParams, Volume, _VOLUME),
)
