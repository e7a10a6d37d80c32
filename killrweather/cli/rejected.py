"""``killrweather rejected``: what could not be read, and reading it again after a fix."""

from typing import Annotated, Any

import typer

from killrweather.cli.arguments import Commands
from killrweather.cli.completions import of
from killrweather.cli.following import follow
from killrweather.cli.options import ConfigFiles, HomeDirectory, environment
from killrweather.cli.output import Output, progress, say
from killrweather.cli.tables import print_table
from killrweather.errors import KillrWeatherError
from killrweather.feed.formats import FORMAT_NAMES
from killrweather.messages.rejected import MOST_SHOWN, RejectedRecord, RejectedRecords, RejectedRetry

Code = Annotated[str | None, typer.Option(help="Only this kind of fault, such as calendar.", show_default="all")]

app = Commands(help="What the feed and the stream could not read.", no_args_is_help=True)


@app.command()
def show(
    code: Code = None,
    reason: Annotated[str | None, typer.Option(help="Only reasons with these words.", show_default="all")] = None,
    origin: Annotated[
        str | None, typer.Option(help="feed or stream.", show_default="both", autocompletion=of("feed", "stream"))
    ] = None,
    limit: Annotated[int, typer.Option(help=f"So many of the newest, {MOST_SHOWN:,} at most.")] = 20,
    *,
    output: Output,
    config: ConfigFiles = None,
    home: HomeDirectory = None,
) -> None:
    """Rejected rows and records with reason and place, the newest last, and how many there are of each kind.

    Example: `killrweather rejected show --code calendar --limit 5`
    """
    asked: dict[str, Any] = {"code": code, "reason": reason, "origin": origin, "limit": limit}
    with environment(config, home).client() as client:
        found: RejectedRecords = client.get("/weather/rejected", RejectedRecords, **asked)
    output.print(found, lambda: _show(found), found.records, RejectedRecord)


def _show(found: RejectedRecords) -> None:
    if not found.records:
        say("no such rejected records" if found.counts else "nothing was rejected")
    else:
        rows = ((f"{one.time:%F %T}", _place(one), one.code, _reason(one), one.value) for one in found.records)
        print_table(rows, ["time", "place", "code", "reason", "as it stood"])
        print()
    if found.counts:
        print_table(((one.origin, one.code, one.rejected) for one in found.counts), ["rejected by", "code", "rows"])


@app.command()
def retry(
    code: Code = None,
    format: Annotated[
        str | None,
        typer.Option(
            help="Read the lines as this format, if they were sent as a wrong one.", autocompletion=of(*FORMAT_NAMES)
        ),
    ] = None,
    *,
    output: Output,
    config: ConfigFiles = None,
    home: HomeDirectory = None,
) -> None:
    """Send what was rejected and not yet retried through the feed again, after a fix.

    Example: `killrweather rejected retry --code older-than-retention`

    Each record is sent once. What is rejected again is a new rejected record, for the next retry.
    A retried row is newer than what came meanwhile: where both state a value, the retried one is kept.
    """
    with environment(config, home).client() as client, progress() as display:
        task = display.add_task("retrying", total=None, shown="", unit="records")
        order = client.post("/weather/rejected/retry", b"", RejectedRetry, code=code, format=format)
        for state in follow(lambda: client.get("/weather/rejected/retry", RejectedRetry)):
            if state.id != order.id:
                raise KillrWeatherError("the node's rejected actor was restarted and its retry ended: run it again")
            display.update(task, completed=state.retried, shown=f"{state.retried:,} records")
            if not state.is_under_way:
                break
    if state.state == "failed":
        raise KillrWeatherError(f"the retry failed after {state.retried:,} records: {state.text}; run it again")
    names = ("retried", "accepted", "rejected", "incomplete")
    text = f"retried {state.retried:,} records: {state.accepted:,} rows accepted, {state.rejected:,} rejected again"
    output.print({name: getattr(state, name) for name in names}, lambda: print(text))
    if output.is_for_people and state.incomplete:
        say(f"{state.incomplete:,} were not sent, because they were too long to be kept whole")


def _place(record: RejectedRecord) -> str:
    if record.origin == "stream":
        return f"{record.topic} partition {record.partition} offset {record.offset}"
    return f"{record.source}:{record.line}"


def _reason(record: RejectedRecord) -> str:
    field = f"{record.field} {record.found!r}: " if record.field else ""
    return f"{field}{record.reason}{' (retried)' if record.is_retried else ''}"
