"""Tables of what a folder of components holds, from the components themselves."""

import re
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from inspect import isclass, isfunction
from pkgutil import iter_modules
from types import ModuleType

from amaranth.lib.wiring import Component

from gemmule.gen.verilog.docstrings import facts, members, plain

__all__ = ["cells", "functions", "markdown", "ports", "public", "summary"]

_MEMBER = re.compile(r"(\w+(?:, \w+)*) : (?:In|Out)\b")


def markdown(
    names: Sequence[str], rows: Iterable[Sequence[object]], *, texts: int | None = None
) -> str:
    """Return a table in Markdown; bars within a cell are escaped.

    The first ``texts`` columns are text, by default all; numbers follow, set to the right.
    """
    texts = len(names) if texts is None else texts
    lines = [names, ["---"] * texts + ["--:"] * (len(names) - texts), *rows]
    cells = ([str(each).replace("|", "\\|") for each in line] for line in lines)
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)


def public(package: str) -> Iterator[tuple[ModuleType, str, object]]:
    """Yield each name in the ``__all__`` of each module of ``package``, where it is defined."""
    folder = import_module(package)
    for found in sorted(iter_modules(folder.__path__), key=lambda each: each.name):
        if found.ispkg:
            yield from public(f"{package}.{found.name}")
            continue
        module = import_module(f"{package}.{found.name}")
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if getattr(value, "__module__", module.__name__) == module.__name__:
                yield module, name, value


def summary(value: object) -> str:
    """Return the first sentence of a docstring."""
    text = " ".join(plain(value.__doc__ or "").partition("\n\n")[0].split())
    return re.split(r"(?<=\.) (?=[A-Z])", text)[0]


def ports(component: type[Component]) -> list[str]:
    """Return the names that the section `Members` of a component's docstring describes."""
    lines = re.split(r"[\n;]", members(component.__doc__ or "") or "")
    found = (_MEMBER.match(line.strip()) for line in lines)
    return [name for match in found if match for name in match[1].split(", ")]


def cells(package: str) -> str:
    """Return a table of the components of ``package``: file, what each does, latency, ports."""
    rows = []
    for module, name, value in public(package):
        if isclass(value) and issubclass(value, Component):
            latency = facts(value.__doc__ or "")["latency"] or "-"
            latency = latency.rstrip(".")
            listed = ", ".join(f"`{port}`" for port in ports(value)) or "-"
            rows.append((f"`{name}`", _file(package, module), summary(value), latency, listed))
    return markdown(["cell", "file", "what it does", "latency", "ports"], rows)


def functions(package: str) -> str:
    """Return a table of the public functions of ``package`` with their first sentences."""
    rows = [
        (f"`{name}`", _file(package, module), summary(value))
        for module, name, value in public(package)
        if isfunction(value)
    ]
    return markdown(["function", "file", "what it gives"], rows)


def _file(package: str, module: ModuleType) -> str:
    """Return the path of ``module`` as seen from the folder of ``package``."""
    return f"`{module.__name__.removeprefix(f'{package}.').replace('.', '/')}.py`"
