"""A run as files: what a board's own DMA program sends, and what must come back."""

from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.block import Arrays, Beats, Block, Job, Memory, Repeated
from gemmule.gen.files.atomic import Content, write_folder
from gemmule.gen.verilog.axis import AxisForm, AxisStream, axis_streams
from gemmule.gen.verilog.ports import streams as streams_of
from gemmule.golden.common.options import Options
from gemmule.hw.common.unused import looked_at

from .words import lasts, to_bytes

__all__ = ["export"]

PIECE = 1 << 14
"""Words that are made at once."""

_HEAD = """# A run of {name}

`send/` holds what goes into the block, `expect/` what must come out, bit for bit. The streams are
those of `{name}_axis`; which field is where in a word, and what it means, is in the data sheet that
`gemmule generate {name}` writes with the same options.

- `.bin`: the words one after the other, byte 0 of a word (TDATA[7:0]) first: what a DMA reads from
  memory. {padded}
- `.hex`: one word a line, the most significant digit first; `last` behind it where TLAST is 1. A
  packet ends there: one DMA transfer is one packet.
- Send all streams at once, each with a channel of its own, or put queues before the block that hold
  a stream's packets: the data sheet says how far a stream runs ahead.

| file | what |
|---|---|"""

PLAIN = "They are those of `--streams plain`."
DMA = """They are those of `--streams dma`: zeros fill a word up to whole beats of
  TDATA, and the beats of a word lie behind each other, TLAST on the last."""


def export(
    block: Block,
    params: Options,
    run: Options,
    arrays: Arrays,
    folder: Path,
    form: AxisForm | None = None,
) -> dict[str, str]:
    """Write the words of one run into ``folder``; return each file's name and what it is.

    They are as wide as TDATA of a package in the same ``form``.
    """
    form = form or AxisForm()
    job = block.simulated_by().plan(params, run, arrays)
    described = streams_of(looked_at(block.component(params)))
    streams = {each.name: each for each in axis_streams(described, form)}
    contents: dict[str, Content] = {}
    what: dict[str, str] = {}

    def add(name: str, content: Content, text: str) -> None:
        contents[name], what[name] = content, text

    for name, beats in job.send.items():
        _words(add, "send", streams[name], beats)
    for name, beats in (job.results() if job.results else {}).items():
        if name == "memory":
            add("expect/memory.bin", _octets(beats), "the external memory afterwards")
        else:
            _words(add, "expect", streams[name], beats)
    if job.memory:
        add("send/memory.bin", _octets(job.memory.image), "the external memory before the run")
    add("expect/arrays.npz", _npz(job.golden), "the results, as arrays")
    what["README.md"] = "how all this is laid out"
    padded = DMA if form.streams == "dma" else PLAIN
    contents["README.md"] = _readme(block, params, run, job, streams, what, padded)
    write_folder(folder, contents)
    return what


def _words(
    add: Callable[[str, Content, str], None],
    folder: str,
    stream: AxisStream,
    beats: Beats | Repeated,
) -> None:
    count = len(beats)
    if not count:
        return
    text = f"{count} words of `{stream.prefix}`, {stream.octets} bytes each"
    base = f"{folder}/{stream.prefix}"

    def pieces() -> Iterator[tuple[NDArray[np.uint8], NDArray[np.bool_] | None]]:
        for start in range(0, count, PIECE):
            some = np.asarray(beats[start : start + PIECE])
            words = np.ones(len(some), bool) if stream.tlast == "word" else None
            yield to_bytes(stream, some), words if stream.last is None else lasts(stream, some)

    def binary(file: IO[bytes]) -> None:
        for octets, _ in pieces():
            file.write(octets.tobytes())

    def hexadecimal(file: IO[bytes]) -> None:
        for octets, ends in pieces():
            for number, word in enumerate(octets):
                end = " last" if ends is not None and ends[number] else ""
                file.write(f"{word.tobytes()[::-1].hex()}{end}\n".encode())

    add(f"{base}.bin", binary, text)
    add(f"{base}.hex", hexadecimal, "the same as text, with TLAST")


def _ends(stream: AxisStream, beats: Beats) -> NDArray[np.intp]:
    """Return which of the beats end a packet."""
    found = lasts(stream, beats)
    return np.zeros(0, np.intp) if found is None else np.flatnonzero(found)


def _octets(image: NDArray) -> bytes:
    return np.asarray(image, np.uint8).tobytes()


def _npz(arrays: Arrays) -> bytes:
    file = BytesIO()
    np.savez(file, **dict(arrays))
    return file.getvalue()


def _readme(
    block: Block,
    params: Options,
    run: Options,
    job: Job,
    streams: dict[str, AxisStream],
    what: Mapping[str, str],
    padded: str,
) -> str:
    name = block.name
    lines = [
        _HEAD.format(name=name, padded=padded),
        *(f"| `{file}` | {text} |" for file, text in what.items()),
        "",
        "Packets, in words:",
        "",
    ]
    for each, beats in job.send.items():
        stream = streams[each]
        if stream.last is None or not len(beats):
            continue
        ends = [
            start + place
            for start in range(0, len(beats), PIECE)
            for place in _ends(stream, np.asarray(beats[start : start + PIECE]))
        ]
        sizes = np.diff([-1, *ends]).tolist()
        shown = ", ".join(map(str, sizes[:20])) + (", ..." if len(sizes) > 20 else "")
        lines.append(f"- `{stream.prefix}`: {len(sizes)} of {shown}")
    if job.memory:
        lines += ["", *_memory(job.memory, streams)]
    lines += ["", "Options:", ""]
    options = params.as_dict() | run.as_dict()
    lines += [f"- `{key}` = {value}" for key, value in options.items() if value is not None]
    return "\n".join(lines) + "\n"


def _memory(memory: Memory, streams: dict[str, AxisStream]) -> Iterator[str]:
    yield (
        f"`send/memory.bin` is the external memory, {len(memory.image)} bytes, address 0 first;"
        " put it anywhere and add its base to the addresses of requests. Elements are"
        " little-endian. Serve each channel by itself, its requests in order:"
    )
    yield ""
    for each in memory.channels:
        request, data = streams[each.request], streams[each.data]
        lanes = f"{each.lanes} lanes"
        if data.is_input:
            yield (
                f"- `{request.prefix}` asks for `length` elements of 2^`size` bytes from byte"
                f" `address` on: answer with ceil(length / {each.lanes}) words of `{data.prefix}`"
                f" ({lanes}), element after element, TLAST on the last; lanes beyond the end may"
                " hold anything."
            )
        else:
            yield (
                f"- `{request.prefix}` and one word of `{data.prefix}` ({lanes}) belong together:"
                " write lanes 0 .. `length` - 1, each as 2^`size` bytes, from byte `address` on."
            )
