"""The ports of an array of multiply-accumulate cells, whatever the cells are made of."""

from amaranth import signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from gemmule.hw.systolic.params import ArrayParams

__all__ = ["array_signature"]


def array_signature(params: ArrayParams, *, row_sums: bool = False) -> wiring.Signature:
    """Return what goes into an array in a slot, and what comes out.

    Members
    -------
    a : In([m_lanes] x [rows] x a_shape)
    b : In([cols] x b_shape)
    shift : In(rows)
        Only with the weight-stationary dataflow, as ``swap``.
    swap : In(1)
    clear : In(1)
        Only with the output-stationary dataflow.
    ws : In(1)
        Only with both dataflows.
    drain : In(1)
        Only with ``--drain cascade``.
    sums : Out([m_lanes] x [cols] x signed(psum_width))
    row_sum : Out([m_lanes] x signed(row_sum_width))
        Only with ``row_sums``.
    """
    controls = {
        "shift": ("ws", In(unsigned(params.rows))),
        "swap": ("ws", In(1)),
        "clear": ("os", In(1)),
    }

    def lanes(shape):
        return data.ArrayLayout(shape, params.m_lanes)

    return wiring.Signature({
        "a": In(lanes(data.ArrayLayout(params.a_shape, params.rows))),
        "b": In(data.ArrayLayout(params.b_shape, params.cols)),
        **{name: port for name, (flow, port) in controls.items() if flow in params.dataflows},
        **({"ws": In(1)} if params.dataflow == "both" else {}),
        **({"drain": In(1)} if params.drains_down else {}),
        "sums": Out(lanes(data.ArrayLayout(signed(params.psum_width), params.cols))),
        **({"row_sum": Out(lanes(signed(params.row_sum_width)))} if row_sums else {}),
    })
