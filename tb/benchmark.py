"""Benchmarks: each prints its table from a run and writes it, with a plot, into a folder."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from gemmule.gen.cli.printing import print_json, progress, table
from gemmule.gen.files.atomic import check_folder, write_folder
from gemmule.golden.common.errors import UsageError
from gemmule.tb.against import COLUMNS, earlier, moved
from gemmule.tb.registry import benchmark_module, benchmarks

__all__ = ["bench", "list_benchmarks"]


def bench(
    name: str,
    out: Path,
    *,
    quick: bool,
    as_json: bool,
    data: Path | None = None,
    against: Path | None = None,
) -> int:
    """Run the benchmark ``name``; its rows go to stdout and, as JSON, into ``out``.

    ``data`` is for a module that has a ``run_with(data, out, quick)``. With the table of an earlier
    run in ``against``, what moved since follows; whatever it is, that is no failure.
    """
    module = benchmark_module(name)
    before = None if against is None else earlier(against)
    if data is not None and not hasattr(module, "run_with"):
        raise UsageError(f"--data: bench {name} takes none")
    check_folder("--out", out)
    with TemporaryDirectory(prefix="gemmule-") as aside, progress(f"{name}: {module.SUMMARY}"):
        place = Path(aside)
        rows = module.run(place, quick) if data is None else module.run_with(data, place, quick)
        paths = [path for path in place.rglob("*") if path.is_file()]
        files = {str(path.relative_to(place)): path.read_bytes() for path in paths}
    write_folder(out, files | {f"{name}.json": json.dumps(rows, indent=2) + "\n"})
    # As a reader of the file would see them: no tuples, no types of NumPy.
    changes = None if before is None else list(moved(before, json.loads(json.dumps(rows))))
    if as_json:
        print_json(rows if changes is None else {"rows": rows, "moved": changes})
        return 0
    columns = _columns(rows)
    table(columns, ([row.get(name) for name in columns] for row in rows), module.SUMMARY)
    if changes:
        print(f"moved since {against}:")
        table(COLUMNS, (list(each.values()) for each in changes))
    elif changes is not None:
        print(f"nothing moved since {against}")
    print(f"written into {out}: {', '.join(sorted(path.name for path in out.glob(f'{name}*')))}")
    return 0


def list_benchmarks() -> int:
    """Tell which benchmarks there are."""
    table(
        ["bench", "what it compares"],
        ((name, benchmark_module(name).SUMMARY) for name in benchmarks()),
    )
    return 0


def _columns(rows: Iterable[dict[str, Any]]) -> Sequence[str]:
    """List the keys of all rows, in the order in which they first stand."""
    return list(dict.fromkeys(key for row in rows for key in row))
