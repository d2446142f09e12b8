"""The recipes of conv2d's data sheet, carried out with the encoder of its package alone."""

from math import gcd, lcm

import numpy as np

from gemmule.golden.conv.geometry import Geometry
from gemmule.tb.conv.test_convolution import SMALL

__all__ = ["COLS", "PIXEL", "ROWS", "Recipe", "forward", "input_grad", "weight_grad"]

ROWS, COLS = SMALL.rows, SMALL.cols
PIXEL = lcm(ROWS, COLS)
"""Bytes of a pixel: here each map has no more channels than that, in elements of a byte."""


class Recipe:
    """A program as it grows: its commands, and of each product what its settings need."""

    def __init__(self, encoder, layer: Geometry, arrays: dict, at: dict[str, int]):
        self.encoder, self.at, self.arrays = encoder, at, arrays
        self.commands, self.products = [], []
        self.images, self.c, self.o = layer.batch, layer.channels, layer.filters
        (self.h, self.w), (self.p, self.q) = layer.size, layer.out
        (self.u, self.v), self.taps = layer.kernel, layer.taps
        (self.s, _), (self.d, _), self.pad = layer.stride, layer.dilation, layer.padding[0]

    def add(self, kind: str, walk: tuple = (), **values: int) -> None:
        parts = {name.replace("__", "."): value for name, value in values.items()}
        if walk:
            parts |= self.encoder["walk"](kind, *walk)
        self.commands.append((kind, parts))

    def zero(self, name: str) -> np.ndarray:
        return np.asarray(self.arrays.get(f"{name}_zero_point", [0]))

    def product(self, a: str, b: str, sums: np.ndarray, first: int, **sizes: int) -> None:
        """Add a product of the columns from ``first`` on; ``sums`` are those of ``b``'s columns."""
        size, n = sizes["k"], sizes["n"]
        zero = self.zero(b)
        zero = zero[first : first + n] if len(zero) > 1 else np.repeat(zero, n)
        offset = self.arrays["bias"][first : first + n] - self.zero(a)[0] * (sums - size * zero)
        self.products.append((first, n, offset, zero))
        limits = {"low": -128, "high": 127, "zero_point": int(self.arrays["zero_point"][0])}
        self.add("PRODUCT", **sizes, **limits)

    def load(self, kind: str, base: int, vectors: int, *loops: tuple[int, int], **more: int):
        loops = [*loops, *[(1, 0)] * (3 - len(loops))]
        counts = {f"loops__{n}__count": count for n, (count, _) in enumerate(loops)}
        strides = {f"loops__{n}__stride": stride for n, (_, stride) in enumerate(loops)}
        requests = int(np.prod([count for count, _ in loops]))
        self.add(
            kind,
            base=base,
            vectors=vectors,
            requests=requests,
            closes=1,
            **counts,
            **strides,
            **more,
        )

    def map_load(self, kind: str, base: int, height: int, width: int, vectors: int) -> None:
        row = width * PIXEL
        self.load(kind, base, vectors, (width, PIXEL), (height, row), (self.images, height * row))

    def still(self, *loops: tuple[int, int]) -> tuple:
        """Make the loops of places whose pixels do not matter."""
        return [(0, 1, 0, 1)], [(bound, [0], step) for bound, step in loops]

    def end(self) -> list[tuple[bytes, bool]]:
        self.add("FENCE")
        last = len(self.commands) - 1
        return [
            self.encoder["command"](kind, values, number == last)
            for number, (kind, values) in enumerate(self.commands)
        ]

    def scale(self) -> list[tuple[bytes, bool]]:
        """Encode the settings by the sheet's formulas."""
        words = []
        for first, n, offset, zero in self.products:
            lanes = range(first, first + n)
            shift = [int(self.arrays["shift"][column]) for column in lanes]
            factor = [int(self.arrays["multiplier"][column]) for column in lanes]
            fields = {
                "data.offset": offset.tolist(),
                "data.multiplier": [m << 8 - s % 8 for m, s in zip(factor, shift, strict=True)],
                "data.drop": [s // 8 for s in shift],
                "data.b_zero_point": zero.tolist(),
            }
            words.append({name: each + [0] * (COLS - n) for name, each in fields.items()})
        return self.encoder["packet"]("scale", words)


def forward(make: Recipe, *, of_gradient: bool = False) -> None:
    """Add the commands of forward or of the weight gradient: second operand and places differ."""
    blocks = -(-make.c // ROWS)
    make.map_load("A_LOAD", make.at["A_LOAD"], make.h, make.w, blocks)
    tiles = range(0, make.o, COLS)
    for n0 in tiles:
        n, release = min(COLS, make.o - n0), int(n0 == tiles[-1])
        lanes = make.taps * blocks * ROWS
        if of_gradient:
            dy = make.arrays["dy"][:, n0 : n0 + n]
            make.product(
                "x",
                "dy",
                dy.sum((0, 2, 3)),
                n0,
                m=lanes,
                n=n,
                k=make.images * make.p * make.q,
                output_stationary=1,
            )
            tile = make.taps * make.c * COLS
            places = (
                [(0, make.c, 0, 1)],
                [
                    (blocks * ROWS, [1], COLS),
                    (make.taps, [0], make.c * COLS),
                ],
                make.at["PLACES"] + n0 // COLS * tile,
            )
            make.add("PLACES", places, length=n)
            make.map_load("B_LOAD", make.at["B_LOAD"] + n0, make.p, make.q, 1)
            pixels = [
                (make.q, (0, 1), 0),
                (make.p, (1, 0), 0),
                (make.images, (0, 0), make.p * make.q),
                (make.taps * blocks, (0, 0), 0),
            ]
            walk = [(0, make.p, make.q, 1), (0, make.q, 1, 1)], pixels
            make.add("B_PASS", walk, pad=int(make.zero("dy")[0]), release=1, final=1)
        else:
            w = make.arrays["w"][n0 : n0 + n]
            make.product(
                "x", "w", w.sum((1, 2, 3)), n0, m=make.images * make.p * make.q, n=n, k=lanes
            )
            row = make.q * PIXEL
            places = make.still((make.q, PIXEL), (make.p, row), (make.images, make.p * row))
            make.add("PLACES", (*places, make.at["PLACES"] + n0), length=n)
            vectors = make.taps * make.c
            make.load("B_LOAD", make.at["B_LOAD"] + n0 * vectors, vectors)
            walk = (
                [(ROWS - 1, make.c, 1, 1)],
                [
                    (ROWS, [-1], 0),
                    (blocks, [ROWS], 0),
                    (make.taps, [0], make.c),
                ],
            )
            make.add("B_PASS", walk, release=1, final=1)
        walk = (
            [(-make.pad, make.h, make.w * blocks, 1), (-make.pad, make.w, blocks, 1)],
            [
                (make.q, (0, make.s), 0),
                (make.p, (make.s, 0), 0),
                (make.images, (0, 0), make.h * make.w * blocks),
                (blocks, (0, 0), 1),
                (make.v, (0, make.d), 0),
                (make.u, (make.d, 0), 0),
            ],
        )
        make.add("A_PASS", walk, pad=int(make.zero("x")[0]), release=release, final=1)


def weight_grad(make: Recipe) -> None:
    forward(make, of_gradient=True)


def input_grad(make: Recipe) -> None:
    blocks, tiles = -(-make.o // ROWS), -(-make.o // COLS)
    apart = make.s // gcd(make.s, make.d)
    back = apart * make.d // make.s
    make.map_load("A_LOAD", make.at["A_LOAD"], make.p, make.q, blocks)
    column, row = PIXEL, make.w * PIXEL

    def taps_of(first: int, kernel: int) -> list[int]:
        return [t for t in range(kernel) if (first + make.pad - t * make.d) % make.s == 0]

    phases = [(r, c) for r in range(min(make.s, make.h)) for c in range(min(make.s, make.w))]
    steps = [(phase, c1) for phase in phases for c1 in range(0, make.c, COLS)]
    full = [step for step in steps if taps_of(step[0][0], make.u) and taps_of(step[0][1], make.v)]
    for step in steps:
        (r0, c0), c1 = step
        n, met = min(COLS, make.c - c1), (taps_of(r0, make.u), taps_of(c0, make.v))
        rows, columns = -(-(make.h - r0) // make.s), -(-(make.w - c0) // make.s)
        m, tap_count = make.images * rows * columns, len(met[0]) * len(met[1])
        w = make.arrays["w"][:, c1 : c1 + n]
        sums = sum((w[:, :, t, e].sum(0) for t in met[0] for e in met[1]), np.zeros(n, int))
        k = tap_count * blocks * ROWS or ROWS
        make.product("dy", "w", sums, c1, m=m, n=n, k=k)
        places = make.still(
            (columns, make.s * column), (rows, make.s * row), (make.images, make.h * row)
        )
        first = make.at["PLACES"] + c1 + r0 * row + c0 * column
        make.add("PLACES", (*places, first), length=n)
        pad = int(make.zero("dy")[0])
        if not tap_count:
            make.add("B_PASS", ([(0, 0, 0, 1)], [(ROWS, [0], 0)]), final=1)
            make.add("A_PASS", ([(0, 0, 0, 1)], [(m, [0], 0)]), pad=pad, final=1)
            continue
        first = [
            (at + make.pad - taps[0] * make.d) // make.s
            for at, taps in zip((r0, c0), met, strict=True)
        ]
        tap = COLS * make.c
        base = make.at["B_LOAD"] + (met[0][0] * make.v + met[1][0]) * tap + c1 * COLS
        make.load(
            "B_LOAD",
            base,
            n,
            (tiles, make.taps * tap),
            (len(met[1]), apart * tap),
            (len(met[0]), apart * make.v * tap),
            turned=1,
        )
        walk = (
            [(ROWS - 1, make.o, 1, 1)],
            [
                (ROWS, [-1], 0),
                (blocks, [ROWS], 0),
                (tap_count, [0], tiles * COLS),
            ],
        )
        make.add("B_PASS", walk, release=1, final=1)
        walk = (
            [(first[0], make.p, make.q * blocks, 1), (first[1], make.q, blocks, 1)],
            [
                (columns, (0, 1), 0),
                (rows, (1, 0), 0),
                (make.images, (0, 0), make.p * make.q * blocks),
                (blocks, (0, 0), 1),
                (len(met[1]), (0, -back), 0),
                (len(met[0]), (-back, 0), 0),
            ],
        )
        make.add("A_PASS", walk, pad=pad, release=int(step == full[-1]), final=1)
