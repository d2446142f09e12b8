"""What a data sheet says of a layer's program: forward, both gradients, and a layer in numbers.

The recipes are for layers that fit the banks; a test drives the hardware by them alone.
"""

from textwrap import indent

from gemmule.gen.compile.convolution.lower.views import im2col
from gemmule.gen.package.sheet.parts import text
from gemmule.golden.common.memory import element_size
from gemmule.golden.conv.geometry import Geometry
from gemmule.golden.conv.pattern import Axis, Loop, Walk
from gemmule.hw.conv.params import LayerParams

from .walk_words import jumps_text

__all__ = ["recipes"]


def recipes(params: LayerParams) -> str:
    """Describe the programs of the operations that this hardware has."""
    parts = [_terms(params)]
    if "ws" in params.core.dataflows:
        parts += [_forward(params), _input_gradient(params)]
    if "os" in params.core.dataflows:
        parts.append(_weight_gradient(params))
    if "ws" in params.core.dataflows and params.AXES == 2:
        parts.append(_in_numbers(params))
    return "\n\n".join(parts)


def _terms(params: LayerParams) -> str:
    plane = (
        ""
        if params.AXES == 2
        else (
            " Here a plane comes before the row: each walk has an axis more, in front, and each"
            " pair of loops over columns and rows a third one behind them, over planes, with the"
            " planes' own numbers."
        )
    )
    return (
        text("""
    **Walks by loops.** A walk is loops, the innermost first, each with a bound, a move of the pixel
    (row, column) and a step of the address besides; it begins at pixel `start` (and address
    `base`, else 0), and `pitch` is the distance of neighboring pixels in the bank. With `turns` =
    bound - 1 its fields are as follows; `{name}.py` makes them (`walk`, and `command`).
    """)
        + "\n\n"
        + indent(jumps_text(spread=True), " " * 4)
        + "\n\n"
        + text(f"""
    `spread` is 1 but where a walk inserts zeros. PLACES has neither spread nor pitch (1 and 0): its
    loops' steps are bytes. Loops that are not needed have bound 1; an axis that is not needed comes
    first, with limit 1, start and pitch 0.

    **Layers that fit the banks.** N images; `x`, `dx`: H x W pixels of C channels; `y`, `dy`: P x Q
    of O; kernel U x V, U * V = T taps; stride s, dilation d, padding p at the begin, each of its
    axis; B = ceil(channels / {params.rows}) blocks of the streamed operand, and its bank holds
    N * pixels * B vectors; bytes(...) is the distance in memory.{plane}
    """)
    )


def _forward(params: LayerParams) -> str:
    rows, cols = params.rows, params.cols
    return text(f"""
    **Forward**, of x and w:

        A_LOAD  vectors = B; loops W, H, N with the bytes of a pixel, a row, an image; closes
        for each tile of {cols} filters, n0 = 0, {cols}, ... below O:
            PRODUCT m = N * P * Q, n = filters of the tile, k = T * B * {rows}
            PLACES  from the byte of y[0, n0, 0, 0] on; loops (bound, move, step):
                    (Q, 0, bytes of a pixel), (P, 0, of a row), (N, 0, of an image)
                    all axes: start 0, limit 1; length = n
            B_LOAD  vectors = T * C, of the tile; one request; closes
            B_PASS  last axis: start {rows - 1}, limit C, pitch 1; pad 0; releases; final
                    ({rows}, -1, 0), (B, {rows}, 0), (T, 0, C)
            A_PASS  start (-p, -p), limit (H, W), pitch (W * B, B); pad zx; final; releases with
                    the last tile
                    (Q, (0, s), 0), (P, (s, 0), 0), (N, 0, H * W * B), (B, 0, 1),
                    (V, (0, d), 0), (U, (d, 0), 0)
        FENCE   with TLAST
    """)


def _input_gradient(params: LayerParams) -> str:
    rows, cols = params.rows, params.cols
    return text(f"""
    **The gradient by x**, of dy and w, without a beat for an inserted zero: phase by phase, one
    for each first row r0 below min(s, H) and first column c0 below min(s, W) of dx. Of each axis:

        taps  = all t with (r0 + p - t * d) mod s = 0, ascending, t0 the first; U' (V') of them
        first = (r0 + p - t0 * d) / s;   apart = s / gcd(s, d);   back = apart * d / s

        A_LOAD  vectors = B, of dy; loops Q, P, N; closes
        for each phase, for each tile of {cols} channels, c1 = 0, {cols}, ... below C:
            rows', columns' = ceil((H - r0) / s), ceil((W - c0) / s);   F = ceil(O / {cols})
            PRODUCT m = N * rows' * columns', n = channels of the tile, k = U' * V' * B * {rows}
            PLACES  from the byte of dx[0, c1, r0, c0] on:
                    (columns', 0, s * bytes of a pixel), (rows', 0, s * of a row),
                    (N, 0, of an image); all axes: start 0, limit 1; length = n
            B_LOAD  turned; base = w[filter 0][tap t0, t0 of both axes][channel c1]; vectors = n;
                    loops (count, stride): (F, bytes of a tile of filters),
                    (V', bytes of apart taps), (U', bytes of apart rows of taps); closes
            B_PASS  last axis: start {rows - 1}, limit O, pitch 1; pad 0; releases; final
                    ({rows}, -1, 0), (B, {rows}, 0), (U' * V', 0, F * {cols})
            A_PASS  start (first, first), limit (P, Q), pitch (Q * B, B); pad zdy; final; releases
                    with the last one
                    (columns', (0, 1), 0), (rows', (1, 0), 0), (N, 0, P * Q * B), (B, 0, 1),
                    (V', (0, -back), 0), (U', (-back, 0), 0)
        FENCE   with TLAST

    Of a phase without taps dx is what an empty sum gives: the same with k = {rows}, no B_LOAD,
    and passes that release nothing and whose last axis has limit 0: (m, 0, 0) and ({rows}, 0, 0).
    """)


def _weight_gradient(params: LayerParams) -> str:
    rows, cols = params.rows, params.cols
    return text(f"""
    **The gradient by w**, of x and dy: `output_stationary` = 1, and each row of the product is a
    channel of x at a tap. dw lies as w does.

        A_LOAD  as forward
        for each tile of {cols} filters, number f, n0 = {cols} * f:
            PRODUCT m = T * B * {rows}, n = filters of the tile, k = N * P * Q, output_stationary
            PLACES  last axis: start 0, limit C; from the byte of the tile on:
                    (B * {rows}, 1, bytes of {cols} lanes), (T, 0, of C * {cols} lanes); length = n
            B_LOAD  base = dy[0, n0, 0, 0]; vectors = 1; loops Q, P, N; closes
            B_PASS  start (0, 0), limit (P, Q), pitch (Q, 1); pad zdy; releases; final
                    (Q, (0, 1), 0), (P, (1, 0), 0), (N, 0, P * Q), (T * B, 0, 0)
            A_PASS  as forward
        FENCE   with TLAST

    Rows of channels beyond C are masked in PLACES, and so not written.
    """)


def _in_numbers(params: LayerParams) -> str:
    """Describe a layer in numbers: forward, 3 x 3, stride 2, padding 1."""
    rows, cols, core = params.rows, params.cols, params.core
    layer = Geometry(
        batch=1,
        channels=rows,
        filters=cols,
        size=(5, 5),
        kernel=(3, 3),
        stride=(2, 2),
        padding=(1,) * 4,
    )
    size = 1 << element_size(core.a_format.width)
    weight = Walk(axes=(Axis(rows - 1, rows, 1),), loops=(Loop(rows, (-1,)), Loop(9, (0,), rows)))
    return text(f"""
    **A layer in numbers**: forward, x of 5 x 5 pixels with {rows} channels, {cols} filters of
    3 x 3, stride 2, padding 1. y has (5 + 2 * 1 - 3) div 2 + 1 = 3 rows and columns, and B is 1. x
    lies at byte 0 with {size * rows} bytes a pixel, no more than its channels.

        A_LOAD  vectors 1; counts 5, 5, 1; strides {size * rows}, {5 * size * rows}, 0;
                requests 25; closes 1
        PRODUCT m 9, n {cols}, k 9 * 1 * {rows} = {9 * rows}
        B_LOAD  vectors {9 * rows}, counts 1, 1, 1, requests 1; closes 1
        B_PASS  last axis: limit {rows}, pitch 1; first axis: limit 1; both: spread 1
            {_walk(weight)}
        A_PASS  limits 5, 5; pitches 5, 1; spreads 1, 1
            {_walk(im2col(layer).walk)}

    Addresses are modulo the bank's size. So loop 1 goes two rows on, and two times two columns
    back: (2, 0 - 2 * 2); loop 4 goes one tap on, and takes back what loops 0 and 1 had moved. The
    first beats of A_PASS are masked: the pixels (-1, -1), (-1, 1) and (-1, 3), then (1, -1), too;
    the first real one is (1, 1), address 6.
    """)


def _walk(walk: Walk) -> str:
    """List origin and jumps, less those of loops of one iteration."""
    origin = walk.origin()
    lines = [f"origin: pixel {_pixel(origin.whole)}, address {origin.step}"]
    lines += [
        f"loop {number}: turns {loop.bound - 1}; jump: pixel {_pixel(jump.whole)}, address"
        f" {jump.step}"
        for number, (loop, jump) in enumerate(zip(walk.loops, walk.jumps(), strict=True))
        if loop.bound > 1
    ]
    return ("\n" + " " * 12).join(lines)


def _pixel(whole: tuple[int, ...]) -> str:
    return "(" + ", ".join(map(str, (0,) * (2 - len(whole)) + tuple(whole))) + ")"
