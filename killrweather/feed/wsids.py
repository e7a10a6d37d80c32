"""Station ids of a chunk in their one spelling."""

import polars as pl

from killrweather.errors import BadRequest
from killrweather.model.observation import canonical_wsid


def canonical_wsids(texts: pl.Series) -> pl.Series:
    """Each text as a canonical station id, null where it is none. A chunk has few, so each spelling is read once."""
    spellings = texts.unique().to_list()
    wsids = [_canonical_or_none(spelling) for spelling in spellings]
    if spellings == wsids:
        return texts
    return texts.replace_strict(spellings, wsids, return_dtype=pl.String)


def _canonical_or_none(text: str) -> str | None:
    try:
        return canonical_wsid(text)
    except BadRequest:
        return None
