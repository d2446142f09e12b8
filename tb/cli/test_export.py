"""Runs as files for boards: `gemmule export`."""

import json

import numpy as np
import pytest

from gemmule.gen.catalog import find
from gemmule.gen.cli.app import main
from gemmule.gen.package.sheet.export import export
from gemmule.gen.package.sheet.words import from_bytes
from gemmule.gen.verilog.axis import AxisForm, axis_streams
from gemmule.gen.verilog.ports import streams as streams_of
from gemmule.hw.common.unused import looked_at
from gemmule.tb.package.sheets import SMALL


@pytest.mark.parametrize("name", ["gemm", "softmax", "conv2d"])
@pytest.mark.parametrize("form", [AxisForm(), AxisForm(streams="dma", tdata_width=32)])
def test_exported_words_are_the_run_and_give_its_results(name, form, tmp_path):
    """The words decode to the golden arrays; hexadecimal and binary are equal; TLAST is right."""
    block = find(name)
    params = block.params(**SMALL[name])
    example = block.sheet(params).examples[0]
    run = block.adapter.Run(**example.run)
    written = export(block, params, run, example.arrays, tmp_path, form)
    assert {str(each.relative_to(tmp_path)) for each in tmp_path.rglob("*") if each.is_file()} == {
        *written
    }
    streams = streams_of(looked_at(block.component(params)))
    job = block.adapter.plan(params, run, example.arrays)
    received = {}
    for stream in axis_streams(streams, form):
        folder = tmp_path / ("send" if stream.is_input else "expect")
        if not (folder / f"{stream.prefix}.bin").exists():
            assert not len(job.send.get(stream.name, ())) or not stream.is_input
            continue
        octets = np.fromfile(folder / f"{stream.prefix}.bin", np.uint8)
        octets = octets.reshape(-1, stream.octets)
        lines = (folder / f"{stream.prefix}.hex").read_text().splitlines()
        assert [bytes.fromhex(line.split()[0])[::-1] for line in lines] == [
            each.tobytes() for each in octets
        ]
        last = np.array([line.endswith(" last") for line in lines])
        if stream.tlast != "packet":
            assert last.all() == last.any() == (stream.tlast == "word")
        beats = from_bytes(stream, octets, last)
        if stream.is_input:
            assert np.array_equal(beats, job.send[stream.name])
        else:
            received[stream.name] = beats
    if job.memory:
        after = np.fromfile(tmp_path / "expect/memory.bin", np.uint8)
        assert (tmp_path / "send/memory.bin").read_bytes() == job.memory.image.tobytes()
        assert np.array_equal(after, job.results()["memory"])
        assert not np.array_equal(after, job.memory.image)
    else:
        found = job.decode(received)
        assert all(np.array_equal(found[each], it) for each, it in job.golden.items())
    with np.load(tmp_path / "expect/arrays.npz") as arrays:
        assert all(np.array_equal(arrays[each], it) for each, it in job.golden.items())


def test_an_export_replaces_its_own_files_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.savez("a.npz", x=np.array([[1, 2, 3]]))
    np.savez("b.npz", x=np.array([[1, 2, 3], [4, 5, 6]]))
    given = "--lanes 4 --max-length 16 --out run --json"
    assert main(f"export softmax --inputs a.npz {given}".split()) == 0
    first = (tmp_path / "run/send/s_axis_x.bin").read_bytes()
    capsys.readouterr()
    assert main(f"export softmax --inputs b.npz {given} --streams dma".split()) == 0
    listed = json.loads(capsys.readouterr().out)["files"]
    second = (tmp_path / "run/send/s_axis_x.bin").read_bytes()
    assert len(second) > len(first)
    assert all((tmp_path / "run" / each).is_file() for each in listed)
    (tmp_path / "notes").write_text("mine")
    assert main(["export", "softmax", "--inputs", "a.npz", "--out", "notes"]) == 2
    assert (tmp_path / "notes").read_text() == "mine"
