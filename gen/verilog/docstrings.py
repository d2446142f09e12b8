"""What a component's docstring says, for `show` and for data sheets."""

import re
from inspect import cleandoc

__all__ = ["FACTS", "description", "facts", "members", "plain"]

FACTS = ("Latency", "Throughput", "Back-pressure", "Source")
"""The facts that stand in a docstring as ``Latency: ...``."""

_FACT = re.compile(rf"(?:^|(?<=\. ))({'|'.join(FACTS)}):\s+", re.MULTILINE)
_SECTION = re.compile(r"^(\w[\w -]*)\n-{3,}\n(.*?)(?=^\w[\w -]*\n-{3,}\n|\Z)", re.M | re.S)
_ROLE = re.compile(r":\w+:`[~.]?([^`]+)`|``([^`]+)``")


def facts(doc: str) -> dict[str, str | None]:
    """Return each fact by its name in lower case, None where the docstring does not state it.

    Examples
    --------
    >>> facts("A sum. Latency: ``n`` cycles. Source: :class:`Adder`.")
    {'latency': '`n` cycles.', 'throughput': None, 'back-pressure': None, 'source': '`Adder`.'}
    """
    _before, *parts = _FACT.split(plain(doc))
    bodies = [" ".join(body.partition("\n\n")[0].split()) for body in parts[1::2]]
    found = dict(zip(parts[::2], bodies, strict=True))
    return {name.lower(): found.get(name) for name in FACTS}


def description(doc: str) -> str:
    """Return the text before the facts and the sections."""
    text = plain(doc)
    ends = [match.start() for pattern in (_FACT, _SECTION) for match in pattern.finditer(text)]
    return text[: min(ends, default=len(text))].strip()


def members(doc: str) -> str | None:
    """Return the section `Members`: the streams, as their author describes them."""
    sections = dict(_SECTION.findall(plain(doc)))
    return sections["Members"].strip() if "Members" in sections else None


def plain(doc: str) -> str:
    """Return ``doc`` as Markdown reads it: code in single quotes, no roles."""
    return _ROLE.sub(lambda match: f"`{match[1] or match[2]}`", cleandoc(doc))
