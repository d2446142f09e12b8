"""A product's settings of requantization as packets, by column or by row."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from amaranth.lib.data import ArrayLayout
from numpy.typing import NDArray

from gemmule.gen.block import Beats, Repeated
from gemmule.golden.common.lanes import to_words, words
from gemmule.golden.common.requantize import Requantization, normalize_scale
from gemmule.golden.systolic.beats import Tiling
from gemmule.hw.systolic.params import ProductParams

from .product import GemmCall

__all__ = ["settings_packets"]

Place = Callable[[NDArray[np.integer]], NDArray[np.integer]]
"""Deals values out to beats and lanes."""


def settings_packets(
    params: ProductParams,
    tiling: Tiling,
    product: GemmCall,
    scale: Requantization,
    b_zero: NDArray[np.int64],
) -> dict[str, Beats | Repeated]:
    """Return the settings by column of ``c``, or, if the hardware can, of a swapped one by row.

    A product with settings of both kinds has both.
    """
    multiplier, drop = scale.normalized()
    by_channel = {
        "offset": product.offset,
        "multiplier": multiplier,
        "drop": drop,
        "b_zero_point": b_zero,
    }
    layouts = {"scale": ArrayLayout(params.requantizer.lane_layout, params.cols)}
    if params.row_scales:
        layouts["row_scale"] = ArrayLayout(params.requantizer.row_layout, params.m_lanes)
    dealt: dict[str, tuple[Place, int]] = {
        "scale": (tiling.column_beats, 1),
        "row_scale": (partial(_row_beats, params), tiling.n_tiles),
    }
    if product.rows is not None:
        multiplier, drop = normalize_scale(*product.rows)
        by_row = {"offset": np.zeros_like(drop), "multiplier": multiplier, "drop": drop}
        used = {"scale": by_channel, "row_scale": by_row}
    elif tiling.by_row:
        used = {"row_scale": by_channel}
    else:
        if product.swapped:
            # All channels have the same, and so do all columns.
            by_channel = {name: np.full(tiling.n, x[0]) for name, x in by_channel.items()}
        used = {"scale": by_channel}
    none = {name: np.zeros((0, words(each.size + 1)), np.uint32) for name, each in layouts.items()}
    return none | {
        name: _settings_packet(layouts[name], values, *dealt[name]) for name, values in used.items()
    }


def _row_beats(params: ProductParams, values: NDArray[np.integer]) -> NDArray[np.integer]:
    """Lay out ``values [M]`` in lanes; they are sent once for each tile of N."""
    rows = np.pad(values, (0, -len(values) % params.m_lanes))
    return rows.reshape(-1, params.m_lanes)


def _settings_packet(
    layout: ArrayLayout,
    by_channel: Mapping[str, NDArray[np.int64]],
    place: Place,
    times: int,
) -> Repeated:
    """Return a packet of requantization settings, which ``place`` deals out to beats and lanes."""
    fields = {name: (place(by_channel[name]), field.width) for name, field in layout.elem_shape}
    lanes = [
        (beats[:, lane], width) for lane in range(layout.length) for beats, width in fields.values()
    ]
    beats = to_words(*lanes, (np.zeros(len(lanes[0][0]), bool), 1))
    return Repeated.packet([(beats, times)], layout.size)
