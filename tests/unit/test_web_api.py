"""The whole API against its own description, with arguments that nobody thought of."""

import re

import httpx
from api_check import check_api
from api_stage import served

TOKEN = "Authorization: Bearer s3cret"


def test_every_call_is_as_the_openapi_document_says(tmp_path):
    """Whatever is sent: no server error, no status, header or body that is not described, no bad argument accepted."""
    with served() as url:
        paths = httpx.get(f"{url}/openapi.json").json()["paths"]
        said = check_api(url, tmp_path, 5)

    operations = [path for path, methods in paths.items() for _ in methods if not path.endswith("/events")]
    assert re.search(rf"Tested: +{len(operations)}\b", said), said


def test_with_a_token_no_call_is_answered_without_it(tmp_path):
    """Also as the document says: each call is tried with the token, with another one and with none."""
    with served(token="s3cret") as url:
        said = check_api(url, tmp_path, 2, "--header", TOKEN, "--phases", "examples,fuzzing")

    assert re.search(r"Tested: +\d\d", said), said
