"""``killrweather recompute``: the batch layer."""

from typing import TYPE_CHECKING, Annotated

import typer

from killrweather.cli.completions import stations
from killrweather.cli.following import follow
from killrweather.cli.options import ConfigFiles, HomeDirectory, environment
from killrweather.cli.output import Output, progress
from killrweather.errors import KillrWeatherError
from killrweather.messages.layers import Recomputation

if TYPE_CHECKING:
    from killrweather.client import Client


def run(
    wsid: Annotated[
        str | None,
        typer.Option(help="One station, such as 725030:14732.", show_default="all", autocompletion=stations),
    ] = None,
    year: Annotated[int | None, typer.Option(help="One year.", show_default="all")] = None,
    *,
    output: Output,
    config: ConfigFiles = None,
    home: HomeDirectory = None,
) -> None:
    """Rebuild the days, months and years of one station or all from the raw rows, with Spark.

    Example: `killrweather recompute --year 2013`

    The stream runs on, and what it stores meanwhile is never overwritten by older values.
    Ctrl-C ends the recompute; it may be run again at any time.
    """
    with environment(config, home).client() as client:
        given = {"wsid": wsid, "year": year}
        order = client.post("/operations/recompute", b"", Recomputation, **given)
        try:
            result = _await_end(client, order)
        except KeyboardInterrupt:
            ended = client.post("/operations/recompute/stop", b"", Recomputation)
            done = f"{ended.station_years:,} of {ended.total:,} station-years were recomputed"
            raise KillrWeatherError(f"interrupted: {done}, and the job has ended; it may be run again") from None
    names = ("station_years", "days", "months", "years", "seconds")
    text = (
        f"recomputed {result.station_years:,} station-years: {result.days:,} days, {result.months:,} months,"
        f" {result.years:,} years from {result.rows:,} raw rows in {result.seconds:.1f} s"
    )
    output.print({name: getattr(result, name) for name in names}, lambda: print(text))


def _await_end(client: "Client", order: Recomputation) -> Recomputation:
    with progress() as display:
        task = display.add_task("recomputing", total=order.total or None, shown="", unit="station-years")
        for state in follow(lambda: client.get("/operations/recompute", Recomputation)):
            if state.id != order.id:
                raise KillrWeatherError("the node was restarted and its recompute ended with it: run it again")
            display.update(task, total=state.total or None, completed=state.station_years, shown=_shown(state))
            if not state.is_under_way:
                break
    if state.state == "failed":
        raise KillrWeatherError(f"the recompute failed: {state.text}; what it did stays, run it again")
    if state.state == "stopped":
        raise KillrWeatherError(f"the recompute was ended after {state.station_years} station-years: {state.text}")
    return state


def _shown(state: Recomputation) -> str:
    if state.state in ("starting", "waiting"):
        return state.text or "Spark is starting"
    rate = f", {state.rows / state.seconds:,.0f} rows/s" if state.seconds else ""
    return f"{state.station_years:,} of {state.total:,} station-years{rate}"
