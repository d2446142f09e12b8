"""What every unit of the accelerator has: its ports, and what answers of the bus are called."""

from collections.abc import Iterable

from amaranth import Mux, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.soc.commands import Cause
from gemmule.hw.common.stream.payload import packet_stream
from gemmule.hw.soc.control.layouts import unit_streams
from gemmule.hw.soc.dma.request import read_stream, request_layout, write_done

__all__ = ["read_cause", "unit_members", "write_cause"]


def unit_members(
    address_width: int, *, settings: int, a: int, b: int, c: int, events: Iterable[str]
) -> dict[str, wiring.Member]:
    """Return the members of a unit, whose data has so many bytes a vector."""
    command, finished = unit_streams(address_width)
    request = stream.Signature(request_layout(address_width))
    return {
        "command": In(command),
        "finished": Out(finished),
        **{f"request_{name}": Out(request) for name in ("settings", "a", "b", "c")},
        "data_settings": In(read_stream(8 * settings)),
        "data_a": In(read_stream(8 * a)),
        "data_b": In(read_stream(8 * b)),
        "data_c": Out(packet_stream(8 * c)),
        "done_c": In(write_done(address_width)),
        "fault_address": In(address_width),
        "fault_decode": In(1),
        "idle": Out(1),
        "events": Out(data.StructLayout(dict.fromkeys(events, 1))),
    }


def read_cause(decode: Value) -> Value:
    """Return what a read that met an error is called; ``decode``: it was a DECERR."""
    return Mux(decode, Cause.READ_DECODE.value, Cause.READ_SLAVE.value)


def write_cause(decode: Value) -> Value:
    """Return what a write that met an error is called; ``decode``: it was a DECERR."""
    return Mux(decode, Cause.WRITE_DECODE.value, Cause.WRITE_SLAVE.value)
