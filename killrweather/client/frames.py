"""Data frames of polars and pandas: from answers, and to the hourly CSV that is fed."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from killrweather.errors import BadRequest, KillrWeatherError
from killrweather.feed.reader import Piece
from killrweather.model.observation import COLUMNS, TIME_COLUMNS, VALUE_COLUMNS, VALUE_FIELDS

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

TIMESTAMP = "timestamp"
_WHOLE = frozenset((*TIME_COLUMNS, *(field.name for field in VALUE_FIELDS if field.type is int)))
_SOURCE = "frame"


def to_polars(values: Iterable[Any], kind: type | None = None) -> "pl.DataFrame":
    """Values of one kind, such as the answer of ``daily_temperature``, as a frame with their fields as columns.

    ``kind`` is their class; it is needed only where there may be no value.
    """
    import polars as pl

    dtypes = {str: pl.String(), int: pl.Int64(), float: pl.Float64()}
    types, columns = _columns(values, kind)
    return pl.DataFrame({name: pl.Series(name, columns[name], dtypes.get(type_)) for name, type_ in types.items()})


def to_pandas(values: Iterable[Any], kind: type | None = None) -> "pd.DataFrame":
    """The same as a frame of pandas; raises KillrWeatherError where that is not installed.

    Whole numbers of which some are missing are of the type ``Int64``.
    """
    try:
        import pandas as pd
    except ImportError:
        text = "pandas is not installed: install it (pip install pandas), or use to_polars"
        raise KillrWeatherError(text) from None

    def dtype(type_: Any, column: list[Any]) -> str | None:
        if type_ is int:
            return "Int64" if None in column else "int64"
        return "float64" if type_ is float else None

    types, columns = _columns(values, kind)
    return pd.DataFrame({name: pd.Series(columns[name], dtype=dtype(types[name], columns[name])) for name in types})


def pieces_of_frame(frame: Any, batch_rows: int) -> Iterator[Piece]:
    """A frame's rows as hourly CSV, so many at a time; raises BadRequest for what is no frame of observations."""
    import polars as pl

    if batch_rows < 1:
        raise BadRequest(f"batch_rows {batch_rows}: expected 1 or more", "batch_rows")
    pandas = sys.modules.get("pandas")
    is_polars = isinstance(frame, pl.DataFrame)
    if not is_polars and not (pandas and isinstance(frame, pandas.DataFrame)):
        raise BadRequest(f"{type(frame).__name__}: expected a DataFrame of polars or pandas", "frame")
    _check_columns([str(name) for name in frame.columns])
    for begin in range(0, len(frame), batch_rows):
        end = begin + batch_rows
        part = frame[begin:end] if is_polars else _from_pandas(frame.iloc[begin:end])
        yield Piece(_SOURCE, "csv", begin + 1, _csv(part), None, None, ())


def _columns(values: Iterable[Any], kind: type | None) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """The type of each field, without its None, and all values of each."""
    rows = list(values)
    if not rows and kind is None:
        raise BadRequest("no values: expected at least one, or their class as kind", "kind")
    of = kind or type(rows[0])
    hints = get_type_hints(of)
    types = {field.name: (get_args(hints[field.name]) or (hints[field.name],))[0] for field in fields(of)}
    return types, {name: list(map(attrgetter(name), rows)) for name in types}


def _check_columns(names: list[str]) -> None:
    unknown = sorted(set(names) - {*COLUMNS, TIMESTAMP})
    if unknown:
        raise BadRequest(f"column {unknown[0]}: expected only {', '.join(COLUMNS)}, or {TIMESTAMP}", "frame")
    given = set(names) & set(TIME_COLUMNS)
    if TIMESTAMP in names and given:
        raise BadRequest(f"columns {TIMESTAMP} and {', '.join(sorted(given))}: expected one or the other", "frame")
    needed = ["wsid", TIMESTAMP] if TIMESTAMP in names else ["wsid", *TIME_COLUMNS]
    if missing := [name for name in needed if name not in names]:
        raise BadRequest(f"no column {missing[0]}: expected {', '.join(needed)}", "frame")


def _from_pandas(part: "pd.DataFrame") -> "pl.DataFrame":
    """The same rows; pyarrow, which polars itself would ask for, is not needed."""
    import polars as pl
    from pandas.api.types import is_datetime64_any_dtype, is_numeric_dtype

    columns = {}
    for name in part.columns:
        column = part[name]
        values = column.astype(object).where(column.notna(), None).tolist()
        if is_datetime64_any_dtype(column):
            values = [value and value.to_pydatetime(warn=False) for value in values]
        elif not is_numeric_dtype(column):
            values = [value if value is None else str(value) for value in values]
        columns[str(name)] = pl.Series(str(name), values, strict=False)
    return pl.DataFrame(columns)


def _csv(part: "pl.DataFrame") -> bytes:
    import polars as pl

    if TIMESTAMP in part.columns:
        part = _with_hours(part)
    missing = [pl.lit(None, pl.String).alias(name) for name in VALUE_COLUMNS if name not in part.columns]
    part = part.with_columns(missing).select(
        _text(name, part.schema[name]) if name in part.schema else name for name in COLUMNS
    )
    return part.write_csv(include_header=False, quote_style="never").encode()


def _with_hours(part: "pl.DataFrame") -> "pl.DataFrame":
    import polars as pl

    kind = part.schema[TIMESTAMP]
    if not isinstance(kind, pl.Datetime) or kind.time_zone is None:
        raise BadRequest(f"column {TIMESTAMP} is of the type {kind}: expected times with a time zone", "frame")
    moment = pl.col(TIMESTAMP).dt.convert_time_zone("UTC").dt
    return part.with_columns(
        moment.year().alias("year"),
        moment.month().alias("month"),
        moment.day().alias("day"),
        moment.hour().alias("hour"),
    )


def _text(name: str, kind: Any) -> "pl.Expr":
    """A column as the hourly CSV writes it: NaN is missing, 270.0 degrees are 270, a text stays on its line."""
    import polars as pl

    column = pl.col(name)
    if kind.is_float():
        column = column.fill_nan(None)
        if name in _WHOLE:
            whole = column.cast(pl.Int64, strict=False)
            column = pl.when(whole == column).then(whole.cast(pl.String)).otherwise(column.cast(pl.String))
        return column
    if kind.is_integer():
        return column
    return column.cast(pl.String, strict=False).str.replace_all('[\r\n",]', " ")
