# amaranth: UnusedElaboratable=no
"""The Verilog that comes out: its bytes, its names, its manifest."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from itertools import product

import pytest
from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from gemmule.gen.docs.examples.own_block import ADDER, AdderParams
from gemmule.gen.verilog.emit import emit, emit_component, write
from gemmule.gen.verilog.manifest import Manifest
from gemmule.gen.verilog.merge import merge
from gemmule.gen.verilog.yosys import LARGE
from gemmule.golden.common.errors import UsageError
from gemmule.hw.common.ram import DualPortMemory
from gemmule.tb.verilog.roles import Roles

DIGEST = """
import hashlib
from gemmule.gen.catalog import find
from gemmule.gen.verilog.emit import emit
from gemmule.gen.docs.examples.own_block import ADDER, AdderParams
gemm = find("gemm")
for block, params in ((gemm, gemm.params(rows=3, cols=2)), (ADDER, AdderParams(lanes=5))):
    print(hashlib.sha256(emit(block, params).verilog.encode()).hexdigest())
"""


@pytest.fixture(scope="module")
def adder():
    return emit(ADDER, AdderParams(lanes=3))


def test_the_same_bytes_whatever_the_hash_seed():
    digests = {
        subprocess.run(
            [sys.executable, "-c", DIGEST],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1
    # In a process that emitted something else before, too.
    here = hashlib.sha256(emit(ADDER, AdderParams(lanes=5)).verilog.encode()).hexdigest()
    assert here in digests.pop()


def test_head_names_license_versions_and_parameters(adder):
    head = adder.verilog.split("\n\n")[0]
    assert head.startswith("// SPDX-License-Identifier: Apache-2.0\n// adder: Add two streams")
    assert "//   lanes = 3\n//   format = s8" in head


def test_there_is_no_path_and_no_attribute(adder):
    assert not re.search(r"[\w.]/[\w.]|\(\*", adder.verilog.replace("//", ""))


def test_equal_cells_are_one_module_named_after_its_role(adder):
    assert re.findall(r"^module (\S+?)\(", adder.verilog, re.MULTILINE) == ["adder", "adder_lane"]
    assert adder.verilog.count("adder_lane lane_") == 3


def test_ports_come_in_the_order_of_the_signature(adder):
    names = re.search(r"module adder\((.*?)\);", adder.verilog)[1].split(", ")
    assert names == [port.name for port in adder.manifest.ports]
    assert names[:5] == ["clk", "rst", "command__payload", "command__valid", "command__ready"]


def test_manifest_tells_streams_fields_and_latency(adder):
    manifest = json.loads(json.dumps(adder.manifest.to_json()))
    assert Manifest.from_json(manifest) == adder.manifest
    assert manifest["params"] == {"lanes": 3, "format": "s8"}
    assert manifest["latency"] == 1
    total = manifest["streams"][-1]
    assert (total["name"], total["direction"], total["width"]) == ("total", "output", 34)
    assert total["fields"] == [
        {"name": "data", "offset": 0, "width": 11, "lanes": 3, "signed": True},
        {"name": "last", "offset": 33, "width": 1, "lanes": 1, "signed": False},
    ]
    assert manifest["versions"].keys() == {"gemmule", "amaranth", "yosys"}


def test_modules_that_are_merely_equal_are_merged_too():
    emitted = emit_component(Roles(), "roles", {}, "roles")
    names = re.findall(r"^module (\S+?)\(", emitted.verilog, re.MULTILINE)
    # Three stages, two kinds of them, told apart by a number.
    assert sorted(names) == ["roles", "roles_stage", "roles_stage_2"]


def test_a_memory_of_zeros_is_cleared_in_a_loop():
    text = emit_component(Roles(), "roles", {}, "roles").verilog
    assert "for (word = 0; word < 64; word = word + 1)" in text
    assert "[63] =" not in text
    assert "SYNTHESIS" not in text


@pytest.mark.skipif(not shutil.which("iverilog"), reason="Icarus is not here: apt install iverilog")
def test_each_word_of_a_memory_is_zero_at_first(tmp_path):
    """A simulator that knows of X sees zeros; a synthesis tool is not told of many."""
    texts, checks = [], []
    for width, depth in product((1, 7, 32, 33), (1, 2, LARGE - 1, LARGE)):
        name = f"words_{width}_{depth}"
        text = emit_component(DualPortMemory(width, depth), name, {}, name).verilog
        assert ("`ifndef SYNTHESIS" in text) == (depth >= LARGE)
        texts.append(text)
        checks += [
            f"  {name} {name}();",
            f"  initial #1 for (n = 0; n < {depth}; n = n + 1)",
            f'    if ({name}.words[n] !== {width}\'d0) $display("{name} %0d", n);',
        ]
    bench = [
        "module bench;",
        "  integer n;",
        *checks,
        '  initial #2 $display("seen");',
        "endmodule\n",
    ]
    source, program = tmp_path / "bench.v", tmp_path / "bench"
    source.write_text("\n".join([*texts, *bench]))
    subprocess.run(["iverilog", "-g2001", "-s", "bench", "-o", program, source], check=True)
    seen = subprocess.run(["vvp", "-n", program], capture_output=True, text=True, check=True)
    assert seen.stdout == "seen\n"


def test_a_memory_with_contents_keeps_them():
    class Table(wiring.Component):
        at: In(2)
        o: Out(8)

        def elaborate(self, platform):
            m = Module()
            m.submodules.words = words = Memory(shape=8, depth=4, init=[0, 0, 5, 0])
            read = words.read_port()
            m.d.comb += [read.addr.eq(self.at), self.o.eq(read.data)]
            return m

    text = emit_component(Table(), "table", {}, "table").verilog
    assert re.search(r"words\[2\] = 8'h05;", text)
    assert "zero_" not in text


def test_merging_keeps_cells_that_are_not_modules():
    text = "module \\top\n  cell \\DSP48E2 \\dsp\n  end\n  cell \\top.a \\a_0\n  end\nend\n"
    text += "module \\top.a\n  wire \\x\nend\n"
    assert "cell \\DSP48E2 \\dsp" in merge(text, "top")
    assert "cell \\top_a \\a_0" in merge(text, "top")


def test_write_refuses_a_folder_that_is_a_file(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="file"):
        write(ADDER, AdderParams(), tmp_path / "file")
    write(ADDER, AdderParams(), tmp_path / "new")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["adder.json", "adder.v"]
