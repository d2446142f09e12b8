"""Codes: small numbers that a stream carries, each with the sentence that explains it."""

from enum import IntEnum
from typing import Self

__all__ = ["Code"]


class Code(IntEnum):
    """Base of enumerations whose members are ``NAME = value, "what the value means"``.

    The sentence is what data sheets and headers print beside the value.

    Examples
    --------
    >>> class Answer(Code):
    ...     NO = 0, "it is not so"
    ...     YES = 1, "it is so"
    >>> Answer.YES, Answer.YES.text
    (<Answer.YES: 1>, 'it is so')
    """

    text: str

    def __new__(cls, value: int, text: str) -> "Code":
        member = int.__new__(cls, value)
        member._value_ = value
        member.text = text
        return member

    @classmethod
    def of(cls, value: int) -> Self:
        """Return the member with a value, which is what a word of a stream holds.

        Examples
        --------
        >>> class Answer(Code):
        ...     NO = 0, "it is not so"
        >>> Answer.of(0).text
        'it is not so'
        """
        return next(member for member in cls if member.value == value)
