# amaranth: UnusedElaboratable=no
"""D: encoders of packages turn arrays into the words of the sheets' examples, and back."""

import numpy as np
import pytest

from gemmule.gen.catalog import find
from gemmule.tb.package.sheets import driven, encoder_of, packets_of, sent


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
        there = [
            line if number // step in order[:kept] else [0] * len(line)
            for number, line in enumerate(b)
        ]
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
    loops = [
        (2, (0, move), 0),
        (2, (move, 0), 0),
        (1, (0, 0), 4),
        (1, (0, 0), 1),
        (2, (0, sign), 0),
        (2, (sign, 0), 0),
    ]
    walks = [([(start, 2, 2, spread), (start, 2, 1, spread)], loops)]
    if name == "zero_free":
        # Of each row and column of dx one tap, and the pixel that it meets.
        first = {0: (0 + 1 - 1) // 2, 1: (1 + 1 - 0) // 2}
        walks = [
            (
                [(first[row], 2, 2, 1), (first[column], 2, 1, 1)],
                [
                    (1, (0, 1), 0),
                    (1, (1, 0), 0),
                    (1, (0, 0), 4),
                    (1, (0, 0), 1),
                    (1, (0, -1), 0),
                    (1, (-1, 0), 0),
                ],
            )
            for row in range(2)
            for column in range(2)
        ]
    assert [encoder.walk(*each, 0, 4) for each in walks] == [word for word, _ in printed["walk"]]
    beats = [encoder.unpack("o", word) for word, _ in printed["o"]]
    told = [beat for each in walks for beat in encoder.beats(*each, 0)]
    assert [real for _, real in told] == [bool(beat["data.real"]) for beat in beats]
    assert all(
        at == beat["data.address"] for (at, real), beat in zip(told, beats, strict=True) if real
    )
