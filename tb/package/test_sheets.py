# amaranth: UnusedElaboratable=no
"""D: data sheets that suffice, for every block of the catalog.

The numbers of the worked examples are read from the sheet's own text and go through the Verilog.
"""

import gc
import json
import re
import subprocess
import warnings
from importlib.util import module_from_spec, spec_from_file_location

import numpy as np
import pytest

from gemmule.gen.blocks.nonlinear.elementwise import ELEMENTWISE
from gemmule.gen.catalog import catalog, find
from gemmule.gen.package.generate import generate
from gemmule.gen.package.sheet.code import encoder_text
from gemmule.gen.package.sheet.example import parse, payloads
from gemmule.gen.package.sheet.words import to_bytes
from gemmule.gen.simulation.engine import build
from gemmule.gen.simulation.model import SimulationError
from gemmule.gen.verilog.axis import axis_streams
from gemmule.gen.verilog.manifest import Manifest
from gemmule.gen.verilog.ports import streams as streams_of
from gemmule.golden.common.formats import Format
from gemmule.golden.common.requantize import Rounding
from gemmule.golden.systolic.gemm import gemm
from gemmule.hw.common.unused import looked_at
from gemmule.tb.registry import fault_tables
from gemmule.tb.systolic.stimuli import requantizations

SMALL = {
    "gemm": {"rows": 4, "cols": 4},
    "softmax": {"lanes": 4, "max_length": 16},
    "layernorm": {"lanes": 2, "max_length": 8},
    "sparse_gemm": {"rows": 2, "cols": 2},
    "prune24": {"lanes": 2},
    **{block.name: {"lanes": 2} for block in ELEMENTWISE},
    "token_select": {"max_tokens": 16},
    "conv2d": {"rows": 2, "cols": 2, "x_depth": 16, "w_depth": 16},
    "conv3d": {"rows": 2, "cols": 2, "x_depth": 16, "w_depth": 16},
    "token_pack": {"max_tokens": 16, "lanes": 2, "max_length": 8},
    "token_score": {"max_tokens": 16, "lanes": 2},
    "selector": {"max_tokens": 16, "lanes": 2, "max_length": 8},
}
"""Parameters with which sheets are short and builds are quick; the others have their defaults."""

DRIVEN = [name for name, block in catalog().items() if block.adapter]

FORBIDDEN = re.compile(
    r"golden\.|\bparams\.|\bhw\.|\bgen\.|\btb\.|:\w+:`|\b``\b|\{name\}|\{latency\}|None\b"
)
"""What only the source knows."""


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """Generate each block's package, once."""
    made = {}

    def package(name):
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            params = find(name).params(**SMALL.get(name, {}))
            gc.collect()
            with warnings.catch_warnings(record=True) as seen:
                warnings.simplefilter("always")
                generate(name, params, folder)
                gc.collect()
            # Amaranth warns of components that nobody elaborates, which is nothing for users.
            assert not [each.message for each in seen if "never used" in str(each.message)]
            made[name] = folder, params
        return made[name]

    return package


@pytest.mark.parametrize("name", list(catalog()))
def test_a_sheet_names_nothing_of_the_source_and_is_short(name, packages):
    folder, _ = packages(name)
    sheet = (folder / f"{name}.md").read_text()
    found = [line for line in sheet.splitlines() if FORBIDDEN.search(line)]
    assert not found
    assert len(sheet.splitlines()) < (800 if name.startswith("conv") else 500)


@pytest.mark.parametrize("name", DRIVEN)
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
        beats = {streams[port].name: payloads(streams[port], words)
                 for port, words in example.items() if port in streams}  # fmt: skip
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
            outputs = [each.name for each in model.manifest.streams
                       if not each.is_input]  # fmt: skip
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


@pytest.mark.parametrize("name", list(catalog()))
def test_the_c_header_compiles_and_agrees_with_the_beats(name, packages, tmp_path):
    """Each word of the examples is filled field by field in C, from what Python unpacked.

    And each table has the numbers that the encoder's has.
    """
    folder, params = packages(name)
    encoder = encoder_of(folder, name)
    words = example_words(folder, name)
    lines = [f'#include "{name}.h"', "#include <stdio.h>", "#include <string.h>",
             "static inline void show(const uint8_t *w, unsigned n)",
             '{ while (n--) printf("%02x", w[n]); printf("\\n"); }',
             "int main(void) {"]  # fmt: skip
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
        lines.append(f"for (unsigned i = 0; i < sizeof {name.upper()}_{table} / sizeof"
                     f" *{name.upper()}_{table}; ++i)"
                     f' printf("%lld\\n", (long long){name.upper()}_{table}[i]);')  # fmt: skip
        expected += map(str, getattr(encoder, table))
    (tmp_path / "main.c").write_text("\n".join([*lines, "return 0; }"]))
    command = ["gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", f"-I{folder}", "main.c"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr[:2000]
    assert subprocess.check_output([tmp_path / "a.out"], text=True).split() == expected


@pytest.mark.parametrize("name", list(catalog()))
def test_the_encoder_agrees_with_the_beats(name, packages):
    folder, _ = packages(name)
    encoder = encoder_of(folder, name)
    for stream, word in example_words(folder, name):
        assert encoder.pack(stream, encoder.unpack(stream, word)) == word


def encoder_of(folder, name):
    spec = spec_from_file_location(f"encoder_of_{name}", folder / f"{name}.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def example_words(folder, name):
    """Return stream and bytes of every word in the sheet's examples."""
    return [
        (port.split("_axis_")[1], word)
        for example in parse((folder / f"{name}.md").read_text())
        for port, (words, _) in example.items() if "_axis_" in port
        for word in words
    ]  # fmt: skip


def packets_of(folder, name, number):
    """Return one example's words with TLAST as encoders give them: stream -> [(word, TLAST)]."""
    example = parse((folder / f"{name}.md").read_text())[number]
    return {
        port.split("_axis_")[1]: list(zip(*found, strict=True))
        for port, found in example.items() if "_axis_" in port
    }  # fmt: skip


def sent(words):
    return {stream: [word for word, _ in each] for stream, each in words.items() if each}


@pytest.mark.parametrize("name", ["gemm", "sparse_gemm"])
def test_products_become_words_and_back(name, packages):
    folder, params = packages(name)
    encoder, sheet = encoder_of(folder, name), find(name).sheet(params)
    for number, example in enumerate(sheet.examples):
        arrays = {key: values.tolist() for key, values in example.arrays.items()}
        one = ("zero_point", "a_zero_point")
        arrays |= {key: arrays[key][0] for key in one if key in arrays}
        n = len(arrays["b"][0])
        if "multiplier" in arrays:
            arrays |= {"low": -128, "high": 127}
        flow = example.run["run_dataflow"] == "os"
        made = encoder.encode(**arrays, output_stationary=flow)
        printed = packets_of(folder, name, number)
        assert sent(made) == {key: it for key, it in sent(printed).items() if key in made}
        job = find(name).adapter.plan(params, find(name).adapter.Run(**example.run), example.arrays)
        c = encoder.decode([word for word, _ in printed["c"]], len(arrays["a"]), n)
        assert encoder.reference(**arrays) == c == job.golden["c"].tolist()


@pytest.mark.parametrize("options", [{}, {"out_width": 16, "b_zero_points": False}])
def test_the_reference_of_a_product_computes_every_bit(options):
    """Run every rounding, format and clamp, with and without zero points of `b`."""
    block = find("gemm")
    params = block.params(rows=3, cols=2, **options)
    names = encoder_names(block, params)
    told = 0
    for run, arrays in requantizations(params, block.adapter.Run(), np.random.default_rng(8)):
        fmt = run.c_format or Format.parse("s8")
        if fmt.width > params.out_width:
            continue
        told += 1
        low, high = run.clamp or (fmt.low, fmt.high)
        given = {name: each.tolist() for name, each in arrays.items() if name not in "ab"}
        given |= {name: given[name][0] for name in ("zero_point", "a_zero_point")}
        rounding = names["CODES"]["command.rounding"][run.rounding.upper()]
        c = block.adapter.plan(params, run, arrays).golden["c"]
        for a, b, right in zip(arrays["a"], arrays["b"], c, strict=True):
            assert right.tolist() == names["reference"](
                a.tolist(), b.tolist(), **given, rounding=rounding, low=low, high=high
            )
    assert told > 3
    if not params.b_zero_points:
        with pytest.raises(ValueError, match="zero points of b"):
            names["reference"]([[1]], [[1]], b_zero_point=1)


def driven(name, packages):
    """Return a block's model, its package's encoder, and a function from its words to beats."""
    folder, params = packages(name)
    model, encoder = build(find(name), params), encoder_of(folder, name)
    streams = {each.name: each for each in axis_streams(model.manifest)}

    def to_beats(words):
        return {stream: payloads(streams[stream], tuple(zip(*each, strict=True)))
                for stream, each in words.items() if each}  # fmt: skip

    def to_words(stream, beats):
        return [encoder.unpack(stream, each.tobytes()) for each in to_bytes(streams[stream], beats)]

    return model, encoder, to_beats, to_words


@pytest.mark.parametrize("name", ["gemm", "sparse_gemm"])
def test_an_early_packet_of_b_leaves_zeros_in_the_lower_k(name, packages):
    """G9b: of the tile in which it ends; later tiles are zeros as a whole."""
    model, encoder, to_beats, to_words = driven(name, packages)
    step = getattr(encoder, "GROUP", 1)
    rows, k = encoder.ROWS, encoder.ROWS + 2
    rng = np.random.default_rng(4)
    a = rng.integers(-9, 10, (3, k * step)).tolist()
    b = rng.integers(1, 10, (k * step, encoder.COLS)).tolist()
    for number, line in enumerate(b):
        if number % step > 1:
            line[:] = [0] * len(line)
    words = encoder.encode(a, b, output_stationary=False)
    # Both tiles of K, in the order of the beats.
    order = [*reversed(range(rows)), k - 1, rows]
    for kept in (k - 1, rows, rows - 1, 1):
        short = [(word, number == kept - 1) for number, (word, _) in enumerate(words["b"][:kept])]
        there = [line if number // step in order[:kept] else [0] * len(line)
                 for number, line in enumerate(b)]  # fmt: skip
        received = model.run(to_beats(words | {"b": short}), {"c": 3, "status": 1}).received
        (status,) = to_words("status", received["status"])
        assert {field for field, value in status.items() if value} == {"b.early"}
        c = [word["data"] for word in to_words("c", received["c"])]
        assert c == encoder.reference(a, there)


@pytest.mark.parametrize("name", ["gemm", "sparse_gemm"])
def test_status_comes_with_the_operands(name, packages):
    """G2, G2b: `c` may still wait; what is too long is told before its TLAST is there."""
    model, encoder, to_beats, to_words = driven(name, packages)
    words = encoder.encode([[1, 2], [3, 4]], [[1], [2]])
    received = model.run(to_beats(words), {"status": 1}, untaken=["c"]).received
    assert not any(to_words("status", received["status"])[0].values())
    for stream in ("a", "b", "scale"):
        long = words | {stream: [(word, False) for word, _ in words[stream]]}
        received = model.run(to_beats(long), {"c": 2, "status": 1}).received
        (status,) = to_words("status", received["status"])
        assert {field for field, value in status.items() if value} == {f"{stream}.late"}
        lanes = [np.atleast_1d(word["data"])[0] for word in to_words("c", received["c"])]
        assert lanes == [5, 11]


@pytest.mark.parametrize("rounding", range(3))
def test_the_reference_of_a_product_rounds_ties(rounding):
    """Halves and their neighbors of either sign."""
    names = encoder_names(find("gemm"), find("gemm").params())
    a = [[x] for x in range(-9, 10)]
    for shift in range(3):
        how = {"multiplier": [1], "shift": [shift], "rounding": Rounding(rounding).name.lower()}
        right = gemm(a, [[1]], **how)
        how |= {"rounding": rounding, "low": -128, "high": 127}
        assert names["reference"](a, [[1]], **how) == right.tolist()


def encoder_names(block, params):
    """Return what a package's encoder defines, without the package."""
    streams = axis_streams(streams_of(looked_at(block.component(params))))
    names: dict = {}
    exec(encoder_text(block.name, block.sheet(params), streams), names)
    return names


def test_softmax_rows_become_words_and_back(packages):
    folder, params = packages("softmax")
    encoder, sheet = encoder_of(folder, "softmax"), find("softmax").sheet(params)
    for number, example in enumerate(sheet.examples):
        rows = example.arrays["x"].tolist()
        masks = example.arrays["mask"].tolist() if "mask" in example.arrays else None
        log2 = example.run.get("log2", False)
        delta = example.run.get("delta", 1.0)
        made = encoder.encode(rows, masks, delta=delta, log2=log2)
        printed = packets_of(folder, "softmax", number)
        assert sent(made) == {key: it for key, it in sent(printed).items() if key in made}
        assert all(made["x"][n][1] == end for n, (_, end) in enumerate(printed["x"]))
        job = find("softmax").adapter.plan(
            params, find("softmax").adapter.Run(**example.run), example.arrays
        )
        y = job.golden["y"].tolist()
        assert encoder.decode([word for word, _ in printed["y"]], [len(r) for r in rows]) == y
        code = encoder.unpack("command", made["command"][0][0])["delta"]
        for row, mask, right in zip(rows, masks or [None] * len(rows), y, strict=True):
            assert encoder.reference(row, mask, delta=code, log2=log2) == right


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"kind": "rms", "in_format": "s8", "gamma_format": "sq2.6", "beta_format": "sq2.14"},
        {"gamma_format": "s4", "beta_format": "s8", "out_format": "sq4.4"},
        {"in_format": "sq1.15", "out_format": "sq1.15"},
    ],
)
def test_the_reference_of_layernorm_computes_every_bit(options):
    """Rows of zeros, of extremes and of noise, of every length up to 16."""
    block = find("layernorm")
    params = block.params(lanes=2, max_length=16, **options)
    names = encoder_names(block, params)
    rng = np.random.default_rng(3)

    def some(fmt, shape):
        return rng.integers(fmt.low, fmt.high + 1, shape)

    fmt = params.in_format
    for n in range(1, 17):
        x = some(fmt, (8, n))
        x[0], x[1], x[2] = 0, fmt.high, fmt.low
        x[3] = rng.integers(0, 2, n)
        arrays = {
            "x": x,
            "gamma": some(params.gamma_format, n),
            "beta": some(params.beta_format, n),
        }
        for epsilon in (0.0, 1e-5, 0.3):
            run = block.adapter.Run(epsilon=epsilon)
            job = block.adapter.plan(params, run, arrays)
            code = names["epsilon_code"](epsilon, n)
            gamma, beta = arrays["gamma"].tolist(), arrays["beta"].tolist()
            y = [names["reference"](row, gamma, beta, code) for row in x.tolist()]
            assert y == job.golden["y"].tolist()


def test_layernorm_rows_become_words(packages):
    folder, params = packages("layernorm")
    encoder, sheet = encoder_of(folder, "layernorm"), find("layernorm").sheet(params)
    for number, example in enumerate(sheet.examples):
        x, gamma, beta = (example.arrays[name].tolist() for name in ("x", "gamma", "beta"))
        printed = packets_of(folder, "layernorm", number)
        made = encoder.encode(x, gamma, beta)
        assert sent(made) == {key: it for key, it in sent(printed).items() if key in made}
        assert [end for _, end in made["x"]] == [end for _, end in printed["x"]]


def test_attention_and_pairs_become_words(packages):
    folder, params = packages("token_score")
    encoder, sheet = encoder_of(folder, "token_score"), find("token_score").sheet(params)
    one, two, three = (packets_of(folder, "token_score", number) for number in range(3))
    arrays = [{name: it.tolist() for name, it in each.arrays.items()} for each in sheet.examples]
    made = encoder.encode([[row] for row in arrays[0]["attention"]], mean=True)
    assert sent(made) == sent(one | {name: [] for name in set(one) - set(made)})
    made = encoder.encode(arrays[1]["attention"], arrays[1]["previous"])
    assert sent(made) == sent(two | {name: [] for name in set(two) - set(made)})
    words = [encoder.unpack("pairs", word) for word, _ in three["pairs"]]
    pairs = [(word["data.score"], word["data.weight"]) for word in words]
    made = encoder.encode(pairs=[pairs[:2], pairs[2:]])
    assert sent(made) == sent(three | {name: [] for name in set(three) - set(made)})
    assert [end for _, end in made["pairs"]] == [end for _, end in three["pairs"]]


@pytest.mark.parametrize(
    ("name", "spread", "sign"), [("im2col", 1, 1), ("zero_free", 1, -1), ("bp_im2col", 2, -1)]
)
def test_loops_become_walks(name, spread, sign, packages):
    """The table of loops in the sheet makes the example's words and its beats."""
    folder, _ = packages(name)
    encoder, printed = encoder_of(folder, name), packets_of(folder, name, 0)
    # A map and a result of 2 x 2 pixels, a kernel of 2 x 2, padding 1, stride 2.
    move, start = (2, -1) if name == "im2col" else (1, 1)
    loops = [(2, (0, move), 0), (2, (move, 0), 0), (1, (0, 0), 4), (1, (0, 0), 1),
             (2, (0, sign), 0), (2, (sign, 0), 0)]  # fmt: skip
    walks = [([(start, 2, 2, spread), (start, 2, 1, spread)], loops)]
    if name == "zero_free":
        # Of each row and column of dx one tap, and the pixel that it meets.
        first = {0: (0 + 1 - 1) // 2, 1: (1 + 1 - 0) // 2}
        walks = [
            ([(first[row], 2, 2, 1), (first[column], 2, 1, 1)],
             [(1, (0, 1), 0), (1, (1, 0), 0), (1, (0, 0), 4), (1, (0, 0), 1),
              (1, (0, -1), 0), (1, (-1, 0), 0)])
            for row in range(2) for column in range(2)
        ]  # fmt: skip
    assert [encoder.walk(*each, 0, 4) for each in walks] == [word for word, _ in printed["walk"]]
    beats = [encoder.unpack("o", word) for word, _ in printed["o"]]
    told = [beat for each in walks for beat in encoder.beats(*each, 0)]
    assert [real for _, real in told] == [bool(beat["data.real"]) for beat in beats]
    assert all(at == beat["data.address"]
               for (at, real), beat in zip(told, beats, strict=True) if real)  # fmt: skip


def test_the_formulas_of_softmax_make_its_tables():
    block = find("softmax")
    tables = block.sheet(block.params()).tables

    def f(t):
        return 2**16 / (1 + t / 128)

    assert tables["SLOPE"] == [round(f(s + 1) - f(s)) for s in range(128)]
    assert tables["CONSTANT"] == [round((f(s) + f(s + 1)) / 4 + f(s + 0.5) / 2) for s in range(128)]


ELEMENT_CASES = [
    *((block.name, {}) for block in ELEMENTWISE),
    ("exp", {"in_format": "sq4.4", "out_format": "sq4.4"}),
    ("gelu", {"in_format": "sq4.4", "out_format": "sq4.4"}),
    ("gelu", {"coefficients": "heatvit"}),
    ("sigmoid", {"coefficients": "plan"}),
    ("exp", {"coefficients": "heatvit"}),
    ("hardsigmoid", {"alpha": "0.2", "beta": "0.4"}),
    ("reciprocal", {"in_format": "uq4.12", "out_format": "sq4.4"}),
    ("rsqrt", {"in_format": "uq12.4", "out_format": "uq1.15"}),
]


@pytest.mark.parametrize(("name", "options"), ELEMENT_CASES)
def test_the_reference_of_a_function_computes_every_bit(name, options):
    """Run the generated Python, its tables included, over the whole input."""
    block = find(name)
    params = block.params(lanes=2, **options)
    names = encoder_names(block, params)
    fmt = params.in_format
    x = np.unique(np.linspace(fmt.low, fmt.high, 3001).astype(np.int64))
    assert [names["reference"](int(each)) for each in x] == params.unit(x).tolist()


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
