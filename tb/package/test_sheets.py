# amaranth: UnusedElaboratable=no
# amaranth: UnusedElaboratable=no
"""D: data sheets that suffice, for every block of the catalog.

The numbers of the worked examples are read from the sheet's own text and go through the Verilog.
"""

import json
import re
import subprocess

import numpy as np
import pytest

from gemmule.gen.catalog import catalog, find
from gemmule.gen.package.sheet.example import parse, payloads
from gemmule.gen.package.sheet.words import to_bytes
from gemmule.gen.simulation.engine import build
from gemmule.gen.simulation.simulator import SimulationError
from gemmule.gen.verilog.axis import axis_streams
from gemmule.gen.verilog.manifest import Manifest
from gemmule.tb.package.sheets import encoder_of, example_words
from gemmule.tb.registry import fault_tables

STREAMED = [name for name, block in catalog().items() if block.family != "soc"]
DRIVEN = [name for name, block in catalog().items() if block.adapter]

FORBIDDEN = re.compile(
    r"golden\.|\bparams\.|\bhw\.|\bgen\.|\btb\.|:\w+:`|\b``\b|\{name\}|\{latency\}|None\b"
)
"""What only the source knows."""


@pytest.mark.parametrize("name", list(catalog()))
def test_a_sheet_names_nothing_of_the_source_and_is_short(name, packages):
    folder, _ = packages(name)
    sheet = (folder / f"{name}.md").read_text()
    found = [line for line in sheet.splitlines() if FORBIDDEN.search(line)]
    assert not found
    assert len(sheet.splitlines()) < (800 if name.startswith(("conv", "accelerator")) else 500)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.full] * (name == "conv3d")) for name in DRIVEN],
)
def test_worked_examples_replay_on_the_verilog(name, packages):
    folder, params = packages(name)
    block = find(name)
    manifest = json.loads((folder / f"{name}.json").read_text())
    streams = {
        stream.prefix: stream for stream in axis_streams(Manifest.from_json(manifest).streams)
    }
    examples = parse((folder / f"{name}.md").read_text())
    sheet = block.sheet(params)
    assert len(examples) == len(sheet.examples) >= 1
    model = build(block, params)
    for example, author in zip(examples, sheet.examples, strict=True):
        job = block.adapter.plan(params, block.adapter.Run(**author.run), author.arrays)
        beats = {
            streams[port].name: payloads(streams[port], words)
            for port, words in example.items()
            if port in streams
        }
        send = {stream: beats[stream] for stream in beats if stream in job.send}
        for stream in job.send:
            assert np.array_equal(send.get(stream, job.send[stream][:0]), job.send[stream])
        result = model.run(send, job.receive, memory=job.memory)
        if job.memory:
            before, after = (b"".join(example[f"memory_{when}"][0]) for when in ("before", "after"))
            assert before == job.memory.image.tobytes()
            assert after == result.received["memory"].tobytes()
        # How long a run took is nothing that an example can say.
        for stream in set(job.receive) - {"counters"}:
            if not job.receive[stream]:
                continue
            got, printed = (
                to_bytes(streams[f"m_axis_{stream}"], words)
                for words in (result.received[stream], beats[stream])
            )
            assert np.array_equal(got, printed), stream
            assert np.array_equal(result.received[stream], beats[stream]), stream


@pytest.mark.parametrize("name", DRIVEN)
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
            if not len(send.get(stream, ())):
                continue
            offered = {stream: np.tile(send[stream], (-(-most // len(send[stream])), 1))}
            if stream != "command" and "command" in send:
                offered["command"] = np.tile(send["command"], (most, 1))
            outputs = [each.name for each in model.manifest.streams if not each.is_input]
            counts.append(_taken(model, offered, outputs, stream))
        if not counts:
            continue
        if told is None:
            assert min(counts) >= most, stream
        else:
            # A tile of weights may be taken beside what any command lets in.
            assert told <= min(counts) <= told + 4, (stream, counts)


def _taken(model, offered, outputs, stream):
    try:
        model.run(offered, dict.fromkeys(outputs), patience=2000)
    except SimulationError as error:
        return int(re.search(rf"; {stream} (\d+) of", str(error))[1])
    return len(offered[stream])


@pytest.mark.parametrize("name", STREAMED)
def test_the_c_header_compiles_and_agrees_with_the_beats(name, packages, tmp_path):
    """Each word of the examples is filled field by field in C, from what Python unpacked.

    And each table has the numbers that the encoder's has.
    """
    folder, params = packages(name)
    encoder = encoder_of(folder, name)
    words = example_words(folder, name)
    lines = [
        f'#include "{name}.h"',
        "#include <stdio.h>",
        "#include <string.h>",
        "static inline void show(const uint8_t *w, unsigned n)",
        '{ while (n--) printf("%02x", w[n]); printf("\\n"); }',
        "int main(void) {",
    ]
    expected = []
    for stream, word in words:
        fields = encoder.STREAMS[stream]["fields"]
        if any(field["bits"] > 64 for field in fields.values()):
            continue
        size = encoder.STREAMS[stream]["bytes"]
        lines.append(f"{{ uint8_t w[{size}]; memset(w, 0, sizeof w);")
        for field, value in encoder.unpack(stream, word).items():
            lanes = [value] if fields[field]["scalar"] else value
            call = f"{name}_{stream}_set_{field.replace('.', '_')}"
            suffix = "LL" if fields[field]["signed"] else "ULL"
            for lane, number in enumerate(lanes):
                at = "" if fields[field]["scalar"] else f"{lane}, "
                lines.append(f"{call}(w, {at}{number}{suffix});")
        lines.append(f"show(w, {size}); }}")
        expected.append(word[::-1].hex())
    sheet = find(name).sheet
    for table in sheet(params).tables if sheet else ():
        lines.append(
            f"for (unsigned i = 0; i < sizeof {name.upper()}_{table} / sizeof"
            f" *{name.upper()}_{table}; ++i)"
            f' printf("%lld\\n", (long long){name.upper()}_{table}[i]);'
        )
        expected += map(str, getattr(encoder, table))
    (tmp_path / "main.c").write_text("\n".join([*lines, "return 0; }"]))
    command = ["gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", f"-I{folder}", "main.c"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr[:2000]
    assert subprocess.check_output([tmp_path / "a.out"], text=True).split() == expected


@pytest.mark.parametrize("name", STREAMED)
def test_the_encoder_agrees_with_the_beats(name, packages):
    folder, _ = packages(name)
    encoder = encoder_of(folder, name)
    for stream, word in example_words(folder, name):
        assert encoder.pack(stream, encoder.unpack(stream, word)) == word


def test_faults_that_there_never_are_are_those_of_no_row():
    """In each block's table of faults a row sets whatever can be set, and nothing else."""
    tables = list(fault_tables().values())
    for name in {rows.block for rows in tables}:
        mine = [rows for rows in tables if rows.block == name]
        told = {
            field: about.legal == "0"
            for rows in mine
            for field, about in find(name).sheet(rows.params).streams["status"].fields.items()
            if field.endswith((".early", ".late"))
        }
        met = {field for rows in mine for fault in rows.faults for field in fault.status}
        assert {field for field, never in told.items() if not never} == met & set(told), name
