"""``killrweather replay``: the speed layer again from a place in the log."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from killrweather.cli.following import follow
from killrweather.cli.options import ConfigFiles, HomeDirectory, environment
from killrweather.cli.output import Output, progress
from killrweather.errors import BadRequest, KillrWeatherError, Unavailable
from killrweather.messages.layers import Replaying
from killrweather.messages.node import StreamProgress

if TYPE_CHECKING:
    from killrweather.client import Client


def run(
    from_beginning: Annotated[bool, typer.Option("--from-beginning", help="Everything that the log has.")] = False,
    from_offset: Annotated[int | None, typer.Option(help="This offset and later ones, in each partition.")] = None,
    from_time: Annotated[
        str | None, typer.Option(help="What Kafka got at this time or later, such as 2024-01-31T18:00:00Z.")
    ] = None,
    partition: Annotated[int | None, typer.Option(help="Only this partition.", show_default="all")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Return when everything is stored again.")] = False,
    *,
    output: Output,
    config: ConfigFiles = None,
    home: HomeDirectory = None,
) -> None:
    """Have the stream read its log again from some place; no stored value changes by that.

    Example: `killrweather replay --from-beginning --wait`

    Questions are answered meanwhile; the lag shows how much is left.
    New observations wait in the log until the replay has come to them.
    """
    if [from_beginning, from_offset is not None, from_time is not None].count(True) != 1:
        raise BadRequest("expected one of --from-beginning, --from-offset and --from-time", "from_beginning")
    started = time.monotonic()
    with environment(config, home).client() as client:
        given = {"from_offset": from_offset, "from_time": from_time, "partition": partition}
        order = client.post("/operations/replay", b"", Replaying, **given, from_beginning=from_beginning or None)
        replaying = _await_begin(client, order)
        if wait:
            _await_end(client, replaying)
    seconds = time.monotonic() - started
    found = {"records": replaying.records, "begin": replaying.begin, "until": replaying.until}
    done = f"replayed {replaying.records:,} records in {seconds:.1f} s"
    begun = f"replaying {replaying.records:,} records; how many are left: killrweather status"
    output.print(found | {"seconds": round(seconds, 3)}, lambda: print(done if wait else begun))


def _await_begin(client: "Client", order: Replaying) -> Replaying:
    """The replay once the stream is set back; it finishes its micro-batch first."""
    if order.has_begun:
        return order
    replays = (_still(order, stream.replay) for stream in follow(lambda: _stream(client)))
    return next(replay for replay in replays if replay.has_begun)


def _still(order: Replaying, seen: Replaying | None) -> Replaying:
    """The replay as it is seen, if it is still the one that was ordered."""
    if seen is None or seen.id != order.id:
        raise KillrWeatherError("the stream was restarted before the replay began: order it again")
    return seen


def _await_end(client: "Client", replaying: Replaying) -> None:
    """Wait with a progress bar until every record is stored again."""
    with progress() as display:
        total = replaying.records
        task = display.add_task("replaying", total=total, shown=f"0 of {total:,} records", unit="records")
        for stream in follow(lambda: _stream(client)):
            done = total - replaying.remaining(stream.stored)
            display.update(task, completed=done, shown=f"{done:,} of {total:,} records")
            if done >= total:
                return


def _stream(client: "Client") -> StreamProgress:
    status = client.status()
    if status.stream is None:
        raise Unavailable(status.problem or "the stream cannot be reached")
    return status.stream
