"""One array of multiply-accumulate cells for two products, which take turns."""

from collections.abc import Sequence

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from gemmule.hw.systolic.array.signature import array_signature
from gemmule.hw.systolic.params import ProductParams
from gemmule.hw.tech.array import array_of_cells

__all__ = ["USERS", "SharedArray"]

USERS = 2


class SharedArray(wiring.Component):
    """Join an array with the one of two products whose turn it is.

    A turn lasts while its user ``wants`` it: from the first beat to the last result of whatever
    can be told apart from what follows. The second one's turns end by themselves; ``waited`` asks
    the first one to begin nothing more.
    Users drive idle slots while it is not their turn. When the next turn begins, what one wanted
    has left the array; what else it left, as one that was reset does, goes ahead of what comes,
    slot by slot, but for the sums of output-stationary tiles, which their user clears.

    Latency: that of the array; a turn begins in the cycle after the other one ends. Throughput: a
    slot a cycle. Back-pressure: none, but for ``turn``.

    Parameters
    ----------
    params : ProductParams
        Of the array, as :func:`gemmule.hw.tech.array.array_of_cells` takes them.
    users : sequence of ProductParams
        Of each of the two products: the same rows, columns, formats, cells and dataflows.

    Members
    -------
    array_<n> : Out(:func:`~gemmule.hw.systolic.array.signature.array_signature`)
    wants_<n> : In(1); turn_<n> : Out(1)
    waited : Out(1)
        It is the first one's turn, and the second one waits for it.
    """

    def __init__(self, params: ProductParams, users: Sequence[ProductParams]):
        self.params = params
        ports = [array_signature(each, row_sums=each.b_zero_points) for each in users]
        super().__init__({
            **{f"array_{n}": Out(port) for n, port in enumerate(ports)},
            **{f"wants_{n}": In(1) for n in range(USERS)},
            **{f"turn_{n}": Out(1) for n in range(USERS)},
            "waited": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.array = array = array_of_cells(self.params, row_sums=True)
        owner = Signal()
        wants = [getattr(self, f"wants_{n}") for n in range(USERS)]
        m.d.sync += owner.eq(Mux(owner, wants[1] | ~wants[0], wants[1] & ~wants[0]))
        m.d.comb += self.waited.eq(~owner & wants[1])
        ports = [getattr(self, f"array_{n}") for n in range(USERS)]
        for n, port in enumerate(ports):
            m.d.comb += [
                getattr(self, f"turn_{n}").eq(owner == n),
                Value.cast(port.sums).eq(Value.cast(array.sums)),
            ]
            for lane in range(self.params.m_lanes if hasattr(port, "row_sum") else 0):
                m.d.comb += port.row_sum[lane].eq(array.row_sum[lane])
        for name, member in array.signature.members.items():
            if member.flow is In:
                values = [Value.cast(getattr(port, name)) for port in ports]
                m.d.comb += Value.cast(getattr(array, name)).eq(Mux(owner, values[1], values[0]))
        return m
