"""A server of files as NOAA's site is one: ranges, versions, and connections that break where the test says."""

import hashlib
import re
import sys
import threading
from contextlib import contextmanager
from email.utils import formatdate, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CHANGED_AT = 1_700_000_000


class FileServer:
    """Serves ``files`` by path; a response ends after the first of ``cuts`` bytes, or is the first of ``codes``."""

    def __init__(self, url):
        self.url = url
        self.files: dict[str, bytes] = {}
        self.changed_at = CHANGED_AT
        self.cuts: list[int] = []
        self.codes: list[int] = []
        self.tells_versions = self.knows_ranges = True
        self.asked: list[dict[str, str]] = []
        """The headers of each request, in lower case."""
        self.sent = 0

    def answer(self, request):
        """Answer one request."""
        self.asked.append({name.lower(): value for name, value in request.headers.items()})
        content = self.files.get(request.path.lstrip("/"))
        if self.codes:
            return self._send(request, self.codes.pop(0), {}, b"<html>busy</html>")
        if content is None:
            return self._send(request, 404, {}, b"<html>not found</html>")
        tag = f'"{hashlib.sha256(content).hexdigest()[:12]}"'
        headers = {}
        if self.tells_versions:
            headers = {"Last-Modified": formatdate(self.changed_at, usegmt=True), "ETag": tag}
        since = request.headers.get("If-Modified-Since")
        if since and self.tells_versions and parsedate_to_datetime(since).timestamp() >= self.changed_at:
            return self._send(request, 304, headers, b"")
        start = self._start(request, headers)
        if start is None:
            return self._send(request, 200, headers, content)
        if start >= len(content):
            return self._send(request, 416, {"Content-Range": f"bytes */{len(content)}"}, b"")
        headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return self._send(request, 206, headers, content[start:])

    def _start(self, request, headers):
        found = re.fullmatch(r"bytes=([0-9]+)-", request.headers.get("Range", ""))
        same = request.headers.get("If-Range") in headers.values()
        return int(found.group(1)) if found and same and self.knows_ranges else None

    def _send(self, request, code, headers, content):
        request.send_response(code)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            request.send_header(name, value)
        request.end_headers()
        part = content[: self.cuts.pop(0)] if self.cuts and code in (200, 206) else content
        self.sent += len(part)
        request.wfile.write(part)
        request.close_connection = len(part) < len(content)


@contextmanager
def file_server():
    """A server on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            served.answer(self)

        def log_message(self, *_):
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request, client_address):
            if not isinstance(sys.exc_info()[1], ConnectionError):  # a client may leave when it has heard enough
                super().handle_error(request, client_address)

    with Server(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        served = FileServer(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()
