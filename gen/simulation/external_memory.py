"""The external memory of a run, as a simulation sees it: which stream of the design is what."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from amaranth import Shape

from gemmule.gen.block import Channel, Memory
from gemmule.gen.verilog.manifest import Manifest, StreamInfo
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.memory import QUEUE
from gemmule.hw.common.request import request_layout

__all__ = ["REQUEST", "Port", "check", "plan", "ports", "request_header"]

REQUEST = {name: Shape.cast(each.shape).width for name, each in request_layout()}
"""The fields of a request, low bits first, and their widths."""


@dataclass(frozen=True)
class Port:
    """A channel of the design; ``signed`` are its lanes."""

    channel: Channel
    reads: bool
    signed: bool


def request_header() -> str:
    """Return where the driver, in C++, finds the fields of a request."""
    lines = ["struct RequestField { unsigned at, bits; };"]
    at = 0
    for name, bits in REQUEST.items():
        lines.append(f"constexpr RequestField request_{name}{{{at}, {bits}}};")
        at += bits
    return "".join(f"{line}\n" for line in lines)


def check(width: int | None, latency: int | None) -> None:
    """Refuse a memory that moves nothing, or that answers before it is asked."""
    for option, value, low in (("width", width, 1), ("latency", latency, 0)):
        if value is not None and not low <= value < 2**32:
            raise UsageError(f"--memory-{option} must be in {low}..{2**32 - 1}, not {value}")


def ports(memory: Memory, manifest: Manifest) -> list[Port]:
    """Return the channels, checked against the design's streams."""
    streams = {each.name: each for each in manifest.streams}
    return [_port(channel, streams) for channel in memory.channels]


def plan(memory: Memory, manifest: Manifest, image: Path) -> Iterator[str]:
    """Yield the driver's lines, and write the file ``image`` that it reads and writes."""
    check(memory.width, memory.latency)
    np.ascontiguousarray(memory.image, dtype=np.uint8).tofile(image)
    yield f"memory {memory.width} {memory.latency} {QUEUE} {image}"
    for port in ports(memory, manifest):
        each = port.channel
        yield f"channel {each.request} {each.data} {each.lanes} {each.width} {int(port.signed)}"


def _port(channel: Channel, streams: dict[str, StreamInfo]) -> Port:
    request, data = (streams.get(name) for name in (channel.request, channel.data))
    if request is None or data is None:
        raise ValueError(f"the model has {sorted(streams)}, but the memory's channel is {channel}")
    fields = {each.name: each.width for each in request.fields}
    if fields != REQUEST or request.is_input:
        raise ValueError(f"{channel.request} must be an output of {REQUEST}, not {request}")
    lanes, *rest = data.fields
    if [each.name for each in rest] != ["last"]:
        raise ValueError(f"{channel.data} must be a packet of lanes, not {data}")
    if (lanes.lanes, lanes.width) != (channel.lanes, channel.width):
        raise ValueError(f"{channel.data} has {lanes}, but the memory's channel is {channel}")
    return Port(channel, data.is_input, lanes.signed)
