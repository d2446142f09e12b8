"""How arrays become the beats of `prune24`."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.block import Array, Arrays, Beats, Block, Job
from gemmule.gen.blocks.common.status import expect_clean
from gemmule.gen.blocks.systolic.product_adapter import packet
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import check_array, check_values
from gemmule.golden.common.lanes import from_words, last_of, to_words
from gemmule.golden.common.options import Options
from gemmule.golden.sparse.beats import from_groups, to_groups
from gemmule.golden.sparse.select import prune24
from gemmule.hw.sparse.params import Prune24Params
from gemmule.hw.sparse.prune24 import INDEX, Prune24

from .sheet import prune24_sheet

__all__ = ["PRUNE24"]


@dataclass(frozen=True, kw_only=True)
class Prune24Run(Options):
    """There is nothing to choose per run."""


class Prune24Adapter:
    """One packet a matrix: its groups of four rows, `lanes` columns a beat."""

    Run = Prune24Run
    inputs = (
        Array("w", "[K, N]", "--w-format", "the weights; groups of four lie along K"),
        Array(
            "metric",
            "[K, N]",
            "--metric-format",
            "values to rank by; |w| if left out",
            optional=True,
        ),
    )
    outputs = (
        Array("values", "[ceil(K/4)*2, N]", "--w-format", "the two that are kept of each group"),
        Array("indices", "[ceil(K/4)*2, N]", "u2", "their places in the group, ascending"),
    )

    def check(self, params: Prune24Params, run: Prune24Run, arrays: Arrays) -> None:
        """Refuse what is no matrix of legal values, and a metric that does not fit it."""
        w, shape = arrays["w"], np.shape(arrays["w"])
        if len(shape) == 2 and 0 in shape:
            raise UsageError(f"w must have at least one row and one column, not {list(shape)}")
        check_values("w", w, params.w_format, shape=(None, None))
        if "metric" in arrays:
            check_values("metric", arrays["metric"], params.metric_format, shape=shape)

    def plan(self, params: Prune24Params, run: Prune24Run, arrays: Arrays) -> Job:
        """Prune, and lay out the beats."""
        self.check(params, run, arrays)
        w = check_array("w", arrays["w"], params.w_format)
        metric = arrays.get("metric")
        if metric is not None:
            metric = check_array("metric", metric, params.metric_format, shape=w.shape)
        values, indices = prune24(w, metric)
        send = {
            "command": to_words(([int(metric is not None)], 1)),
            "w": packet(to_groups(w, params.lanes), params.w_format.width),
        }
        if metric is not None:
            send["metric"] = packet(to_groups(metric, params.lanes), params.metric_format.width)

        def decode(received: dict[str, Beats]) -> dict[str, NDArray]:
            expect_clean(received)
            beats, width = received["out"], params.w_format.width
            lanes = 2 * params.lanes
            fields = {
                "values": from_words(beats, 0, width, lanes, signed=params.w_format.signed),
                "indices": from_words(beats, lanes * width, INDEX.width, lanes, signed=False),
            }
            return {
                name: from_groups(field, w.shape[1], params.lanes).astype(dtype)
                for (name, field), dtype in zip(
                    fields.items(), (params.w_format.dtype, INDEX.dtype), strict=True
                )
            }

        def results() -> dict[str, Beats]:
            # Columns that fill up a beat are zeros: the first two places are kept.
            spare = -w.shape[1] % params.lanes
            places = np.tile([[0], [1]], (len(indices) // 2, spare))
            columns = [np.pad(values, ((0, 0), (0, spare))), np.hstack([indices, places])]
            beats = [
                each.reshape(-1, 2, each.shape[1]).swapaxes(1, 2).reshape(-1, 2 * params.lanes)
                for each in columns
            ]
            widths = params.w_format.width, INDEX.width
            last = last_of(len(beats[0]))
            clean = np.zeros((1, 1), np.uint32)
            return {"out": to_words(*zip(beats, widths, strict=True), (last, 1)), "status": clean}

        return Job(
            send=send,
            receive={"out": len(send["w"]), "status": 1},
            decode=decode,
            golden={
                "values": values.astype(params.w_format.dtype),
                "indices": indices.astype(INDEX.dtype),
            },
            counters={"groups": values.size // 2},
            results=results,
        )


PRUNE24 = Block(
    name="prune24",
    summary="Prune groups of four weights to two, by magnitude or by a metric, as they stream by.",
    params=Prune24Params,
    component=Prune24,
    adapter=Prune24Adapter(),
    sheet=prune24_sheet,
)
