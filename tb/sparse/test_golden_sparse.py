"""The 2:4 format, its product and CUTLASS's layout, against independent statements of each."""

from importlib.util import find_spec
from itertools import combinations

import numpy as np
import pytest

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.lanes import to_words
from gemmule.golden.sparse.cutlass import from_cutlass, to_cutlass
from gemmule.golden.sparse.format import TWO_FOUR, Pattern, compress, expand, group_words, normalize
from gemmule.golden.sparse.gemm import dense_as_groups, multiply

from .cases import KS, sparse_matrix

PATTERNS = [Pattern(1, 4), TWO_FOUR, Pattern(4, 8)]


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
@pytest.mark.parametrize("k", KS)
def test_round_trip_and_product(k, pattern):
    rng = np.random.default_rng(k)
    b = sparse_matrix(rng, k, 9, pattern=pattern)
    values, indices = compress(b, pattern)
    assert values.shape == indices.shape == (pattern.groups(k) * pattern.kept, 9)
    assert np.array_equal(expand(values, indices, pattern, k=k), b)
    a = rng.integers(-128, 128, (5, k))
    assert np.array_equal(multiply(a, values, indices, pattern), a @ b)


def test_every_index_pattern_and_fill():
    for count in range(3):
        for places in combinations(range(4), count):
            b = np.zeros((4, 1), int)
            b[list(places), 0] = [3, -4][:count]
            values, indices = compress(b)
            free = [place for place in range(4) if place not in places][: 2 - count]
            assert indices.ravel().tolist() == sorted([*places, *free])
            assert np.array_equal(expand(values, indices), b)


def test_bits_are_as_documented():
    rng = np.random.default_rng(3)
    values, indices = compress(sparse_matrix(rng, 16, 3))
    words = group_words(values, indices, 8)
    group = [(values[2:4, 1][None], 8), (indices[2:4, 1][None], 2)]
    assert words.shape == (4, 3)
    assert words[1, 1] == to_words(*group)[0, 0]
    assert TWO_FOUR.group_width(8) / 32 == 0.625


def test_normalize_takes_any_order():
    rng = np.random.default_rng(4)
    values, indices = compress(sparse_matrix(rng, 64, 7))
    swapped = [array.reshape(-1, 2, 7)[:, ::-1].reshape(-1, 7) for array in (values, indices)]
    for got, want in zip(normalize(*swapped), (values, indices), strict=True):
        assert np.array_equal(got, want)


@pytest.mark.parametrize(
    ("values", "indices", "message"),
    [
        ([[1], [2]], [[0], [4]], r"indices\[1, 0\] is 4 but an index must be 0..3"),
        ([[1], [2]], [[2], [2]], r"indices\[1, 0\] is 2 again"),
        ([[1], [2]], [[2]], r"indices must have the shape of values, \[2, 1\], not \[1, 1\]"),
        ([[1]], [[2]], r"values must have a multiple of 2 rows"),
        ([[1], [2]], [[0.0], [1.0]], r"indices must hold integers"),
    ],
)
def test_compressed_input_is_checked(values, indices, message):
    with pytest.raises(UsageError, match=message):
        normalize(values, indices)


def test_third_non_zero_is_refused_with_its_place():
    b = np.zeros((2, 12, 5), int)
    b[1, [4, 6, 7], 3] = [1, 2, -9]
    with pytest.raises(UsageError, match=r"b\[1, 7, 3\] is -9.*2 of rows 4..7 in column 3"):
        compress(b)


@pytest.mark.parametrize("k", KS)
def test_dense_as_groups(k):
    rng = np.random.default_rng(k)
    a, b = rng.integers(-128, 128, (3, k)), rng.integers(-128, 128, (k, 5))
    assert np.array_equal(multiply(*dense_as_groups(a, b)), a @ b)


def cutlass_case(k, n):
    """Make a matrix without a generator, groups of 0, 1 and 2 non-zeros in every pattern."""
    b = np.zeros((k, n), int)
    patterns = [places for count in range(3) for places in combinations(range(4), count)]
    for group in range(k // 4):
        for column in range(n):
            places = patterns[(7 * group + 5 * column + group * column) % len(patterns)]
            b[[4 * group + place for place in places], column] = 1 + (group + column) % 9
    return b


CUTLASS_META = {
    8: ([[1301868238, 2638782188], [2397892248, 2314129128]], 98710376300),
    16: ([[61134, 40684, 19864, 40264], [34030, 59550, 60828, 52713]], 6080589),
}
"""What PyTorch 2.13.0's `sparse_semi_structured_from_dense_cutlass` gave for :func:`cutlass_case`:
the first two rows of `meta` and the sum of all its words, as unsigned."""


@pytest.mark.parametrize(("width", "k", "n"), [(8, 64, 16), (16, 64, 32)])
def test_cutlass_layout_is_pytorch_s(width, k, n):
    b = cutlass_case(k, n)
    kept, meta = to_cutlass(*compress(b), width)
    unsigned = meta.astype(np.int64) & (1 << (32 if width == 8 else 16)) - 1
    assert (unsigned[:2].tolist(), int(unsigned.sum())) == CUTLASS_META[width]
    values, indices = from_cutlass(kept, meta, width)
    assert np.array_equal(expand(values, indices), b)
    if find_spec("torch"):
        import torch
        from torch.sparse import _semi_structured_conversions as conversions

        dtype = torch.int8 if width == 8 else torch.float16
        dense = torch.tensor(b.T.copy(), dtype=dtype)
        want = conversions.sparse_semi_structured_from_dense_cutlass(dense)
        assert np.array_equal(want[0].numpy().astype(int), kept)
        assert np.array_equal(want[1].numpy(), meta)


def test_cutlass_refuses_what_its_layout_cannot_hold():
    with pytest.raises(UsageError, match="needs N a multiple of 16 and K of 64, not N = 8"):
        to_cutlass(np.zeros((32, 8), int), np.tile([[0], [1]], (16, 8)))
    with pytest.raises(UsageError, match="8 or 16 bits, not 4"):
        to_cutlass(np.zeros((32, 16), int), np.tile([[0], [1]], (16, 16)), 4)
    with pytest.raises(UsageError, match="meta must have a multiple of 16 rows"):
        from_cutlass(np.zeros((16, 16)), np.zeros((16, 1)))
    with pytest.raises(UsageError, match=r"kept must have shape \[16, 32\]"):
        from_cutlass(np.zeros((16, 16)), np.zeros((16, 2)))
