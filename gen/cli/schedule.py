"""The verb `schedule`: chained products on one array, and the cycles that they take."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gemmule.golden.common.errors import UsageError

from .printing import JSON, pairs, print_json, table

__all__ = ["schedule"]

WHAT = Annotated[
    str,
    typer.Argument(
        metavar="MODEL|FILE",
        help="DeiT-T, DeiT-S, DeiT-B, or a TOML file of products: tables [[product]] with m, k, n,"
        " a name, and in a and b the earlier products that the operand is made of.",
    ),
]
ROWS = Annotated[int, typer.Option(metavar="N", help="Rows of the gemm array.")]
COLS = Annotated[int, typer.Option(metavar="N", help="Columns of the gemm array.")]
LATENCY = Annotated[
    int, typer.Option(metavar="N", help="Cycles of the unit between two products, as softmax.")
]
IMAGES = Annotated[int, typer.Option(metavar="N", help="Images at a time; of a model.")]
KEEP = Annotated[
    str | None,
    typer.Option(
        metavar="F,F,F",
        help="Shares of the patches that are left after each of three selections; of a model.",
    ),
]


def schedule(
    what: WHAT,
    rows: ROWS = 16,
    cols: COLS = 16,
    latency: LATENCY = 38,
    images: IMAGES = 1,
    keep: KEEP = None,
    as_json: JSON = False,
) -> int:
    """Order products that read each other's results on a gemm array, and count cycles."""
    from gemmule.gen.blocks.tokens.schedule import DEIT

    for name, value, low, high in (
        ("rows", rows, 1, 256),
        ("cols", cols, 1, 256),
        ("latency", latency, 0, 1 << 20),
        ("images", images, 1, 1 << 10),
    ):
        if not low <= value <= high:
            raise UsageError(f"--{name} must be {low}..{high}, not {value}")
    models = {name.lower(): name for name in DEIT}
    if what.lower() in models:
        found = _model(models[what.lower()], rows, cols, latency, images, _rates(keep))
        rows_of_table = []
    else:
        if keep is not None or images != 1:
            raise UsageError(f"--keep and --images are for {', '.join(DEIT)} only, not {what}")
        found = _file(Path(what), rows, cols, latency)
        rows_of_table = found["products"]
    if as_json:
        print_json(found)
        return 0
    if rows_of_table:
        table(list(rows_of_table[0]), [list(each.values()) for each in rows_of_table], what)
    pairs({name: value for name, value in found.items() if name != "products"})
    return 0


def _rates(keep: str | None) -> tuple[float, ...]:
    if keep is None:
        return ()
    try:
        rates = tuple(map(float, keep.split(",")))
    except ValueError:
        rates = ()
    if len(rates) != 3 or not all(0 < rate <= 1 for rate in rates):
        raise UsageError(f"--keep must be three numbers above 0 and up to 1, not {keep}")
    return rates


def _model(
    name: str, rows: int, cols: int, latency: int, images: int, rates: tuple[float, ...]
) -> dict[str, Any]:
    from gemmule.gen.blocks.tokens.schedule import DEIT, Array

    encoder = DEIT[name]
    counted = Array(rows, cols, images, latency).encoder(encoder, rates)
    return {
        "model": name,
        "tokens": list(encoder.counts(rates)),
        "cycles": counted["cycles"],
        "block_cycles": counted["blocks"],
        "classifier_cycles": counted["classifier"],
        "selector_cycles": counted["selector"],
        "macs": counted["macs"],
        "classifier_macs": counted["classifier macs"],
        "utilization": round(counted["macs"] / counted["cycles"] / rows / cols, 4),
    }


def _file(path: Path, rows: int, cols: int, latency: int) -> dict[str, Any]:
    from gemmule.gen.blocks.tokens.schedule import Schedule
    from gemmule.gen.blocks.tokens.schedule.plan_file import read_plan

    names, plan = read_plan(path)
    made = Schedule(rows, cols, latency).run(plan)
    products = [
        {
            "product": names[number],
            "chain": placed.chain,
            "dataflow": "os" if placed.tiling.output_stationary else "ws",
            "swapped": placed.tiling.by_row,
            "last_result": placed.last,
            "macs": plan[number].product.macs,
        }
        for number, placed in made.placed.items()
    ]
    return {
        "products": products,
        "chains": made.chains,
        "cycles": made.cycles,
        "macs": plan.macs,
        "utilization": round(plan.macs / made.cycles / rows / cols, 4),
    }
