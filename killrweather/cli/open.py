"""``killrweather open``: the page."""

import webbrowser

from killrweather.cli.options import ConfigFiles, HomeDirectory, environment
from killrweather.cli.output import Output, say

_PATIENCE_S = 5.0


def run(*, output: Output, config: ConfigFiles = None, home: HomeDirectory = None) -> None:
    """Open the running system's page in the browser, and print its address.

    Example: `killrweather open`
    """
    found = environment(config, home)
    url = f"{found.url}/"
    with found.client(found.url, timeout_s=_PATIENCE_S) as client:
        client.get("/alive", object)
    output.print({"url": url}, lambda: print(url))
    if not webbrowser.open(url):
        say("no browser was found here: open that address in yours")
