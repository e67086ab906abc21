"""Errors of torch about the size of rows, in words about one row."""

import re

VIEW = re.compile(r"^shape '\[(?P<shape>[-\d, ]+)\]' is invalid for input of size (?P<size>\d+)")
PRODUCT = re.compile(
    r"^mat1 and mat2 shapes cannot be multiplied \((?P<first>\d+)x(?P<got>\d+) and (?P<takes>\d+)x\d+\)"
)
WRONG_SHAPE = "input_shape is probably wrong: it is the shape of one row."


def in_words(reason: str, rows: int) -> str:
    """Return the reason why a module does not take a batch, first in words about one row if its size is the reason.

    Args:
        reason: the message of torch.
        rows: the number of rows of the batch.

    >>> in_words("shape '[-1, 64]' is invalid for input of size 147", 3).partition(". ")[0]
    'a view or reshape to (-1, 64) gets 49 numbers of each row'
    >>> in_words("mat1 and mat2 shapes cannot be multiplied (3x49 and 64x4)", 3).partition(". ")[0]
    'a linear layer takes 64 numbers of each row and gets 49'
    """
    if match := VIEW.match(reason):
        sizes = [int(size) for size in match["shape"].split(",")]
        shape = ", ".join("n" if place == 0 and size == rows else str(size) for place, size in enumerate(sizes))
        got = f"{int(match['size']) / rows:g}"
        plain = f"a view or reshape to ({shape}) gets {got} numbers of each row"
    elif (match := PRODUCT.match(reason)) and int(match["first"]) == rows:
        plain = f"a linear layer takes {match['takes']} numbers of each row and gets {match['got']}"
    else:
        return reason
    return f"{plain}. {WRONG_SHAPE} torch says: {reason}"
