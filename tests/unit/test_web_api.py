"""The whole API against its own description, with arguments that nobody thought of."""

import re

import httpx
from api_check import check_api
from api_stage import served


def test_every_call_is_as_the_openapi_document_says(tmp_path):
    """Whatever is sent: no server error, no status, header or body that is not described, no bad argument accepted."""
    with served() as url:
        paths = httpx.get(f"{url}/openapi.json").json()["paths"]
        said = check_api(url, tmp_path, 5)

    operations = [path for path, methods in paths.items() for _ in methods if not path.endswith("/events")]
    assert re.search(rf"Tested: +{len(operations)}\b", said), said
