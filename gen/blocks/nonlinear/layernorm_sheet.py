"""The data sheet of layer normalization."""

import numpy as np

from gemmule.gen.package.sheet import Example, Field, Sheet, Stream
from gemmule.gen.package.sheet.parts import FAULTS, numbers, status, text
from gemmule.golden.common.formats import Format
from gemmule.golden.nonlinear.layernorm import (
    DEVIATION_FRAC,
    EPSILON_FRAC,
    MANTISSA_BITS,
    ROOT_FRAC,
    RootReciprocal,
)
from gemmule.hw.nonlinear.layernorm_params import LayernormParams
from gemmule.hw.nonlinear.row.commands import ROWS_WIDTH

__all__ = ["layernorm_sheet"]


def layernorm_sheet(params: LayernormParams) -> Sheet:
    """Say what layer normalization computes, and how it is driven."""
    lanes, longest, frac = params.lanes, params.max_length, params.in_format.frac
    epsilon = 2 * frac + EPSILON_FRAC
    pieces = RootReciprocal().pieces
    return Sheet(
        equation=_equation(params),
        streams={
            "command": Stream(
                "One word for a number of rows of one length.",
                {
                    "rows": Field("how many rows follow", f"1..{(1 << ROWS_WIDTH) - 1}", "rows"),
                    "length": Field("n, the entries of each row", f"1..{longest}", "entries"),
                    "epsilon": Field(
                        f"round(epsilon * n^2 * 2^{epsilon}), epsilon being a real number that is"
                        " added to the variance of the real x, as 0.00001",
                        f"0..{(1 << params.epsilon_width) - 1}",
                    ),
                },
            ),
            "affine": Stream(
                "gamma and beta of each entry: one packet a command, as long as a row.",
                {
                    "data.gamma": Field(
                        "what entries are multiplied by", numbers(params.gamma_format)
                    ),
                    "data.beta": Field("what is added then", numbers(params.beta_format)),
                },
            ),
            "x": Stream(
                f"The rows, one packet each, ceil(n / {lanes}) beats. Lanes beyond the end of a row"
                " must be 0: they are summed.",
                {"data": Field("entries of the row", numbers(params.in_format))},
            ),
            "y": Stream(
                "The results, one packet a row, as many beats. Lanes beyond the end mean nothing.",
                {"data": Field("entries of the result", numbers(params.out_format))},
            ),
            "status": status(["affine", "x"]),
        },
        order=text(f"""
        ```text
        for each command:
          command: one word
          for i = 0, {lanes}, {2 * lanes}, ... below n:
            affine:  one beat: lane j = gamma[i + j], beta[i + j]
          for row = 0 .. rows - 1:
            for i = 0, {lanes}, {2 * lanes}, ... below n:
              x:  one beat: lane j = x[row, i + j], or 0 where i + j >= n
              y:  one beat: lane j = y[row, i + j]
          status:  one word, after the last beat of y
        ```
        """),
        faults=text("""
        - A command with `rows` or `length` = 0 is refused, and has no packets.
        - One with too long a `length` is refused; its packet of `affine` and its `rows` packets of
          `x` are taken and thrown away, each up to its TLAST. Nothing comes at `y`.
        """)
        + "\n\n"
        + FAULTS,
        limits=(
            ("entries of a row", longest),
            ("beats of a row", params.beats),
            ("rows of a command", (1 << ROWS_WIDTH) - 1),
        ),
        latency=(
            "{latency} cycles from a row's beat to its result if a row is one beat; {latency} +"
            " beats - 1 cycles from the first beat of a row to its first result."
        ),
        throughput="One beat a cycle; rows follow each other without a gap.",
        back_pressure=(
            "Every stream may stall at any time. A command waits until all rows of the one before"
            " it have left, rows wait until `affine` is loaded."
        ),
        ahead={"command": 1, "affine": 1, "x": 0},
        examples=_examples(params),
        constants={
            "LANES": lanes,
            "MAX_LENGTH": longest,
            "MAX_BEATS": params.beats,
            "EPSILON_BITS_BELOW": epsilon,
            "GAMMA_FRAC": params.gamma_format.frac,
            "BETA_FRAC": params.beta_format.frac,
            "OUT_FRAC": params.out_format.frac,
            "OUT_LOW": params.out_format.low,
            "OUT_HIGH": params.out_format.high,
            "HAS_MEAN": int(params.kind == "layer"),
            "VARIANCE_BITS_BELOW": EPSILON_FRAC,
            "DEVIATION_FRAC": DEVIATION_FRAC,
            "OFFSET_BITS": pieces.offset_bits,
        },
        encoder=("layernorm_reference.py",),
        tables={f"C{n}": pieces.coefficients[:, n].tolist() for n in range(3)},
    )


def _equation(params: LayernormParams) -> str:
    layer = params.kind == "layer"
    pieces = RootReciprocal().pieces
    half = 1 << pieces.offset_bits >> 1
    left = EPSILON_FRAC // 2 + DEVIATION_FRAC + 1
    gamma, beta, out = (
        fmt.frac for fmt in (params.gamma_format, params.beta_format, params.out_format)
    )
    frac = max(DEVIATION_FRAC + gamma, beta, out)
    up, move = frac - DEVIATION_FRAC - gamma, frac - beta
    rest = frac - out
    last = f"floor(v / 2^{rest} + 1/2)"
    real = (
        "gamma * (x - mean) / sqrt(variance + epsilon) + beta"
        if layer
        else "gamma * x / sqrt(mean of x^2 + epsilon) + beta"
    )
    return text(f"""
    Of the real values, for each row: y = {real}. In integers, `>>` rounding down:

    ```text
    S = {"sum of x[i]" if layer else "0"}
    V = (n * (sum of x[i]^2) - S^2) * 2^{EPSILON_FRAC} + epsilon        # exact
    k = floor(log2(V));  e = k >> 1                            # V = 0: m = 0
    p = floor(V * 2^{MANTISSA_BITS} / 2^k) - 2^{MANTISSA_BITS} + (k mod 2) * 2^{MANTISSA_BITS}
    s = p div {2 * half};  u = p mod {2 * half} - {half}
    m = C0[s] + ((C1[s] + (C2[s] * u >> {pieces.offset_bits})) * u >> {pieces.offset_bits})
    w = (((n * x[i] - S) * 2^{left} >> e) + 1) >> 1
    d = (w * m + 2^{ROOT_FRAC - 1}) >> {ROOT_FRAC}
    v = d * gamma[i] * 2^{up} + beta[i] * 2^{move}
    y[i] = min(max({last}, {params.out_format.low}), {params.out_format.high})
    ```

    m is about 1 / sqrt(V); `{{name}}.py` has the tables C0, C1, C2 of {len(pieces.coefficients)}
    entries, and a function `reference` that computes every bit.
    """)


def _examples(params: LayernormParams) -> tuple[Example, ...]:
    n = min(params.max_length, params.lanes + 1 if params.lanes <= 4 else 3)

    def some(fmt: Format, count: int, step: int) -> np.ndarray:
        low, high = max(fmt.low, -900), min(fmt.high, 4100)
        return np.arange(count) * step % (high - low + 1) + low

    x = some(params.in_format, 2 * n, 397).reshape(2, n)
    return (
        Example(
            "1: two rows",
            {
                "x": x,
                "gamma": some(params.gamma_format, n, 1711),
                "beta": some(params.beta_format, n, 233),
            },
        ),
    )
