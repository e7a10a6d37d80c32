"""``killrweather fetch``: observations from NOAA."""

from pathlib import Path
from typing import Annotated

import typer

from killrweather.cli.completions import of
from killrweather.cli.options import ConfigFiles, HomeDirectory, environment
from killrweather.cli.output import Output, progress, say
from killrweather.errors import NoData
from killrweather.feed.formats import GHCNH, ISD_LITE, format_named


def run(
    *,
    station: Annotated[str, typer.Option(help="USAF:WBAN such as 725030:14732, or a GHCNh id such as USW00014732.")],
    year: Annotated[int, typer.Option(help="Year.")],
    format: Annotated[
        str,
        typer.Option(
            help=f"{ISD_LITE.name}, {GHCNH.name}, or auto: the first up to 2024, the second since.",
            autocompletion=of("auto", ISD_LITE.name, GHCNH.name),
        ),
    ] = "auto",
    to: Annotated[Path, typer.Option(help="Directory for the file and its SHA-256.", file_okay=False)] = Path(),
    output: Output,
    config: ConfigFiles = None,
    home: HomeDirectory = None,
) -> None:
    """Download a station's hours of a year from NOAA, and print the path of the file.

    Example: `killrweather fetch --station 725030:14732 --year 2008 --to data`

    A download that was cut goes on where it broke, also that of an earlier run.
    A file that is there already comes again only when NOAA has a newer one.
    """
    from killrweather.download import download
    from killrweather.feed.noaa import station_year
    from killrweather.messages.weather import check_year

    check_year(year)
    wanted = station_year(station, year, None if format == "auto" else format_named(format))
    url = f"{environment(config, home).settings.feed.noaa_url.rstrip('/')}/{wanted.path}"
    with progress() as display:
        task = display.add_task(wanted.file_name, total=None, shown="", unit="bytes")

        def report(done: int, total: int | None) -> None:
            of_all = f" of {total / 1e6:,.1f}" if total else ""
            display.update(task, completed=done, total=total, shown=f"{done / 1e6:,.1f}{of_all} MB")

        try:
            found = download(url, to / wanted.file_name, report)
        except NoData as error:
            title = wanted.format.name
            raise NoData(f"NOAA has no {title} data of station {wanted.station} for {year}: {error}") from error
    state = "" if found.is_new else ", as before"
    if output.is_for_people:
        say(f"{found.bytes:,} bytes{state}, SHA-256 {found.sha256}")
    output.print(found, lambda: print(found.path))
