# amaranth: UnusedElaboratable=no
"""D: data sheets that suffice, for every block of the catalog.

The numbers of the worked examples are read from the sheet's own text and go through the Verilog.
"""

import json
import re

import numpy as np
import pytest

from gemmule.gen.axis import axis_streams
from gemmule.gen.catalog import catalog, find
from gemmule.gen.engine import build
from gemmule.gen.model import SimulationError
from gemmule.gen.package import generate
from gemmule.gen.sheet.example import parse, payloads
from gemmule.gen.sheet.words import to_bytes

SMALL = {
    "gemm": {"rows": 4, "cols": 4},
    "softmax": {"lanes": 4, "max_length": 16},
}
"""Parameters with which sheets are short and builds are quick; the others have their defaults."""

PENDING = [name for name, block in catalog().items() if block.sheet is None]
"""Blocks whose authors have yet to write their sheet."""

READY = [name for name in catalog() if name not in PENDING]

FORBIDDEN = re.compile(r"golden\.|\bhw\.|\bgen\.|\btb\.|:\w+:`|\b``\b|\{name\}|\{latency\}|None\b")
"""What only the source knows."""


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """Each block's package, made once."""
    made = {}

    def package(name):
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            params = find(name).params(**SMALL.get(name, {}))
            generate(name, params, folder)
            made[name] = folder, params
        return made[name]

    return package


@pytest.mark.parametrize("name", READY)
def test_a_sheet_names_nothing_of_the_source_and_is_short(name, packages):
    folder, _ = packages(name)
    sheet = (folder / f"{name}.md").read_text()
    found = [line for line in sheet.splitlines() if FORBIDDEN.search(line)]
    assert not found
    assert len(sheet.splitlines()) < 450


@pytest.mark.parametrize("name", READY)
def test_worked_examples_replay_on_the_verilog(name, packages):
    folder, params = packages(name)
    block = find(name)
    manifest = json.loads((folder / f"{name}.json").read_text())
    streams = {each.prefix: each for each in axis_streams(manifest)}
    examples = parse((folder / f"{name}.md").read_text())
    sheet = block.sheet(params)
    assert len(examples) == len(sheet.examples) >= 1
    model = build(block, params)
    for example, author in zip(examples, sheet.examples, strict=True):
        job = block.adapter.plan(params, block.adapter.Run(**author.run), author.arrays)
        beats = {streams[port].name: payloads(streams[port], words)
                 for port, words in example.items() if port in streams}  # fmt: skip
        send = {each: beats[each] for each in beats if each in job.send}
        for each in job.send:
            assert np.array_equal(send.get(each, job.send[each][:0]), job.send[each])
        receive = {each: len(beats[each]) for each in beats if each not in job.send}
        result = model.run(send, receive, memory=job.memory)
        for each in receive:
            got, printed = (
                to_bytes(streams[f"m_axis_{each}"], words)
                for words in (result.received[each], beats[each])
            )
            assert np.array_equal(got, printed), each
            assert np.array_equal(result.received[each], beats[each]), each


@pytest.mark.parametrize("name", READY)
def test_streams_run_ahead_as_the_sheet_says(name, packages):
    """With only the example's commands and one stream offered, as many words are taken."""
    _, params = packages(name)
    block = find(name)
    sheet, model = block.sheet(params), build(block, params)
    most = 3000
    for stream, told in sheet.ahead.items():
        counts = []
        for example in sheet.examples:
            send = block.adapter.plan(params, block.adapter.Run(**example.run), example.arrays).send
            if not len(send[stream]):
                continue
            offered = {stream: np.tile(send[stream], (-(-most // len(send[stream])), 1))}
            if stream != "command" and "command" in send:
                offered["command"] = np.tile(send["command"], (most, 1))
            outputs = [each["name"] for each in model.manifest["streams"]
                       if each["direction"] == "output"]  # fmt: skip
            counts.append(_taken(model, offered, outputs, stream))
        if told is None:
            assert min(counts) >= most, stream
        else:
            assert min(counts, default=told) == told, (stream, counts)


def _taken(model, offered, outputs, stream):
    try:
        model.run(offered, dict.fromkeys(outputs), patience=500)
    except SimulationError as error:
        return int(re.search(rf"; {stream} (\d+) of", str(error))[1])
    return len(offered[stream])
