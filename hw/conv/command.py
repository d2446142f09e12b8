"""Commands of a convolution: what each kind carries, and what is wrong with one by itself."""

from functools import reduce
from operator import or_

from amaranth import Cat, Mux, Shape, Value, unsigned
from amaranth.lib import data

from gemmule.golden.common.memory import LENGTH_WIDTH
from gemmule.golden.common.requantize import Rounding
from gemmule.golden.conv.commands import Opcode
from gemmule.golden.conv.refusal import Refusal
from gemmule.hw.systolic.command import command_layout as product_layout

from .generator import misfit
from .loader import load_layout
from .operand import pass_layout
from .params import LayerParams
from .writer import place_layout

__all__ = ["command_layout", "content", "refusal", "variants"]


def variants(params: LayerParams) -> dict[Opcode, data.StructLayout]:
    """Return what each kind of command carries in its ``content``, from its bit 0 on."""
    core = params.core
    return {
        Opcode.PRODUCT: product_layout(core),
        Opcode.A_PASS: pass_layout(params.a_walks, core.a_format),
        Opcode.B_PASS: pass_layout(params.b_walks, core.b_format),
        Opcode.A_LOAD: load_layout(params.a_walks, transposes=False),
        Opcode.B_LOAD: load_layout(params.b_walks, transposes=params.transposes),
        Opcode.PLACES: place_layout(params),
        Opcode.FENCE: data.StructLayout({}),
    }


def command_layout(params: LayerParams) -> data.StructLayout:
    """Lay out ``kind`` and, above it, what :func:`variants` says; bits above that are ignored."""
    width = max(Shape.cast(layout).width for layout in variants(params).values())
    return data.StructLayout({"kind": Opcode, "content": unsigned(width)})


def content(params: LayerParams, command: data.View, opcode: Opcode) -> data.View:
    """View the content of a command of that kind."""
    layout = variants(params)[opcode]
    return data.View(layout, command.content[: Shape.cast(layout).width])


def refusal(params: LayerParams, command: data.View, last: Value) -> Value:
    """Tell what is wrong with a command by itself.

    It is the lowest :class:`Refusal` that holds; 0 if nothing is wrong.
    """
    views = {opcode: content(params, command, opcode) for opcode in Opcode}
    lanes = {Opcode.A_LOAD: params.rows, Opcode.B_LOAD: params.cols}
    depths = {Opcode.A_LOAD: params.x_depth, Opcode.B_LOAD: params.w_depth}
    wrong = {
        Opcode.PRODUCT: _product(params, views[Opcode.PRODUCT]),
        **{
            each: [(misfit(views[each].walk), Refusal.WALK)]
            for each in (Opcode.A_PASS, Opcode.B_PASS)
        },
        **{each: [(_load(views[each], lanes[each], depths[each]), Refusal.LOAD)] for each in lanes},
        Opcode.PLACES: [(_length(params, views[Opcode.PLACES]), Refusal.LENGTH)],
    }
    found = 0
    for opcode, checks in wrong.items():
        mine = command.kind == opcode.value
        for fault, why in reversed(checks):
            found = Mux(mine & fault, why.value, found)
    found = Mux(last & (command.kind != Opcode.FENCE.value), Refusal.END.value, found)
    return Mux(command.kind < len(Opcode), found, Refusal.KIND.value)


def _product(params: LayerParams, product: data.View) -> list[tuple[Value, Refusal]]:
    size = (product.m == 0) | (product.n == 0) | (product.k == 0) | (product.n > params.cols)
    lacking = {"ws": product.output_stationary, "os": ~product.output_stationary, "both": 0}
    # A setting has a bit more than a lane: its two highest say -2, below every result.
    settings = (product.low, product.high, product.zero_point)
    low = reduce(or_, (each[-1] & ~each[-2] for each in settings))
    order = (product.low > product.high) | (product.rounding > max(Rounding))
    return [
        (size, Refusal.SIZE),
        *([(lacking[params.dataflow], Refusal.DATAFLOW)] if params.dataflow != "both" else []),
        (order | low, Refusal.SETTINGS),
    ]


def _load(load: data.View, lanes: int, depth: int) -> Value:
    most = min(depth, ((1 << LENGTH_WIDTH) - 1) // lanes)
    counts = [loop.count == 0 for loop in load.loops]
    wrong = [
        load.vectors == 0,
        load.requests == 0,
        *counts,
        load.requests > depth,
        load.vectors > most,
    ]
    if "turned" in load.shape().members:
        wrong.append(load.turned & (load.vectors > lanes))
    return Cat(wrong).any()


def _length(params: LayerParams, places: data.View) -> Value:
    wrong = (places.length == 0) | (places.length > Mux(places.copied, params.rows, params.cols))
    most = params.golden.largest_size
    return wrong | (places.size > most if most < (1 << len(places.size)) - 1 else 0)
