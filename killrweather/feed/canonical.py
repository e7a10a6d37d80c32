"""Observations as records of the raw topic: the hourly CSV's lines by station."""

from collections.abc import Iterator

import polars as pl


def records(observations: pl.DataFrame) -> Iterator[tuple[bytes, list[bytes]]]:
    """For each station its key and the lines of its observations, in the order they came in.

    A line has the 13 columns, without line end; a missing value is an empty field, and a number the shortest text
    that reads back as the same one.
    """
    runs = observations["wsid"].rle().struct.unnest()
    if runs.height > runs["value"].n_unique():
        observations = observations.sort("wsid", maintain_order=True)
        runs = observations["wsid"].rle().struct.unnest()
    lines = observations.write_csv(include_header=False, quote_style="never").encode().split(b"\n")
    start = 0
    for wsid, count in runs.select("value", "len").iter_rows():
        yield wsid.encode(), lines[start : start + count]
        start += count
