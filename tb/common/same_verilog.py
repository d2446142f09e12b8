"""Does a change keep the Verilog of every block: `python -m gemmule.tb.common.same_verilog`.

``record FOLDER`` writes what every block emits with its defaults and with 20 random sets of
parameters; ``compare FOLDER`` emits the same sets with whatever the code is then, and names those
that differ. Comments do not count, nor the order of statements, nor what a signal or module is
called as long as one name became one other name. Constants, operators and the top's ports do.

Names are told apart by where they stand: each has a color, made from the statements that it is in
and the colors of the other names there, until no more names become distinct (the color refinement
of Weisfeiler and Leman). Two texts are taken for the same if their colored statements are.
"""

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from gemmule.gen.catalog import catalog, find
from gemmule.gen.verilog.emit import emit

from .random_params import random_params

__all__ = ["compare", "record", "same"]

SETS = 20

Name = tuple[str, str]
"""The module in which a name stands, empty for modules themselves, and the name."""

_TOKEN = re.compile(
    r"//[^\n]*|/\*.*?\*/|\(\*(?!\)).*?\*\)|\d*'s?[bodh][\da-fxz?_]+|\\\S+|[A-Za-z_$][\w$]*|\d+|\S",
    re.DOTALL | re.IGNORECASE,
)
_COMMENT = re.compile(r"//|/\*|\(\*(?!\))")
_KEYWORDS = frozenset({
    "module",
    "endmodule",
    "input",
    "output",
    "wire",
    "reg",
    "assign",
    "always",
    "posedge",
    "negedge",
    "begin",
    "end",
    "if",
    "else",
    "case",
    "casez",
    "endcase",
    "default",
    "initial",
    "for",
    "integer",
    "signed",
    "function",
    "endfunction",
    "parameter",
    "localparam",
    "or",
    "and",
    "not",
})
_OPEN, _CLOSE = {"begin", "case", "casez", "function", "("}, {"end", "endcase", "endfunction", ")"}


def same(first: str, second: str) -> bool:
    """Tell whether two designs differ at most in comments, names and the order of statements."""
    return _colored(first) == _colored(second)


def record(folder: Path) -> None:
    """Write the sets of parameters of each block, and the Verilog of each set."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, block in enumerate(catalog().values()):
        rng = np.random.default_rng([number, 13])
        sets = [block.params(), *(random_params(block, rng) for _ in range(SETS))]
        (folder / f"{block.name}.json").write_text(json.dumps([each.as_dict() for each in sets]))
        for place, each in enumerate(sets):
            (folder / f"{block.name}-{place}.v").write_text(emit(block, each).verilog)
        print(f"{block.name}: {len(sets)} sets", file=sys.stderr)


def compare(folder: Path) -> int:
    """Return how many sets differ from what :func:`record` wrote, and name them."""
    different = total = 0
    for file in sorted(folder.glob("*.json")):
        block = find(file.stem)
        for place, params in enumerate(json.loads(file.read_text())):
            before = (folder / f"{block.name}-{place}.v").read_text()
            total += 1
            if not same(before, emit(block, block.params(**params)).verilog):
                different += 1
                print(f"{block.name}, set {place}: differs")
        print(f"{block.name}: compared", file=sys.stderr)
    print(f"{total} sets compared, {different} differ")
    return different


def _colored(verilog: str) -> list[int]:
    """Return the statements with colors for names, in an order of their own."""
    tokens = [each for each in _TOKEN.findall(verilog) if not _COMMENT.match(each)]
    modules = {name for word, name in pairwise(tokens) if word == "module"}
    placed = [
        (("", module), [_placed(words, at, module, modules) for at in range(len(words))])
        for module, words in _statements(tokens, modules)
    ]
    used = {token for _, words in placed for token in words if isinstance(token, tuple)}
    inner = {words[0][1] for _, words in placed if isinstance(words[0], tuple)}
    top = next(module for module in modules if module not in inner)
    ports = {words[1] for _, words in placed if words[0] == "module" and words[1][0] == top}
    colors = {name: hash(name[1] if name in ports else "") for name in used}
    distinct = 0
    while True:
        shapes, seen = [], defaultdict(list)
        for module, words in placed:
            shape = hash((
                colors[module],
                *(colors[token] if isinstance(token, tuple) else token for token in words),
            ))
            shapes.append(shape)
            for at, token in enumerate(words):
                if isinstance(token, tuple):
                    seen[token].append((shape, at))
        colors = {name: hash((colors[name], *sorted(seen[name]))) for name in used}
        if len(set(colors.values())) == distinct:
            return sorted(shapes)
        distinct = len(set(colors.values()))


def _placed(words: list[str], at: int, module: str, modules: set[str]) -> str | Name:
    """Return the token at ``at``, a name with the module that it belongs to."""
    token = words[at]
    if token in _KEYWORDS or not (token[0] in "\\_$" or token[0].isalpha()):
        return token
    if token in modules:
        return "", token
    of_instance = at > 0 and words[at - 1] == "." and words[0] in modules
    return (words[0] if of_instance else module), token


def _statements(tokens: list[str], modules: set[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield each statement with its module; of a header each port, of an instance each one."""
    module, words, depth = "", [], 0
    for token, following in zip(tokens, [*tokens[1:], ""], strict=True):
        words.append(token)
        depth += (token in _OPEN) - (token in _CLOSE)
        ends = token in {";", "end", "endcase", "endfunction", "endmodule"}
        if depth or not ends or following == "else":
            continue
        if words[0] == "module":
            module = words[1]
            yield module, ["module", module]
            yield from ((module, ["module", port]) for port in words[3:-2] if port != ",")
        elif words[0] in modules:
            yield from ((module, each) for each in _connections(words))
        else:
            yield module, words
        words = []


def _connections(words: list[str]) -> Iterator[list[str]]:
    """Yield ``module instance . port ( value )`` for each connection of an instance."""
    head, found, depth = words[:2], [], 0
    for token in words[3:-2]:
        depth += (token == "(") - (token == ")")
        if token == "," and not depth:
            yield head + found
            found = []
        else:
            found.append(token)
    yield head + found


if __name__ == "__main__":
    verb, where = sys.argv[1:]
    sys.exit(record(Path(where)) if verb == "record" else min(compare(Path(where)), 1))
