"""A block of a vision transformer: attention and multilayer perceptron, ordered for both units."""

from dataclasses import dataclass
from itertools import pairwise
from math import log2, sqrt

import numpy as np

from gemmule.golden.common.formats import Format
from gemmule.golden.nonlinear.layernorm import epsilon_code
from gemmule.golden.soc.commands import AFFINE, VectorFunction

from .program import PRODUCT, VECTORS, Matrix, Program

__all__ = ["DEIT_S", "Shape", "build"]

SPREAD = 40
"""Standard deviation, about, of elements."""

NORM_IN = Format.parse("sq8.8")


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The sizes of a block; ``parts`` are groups of rows that the units work on side by side."""

    tokens: int
    width: int
    heads: int
    hidden: int
    parts: int = 3

    @property
    def head(self) -> int:
        """Columns of a head."""
        return self.width // self.heads

    @property
    def macs(self) -> int:
        """Multiply-accumulates."""
        projections = 4 * self.width + 2 * self.hidden
        return self.tokens * self.width * (projections + 2 * self.tokens)

    def slices(self) -> list[slice]:
        """Return the rows of each part."""
        edges = np.linspace(0, self.tokens, self.parts + 1).round().astype(int)
        return [slice(int(low), int(high)) for low, high in pairwise(edges)]


DEIT_S = Shape(tokens=197, width=384, heads=6, hidden=1536)


def build(shape: Shape, base: int, seed: int = 1) -> tuple[Program, Matrix]:
    """Return the commands of a block with random weights, and where its result is.

    ``y = x + attention(layernorm(x))``, ``z = y + mlp(layernorm(y))``, all tensors s8 with one
    scale each. Products come in an order in which what each needs was begun at least one product
    earlier: so the vector unit's work takes place beside them.
    """
    rng = np.random.default_rng(seed)
    block = _Block(Program(base), shape, rng)
    return block.program, block.build()


class _Block:
    def __init__(self, program: Program, shape: Shape, rng: np.random.Generator):
        self.program, self.shape, self.rng = program, shape, rng
        self.parts = shape.slices()

    def build(self) -> Matrix:
        shape, program = self.shape, self.program
        x = self._random(shape.tokens, shape.width)
        y, z = (program.matrix(shape.tokens, shape.width) for _ in range(2))
        heads = self._attention(x)
        out = program.matrix(shape.tokens, shape.width)
        weights = self._random(shape.width, shape.width)
        normed, done = program.matrix(shape.tokens, shape.width), []
        program.nop(product=self._products)
        ends = [self._multiply(heads.slice(rows), weights, out.slice(rows)) for rows in self.parts]
        up, down = self._random(shape.width, shape.hidden), self._random(shape.hidden, shape.width)
        raw, active = (program.matrix(shape.tokens, shape.hidden) for _ in range(2))
        for rows, end in zip(self.parts, ends, strict=True):
            program.vector(x.slice(rows), y.slice(rows), out.slice(rows), wait={"product": end})
            done.append(self._normalize(y.slice(rows), normed.slice(rows)))
        ends = [
            self._multiply(normed.slice(rows), up, raw.slice(rows), vectors=each)
            for rows, each in zip(self.parts, done, strict=True)
        ]
        done = [
            self._function("GELU", raw.slice(rows), active.slice(rows), 256, 8, product=end)
            for rows, end in zip(self.parts, ends, strict=True)
        ]
        out = program.matrix(shape.tokens, shape.width)
        ends = [
            self._multiply(active.slice(rows), down, out.slice(rows), vectors=each)
            for rows, each in zip(self.parts, done, strict=True)
        ]
        for rows, end in zip(self.parts, ends, strict=True):
            program.vector(y.slice(rows), z.slice(rows), out.slice(rows), wait={"product": end})
        return z

    def _attention(self, x: Matrix) -> Matrix:
        """Return what the heads give, side by side."""
        shape, program = self.shape, self.program
        tokens, width, head = shape.tokens, shape.width, shape.head
        normed = program.matrix(tokens, width)
        done = [self._normalize(x.slice(rows), normed.slice(rows)) for rows in self.parts]
        keys, values, queries = (program.matrix(tokens, width) for _ in range(3))
        weights = [self._random(width, width) for _ in range(3)]
        for rows, each in zip(self.parts, done, strict=True):
            self._multiply(normed.slice(rows), weights[0], keys.slice(rows), vectors=each)
        keys_there = self._products
        for matrix, right in ((values, weights[1]), (queries, weights[2])):
            self._multiply(normed, right, matrix)
        turned = [program.matrix(head, tokens) for _ in range(shape.heads)]
        for number, each in enumerate(turned):
            columns = slice(number * head, (number + 1) * head)
            self._function("TRANSPOSE", keys.slice(columns=columns), each, 1, 0, product=keys_there)
        program.nop(product=self._products)
        return self._heads(queries, turned, values)

    def _heads(self, queries: Matrix, keys: list[Matrix], values: Matrix) -> Matrix:
        """Multiply, take softmax, multiply: head after head, two of them under way."""
        shape, program = self.shape, self.program
        result = program.matrix(shape.tokens, shape.width)
        scores, chances, ends, done = {}, {}, {}, {}
        columns = [slice(n * shape.head, (n + 1) * shape.head) for n in range(shape.heads)]
        turned = self._vectors - shape.heads
        for step in range(shape.heads + 2):
            if step < shape.heads:
                scores[step] = program.matrix(shape.tokens, shape.tokens)
                left = queries.slice(columns=columns[step])
                ends[step] = self._multiply(
                    left, keys[step], scores[step], vectors=turned + step + 1
                )
            if 0 <= (ready := step - 1) < shape.heads:
                chances[ready] = program.matrix(shape.tokens, shape.tokens)
                done[ready] = self._function(
                    "SOFTMAX", scores[ready], chances[ready], 32, 15, product=ends[ready]
                )
            if (last := step - 2) >= 0:
                right = values.slice(columns=columns[last])
                target = result.slice(columns=columns[last])
                self._multiply(chances[last], right, target, vectors=done[last])
        return result

    @property
    def _products(self) -> int:
        return self.program.count(PRODUCT)

    @property
    def _vectors(self) -> int:
        return self.program.count(VECTORS)

    def _random(self, rows: int, columns: int) -> Matrix:
        values = self.rng.normal(0, SPREAD, (rows, columns)).round().clip(-127, 127)
        return self.program.put(values.astype(np.int8))

    def _multiply(self, a: Matrix, b: Matrix, c: Matrix, **wait: int) -> int:
        return self.program.gemm(a, b, c, shift=round(log2(SPREAD * sqrt(a.columns))), **wait)

    def _normalize(self, x: Matrix, y: Matrix, **wait: int) -> int:
        affine = AFFINE.encode(gamma=1 << 12, beta=0) * x.columns
        code = epsilon_code(1e-5, x.columns, NORM_IN)
        return self._function("LAYERNORM", x, y, 16, 5, behind=affine, epsilon=code, **wait)

    def _function(
        self, name: str, x: Matrix, y: Matrix, multiplier: int, shift: int, *, behind: bytes = b"",
        epsilon: int = 0, **wait: int,
    ) -> int:  # fmt: skip
        factor = 127 if name == "SOFTMAX" else 1
        return self.program.vector(
            x, y, function=VectorFunction[name], behind=behind, wait=wait, multiplier=multiplier,
            result_multiplier=factor, result_shift=shift, delta=1 << 12, epsilon=epsilon,
        )  # fmt: skip
