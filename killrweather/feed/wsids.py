"""Station ids of a chunk in their one spelling."""

from collections.abc import Mapping

import polars as pl

from killrweather.errors import BadRequest
from killrweather.model.observation import canonical_wsid
from killrweather.model.station import GHCNH_AIRPORT


def canonical_wsids(texts: pl.Series) -> pl.Series:
    """Each text as a canonical station id, null where it is none. A chunk has few, so each spelling is read once."""
    spellings = texts.unique().to_list()
    wsids = [_canonical_or_none(spelling) for spelling in spellings]
    if spellings == wsids:
        return texts
    return texts.replace_strict(spellings, wsids, return_dtype=pl.String)


def ghcnh_ids(observations: pl.DataFrame) -> tuple[str, ...]:
    """The stations of the observations that a station table may know under another id."""
    stations = observations["wsid"].unique()
    return tuple(stations.filter(stations.str.contains(GHCNH_AIRPORT)).sort())


def with_wsids(observations: pl.DataFrame, wsids: Mapping[str, str]) -> pl.DataFrame:
    """The observations with these ids in the place of those that they have."""
    return observations.with_columns(pl.col("wsid").replace(dict(wsids)))


def _canonical_or_none(text: str) -> str | None:
    try:
        return canonical_wsid(text)
    except BadRequest:
        return None
