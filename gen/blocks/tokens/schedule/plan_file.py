"""A plan of products out of a TOML file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gemmule.gen.files.toml import parse_toml, read_text
from gemmule.golden.common.errors import UsageError

from .chains import MatMul, Need, Plan

__all__ = ["read_plan"]

_FIELDS = {"name", "m", "k", "n", "a", "b"}


def read_plan(path: Path) -> tuple[list[str], Plan]:
    """Return the names of the products in a TOML file, and the plan of them.

    Each ``[[product]]`` has ``m``, ``k`` and ``n``; a ``name``, if others read its results; and in
    ``a`` and ``b`` the earlier products whose results are part of that operand, with the first of
    its ``k`` that reads them: ``a = {hidden = 0}``.
    """
    data = parse_toml("schedule", str(path), read_text("schedule", path))
    products = data.get("product")
    if not isinstance(products, list) or not products or set(data) != {"product"}:
        raise UsageError(f"{path} must hold tables [[product]], at least one, and nothing else")
    names: list[str] = []
    plan = Plan()
    for number, each in enumerate(products):
        name = str(each.get("name", f"product {number + 1}")) if isinstance(each, dict) else ""
        where = f"{path}: {name or f'product {number + 1}'}"
        _check(where, each)
        if name in names:
            raise UsageError(f"{where}: the name is taken")
        product = MatMul(each["m"], each["k"], each["n"])
        plan.add(product, *_needs(where, each, product, names))
        names.append(name)
    return names, plan


def _check(where: str, each: object) -> None:
    if not isinstance(each, dict) or set(each) - _FIELDS or not {"m", "k", "n"} <= set(each):
        raise UsageError(f"{where} must have m, k and n, and may have name, a and b")
    for size in ("m", "k", "n"):
        if not _whole(each[size]) or each[size] < 1:
            raise UsageError(f"{where}: {size} must be a whole number of at least 1")


def _needs(where: str, each: Mapping[str, Any], product: MatMul, names: list[str]) -> list[Need]:
    needs = []
    for side in ("a", "b"):
        sources = each.get(side, {})
        if not isinstance(sources, dict):
            raise UsageError(f"{where}: {side} must be a table, as in {side} = {{hidden = 0}}")
        for source, first in sources.items():
            if source not in names:
                raise UsageError(f"{where}: {side} reads {source}, which is no product before it")
            if not _whole(first) or not 0 <= first < product.k:
                raise UsageError(
                    f"{where}: {side} reads {source} from k = {first}, not 0..{product.k - 1}"
                )
            needs.append(Need(names.index(source), first, right=side == "b"))
    return needs


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
