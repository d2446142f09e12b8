"""Does a change keep the Verilog of every block: `python -m gemmule.tb.common.same_verilog`.

``record FOLDER`` writes, with the commit at hand, what every block emits with its defaults and
with 20 random sets of parameters. ``compare FOLDER`` emits the same sets again, with whatever the
code is then, and names those that differ. Comments do not count, and neither does what a signal
or module is called, as long as one name became one other name; the ports of the top do.
"""

import json
import re
import sys
from pathlib import Path

import numpy as np

from gemmule.gen.block import Block
from gemmule.gen.catalog import catalog, find
from gemmule.gen.verilog.emit import emit
from gemmule.golden.common.options import Options

from .random_params import random_params

SETS = 20

_TOKEN = re.compile(r"//[^\n]*|\(\*.*?\*\)|/\*.*?\*/|\\\S+|[A-Za-z_][\w$]*|\S", re.DOTALL)
_COMMENT = re.compile(r"//|\(\*(?!\))|/\*")
_KEYWORDS = frozenset({
    "module", "endmodule", "input", "output", "wire", "reg", "assign", "always", "posedge",
    "negedge", "begin", "end", "if", "else", "case", "casez", "endcase", "default", "initial",
    "for", "integer", "signed", "function", "endfunction", "parameter", "localparam", "or", "and",
    "not", "generate", "endgenerate",
})  # fmt: skip


def canonical(verilog: str) -> str:
    """Return ``verilog`` without comments, each name replaced by when it first appeared."""
    numbers: dict[str, int] = {}
    words = []
    for token in _TOKEN.findall(verilog):
        if _COMMENT.match(token):
            continue
        name = token[0] == "\\" or token[0].isalpha() or token[0] == "_"
        if name and token not in _KEYWORDS:
            token = f"n{numbers.setdefault(token, len(numbers))}"
        words.append(token)
    return " ".join(words)


def emitted(block: Block, params: Options) -> dict[str, object]:
    """Return what is kept of one set: the ports of the top, and the canonical text."""
    made = emit(block, params)
    ports = [[port.name, port.width] for port in made.manifest.ports]
    return {"ports": ports, "verilog": canonical(made.verilog)}


def record(folder: Path) -> None:
    """Write a file for each block: the sets of parameters and what each gives."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, block in enumerate(catalog().values()):
        rng = np.random.default_rng([number, 13])
        sets = [block.params(), *(random_params(block, rng) for _ in range(SETS))]
        kept = [{"params": each.as_dict(), **emitted(block, each)} for each in sets]
        (folder / f"{block.name}.json").write_text(json.dumps(kept))
        print(f"{block.name}: {len(kept)} sets", file=sys.stderr)


def compare(folder: Path) -> int:
    """Return how many sets differ from what :func:`record` wrote, and name them."""
    different = 0
    for file in sorted(folder.glob("*.json")):
        block = find(file.stem)
        for number, kept in enumerate(json.loads(file.read_text())):
            now = emitted(block, block.params(**kept["params"]))
            moved = [key for key, value in now.items() if value != kept[key]]
            if moved:
                different += 1
                print(f"{block.name}, set {number}: {' and '.join(moved)} differ")
        print(f"{block.name}: compared", file=sys.stderr)
    print(f"{different} sets differ")
    return different


if __name__ == "__main__":
    verb, where = sys.argv[1:]
    sys.exit(record(Path(where)) if verb == "record" else min(compare(Path(where)), 1))
