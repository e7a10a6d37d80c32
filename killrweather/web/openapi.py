"""The OpenAPI document: FastAPI's own, completed with what holds for every call."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from killrweather.web import request_ids
from killrweather.web.answers import may_answer
from killrweather.web.examples import EXAMPLES
from killrweather.web.problems import ProblemDocument, example_of

_OWN_FORMS = ("HTTPValidationError", "ValidationError")
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Accepted and not needed: sending the same again changes nothing that is stored.",
    "schema": {"type": "string"},
    "example": "7c4a8d09-ca37-62af-61e5-9520943dc264",
}
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The ETag of an answer that the client has: 304 if it is still the same.",
    "schema": {"type": "string"},
    "example": '"5d41402abc4b2a76b9719d91"',
}
_ETAG = {"description": "Names this state of the answer", "schema": {"type": "string"}}
_LINK = {"description": 'The page after a full one: <…>; rel="next"', "schema": {"type": "string"}}
_RETRY_AFTER = {"description": "s to wait before the next try", "schema": {"type": "string", "pattern": "^[0-9]+$"}}
_CHALLENGE = {"description": "Bearer", "schema": {"type": "string"}}


def openapi(app: FastAPI, has_token: bool) -> dict[str, Any]:
    """The document of an application, which is made once; ``has_token`` says whether calls need the bearer token."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for name in _OWN_FORMS:
            schemas.pop(name, None)
        schemas[ProblemDocument.__name__] = TypeAdapter(ProblemDocument).json_schema()
        if has_token:
            document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            document["security"] = [{"token": []}]
            document["paths"]["/alive"]["get"]["security"] = []
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                _complete(operation, method.upper(), path, has_token)
        request_ids.document(document)
        app.openapi_schema = document
    return app.openapi_schema


def _complete(operation: dict[str, Any], method: str, path: str, has_token: bool) -> None:
    """Add what FastAPI does not know of: examples, headers, and the answers that middleware gives."""
    answers = operation["responses"]
    guards = [401] if has_token and path != "/alive" else []
    guards += [403] if method == "POST" or not has_token else []
    general = may_answer(*guards, 406, 500)
    if "application/json" in answers.get("422", {}).get("content", {}):
        del answers["422"]  # FastAPI's own form, of a call whose arguments cannot be wrong
    for status, answer in general.items():
        answers.setdefault(str(status), answer)
    success = answers[min(answers)]
    if (method, path) in EXAMPLES:
        success["content"]["application/json"]["example"] = _plain(EXAMPLES[method, path])
    if method == "POST":
        operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
    elif path.startswith("/weather/") and "application/json" in success["content"]:
        operation.setdefault("parameters", []).append(_IF_NONE_MATCH)
        success.setdefault("headers", {})["ETag"] = _ETAG
        answers["304"] = {"description": "The client has it already", "headers": {"ETag": _ETAG}}
        if any(parameter["name"] == "cursor" for parameter in operation["parameters"]):
            success["headers"]["Link"] = _LINK
    for status, answer in answers.items():
        problem = answer.get("content", {}).get("application/problem+json")
        if problem is not None:
            problem["example"] = example_of(int(status))
        if status in ("429", "503"):
            answer.setdefault("headers", {})["Retry-After"] = _RETRY_AFTER
        if status == "401":
            answer.setdefault("headers", {})["WWW-Authenticate"] = _CHALLENGE
    operation["responses"] = dict(sorted(answers.items()))


def _plain(value: Any) -> Any:
    return TypeAdapter(Any).dump_python(value, mode="json")
