"""The page at ``/docs``: the OpenAPI document for people, as plain HTML without scripts and outside addresses."""

import json
from collections.abc import Iterator
from html import escape
from typing import Any
from urllib.parse import quote, urlencode

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title} API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root {{ color-scheme: light dark; --line: #8885; --dim: #59636e; --code: #8881; --link: #0b5cad; }}
@media (prefers-color-scheme: dark) {{ :root {{ --dim: #a5afba; --link: #7cb7f5; }} }}
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }}
a {{ color: var(--link); }}
h2 {{ margin-top: 2.5rem; text-transform: capitalize; }}
h3 {{ font: 600 1rem/1.5 ui-monospace, monospace; margin: 0; display: inline; overflow-wrap: anywhere; }}
details {{ border: 1px solid var(--line); border-radius: .4rem; margin: .5rem 0; padding: .5rem .8rem; }}
summary {{ cursor: pointer; }} summary span {{ color: var(--dim); }}
table {{ border-collapse: collapse; width: 100%; margin: .6rem 0; }}
caption {{ text-align: left; font-weight: 600; }}
th, td {{ border-bottom: 1px solid var(--line); padding: .25rem .5rem; text-align: left; vertical-align: top; }}
pre, code {{ font: .875rem/1.45 ui-monospace, monospace; }}
pre {{ background: var(--code); border-radius: .3rem; padding: .6rem; overflow-x: auto; }}
</style></head><body><main>
<h1>{title} {version}</h1>
<p>{description}</p>
<p>For programs: <a href="openapi.json">openapi.json</a>. Back to <a href="./">the page</a>.</p>
<nav aria-label="Contents"><p>{contents}</p></nav>
{sections}
</main></body></html>
"""


def docs_page(document: dict[str, Any]) -> str:
    """The document as HTML; the calls in its own order, below their tags."""
    sections: dict[str, list[str]] = {}
    shared = document["components"].get("parameters", {})
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            tag = (operation.get("tags") or ["other"])[0]
            sections.setdefault(tag, []).append(_operation(method.upper(), path, _whole(operation, shared)))
    return _PAGE.format(
        title=escape(document["info"]["title"]),
        version=escape(document["info"]["version"]),
        description=escape(document["info"]["description"]).replace("\n\n", "</p><p>"),
        contents=" · ".join(f'<a href="#{quote(tag)}">{escape(tag)}</a>' for tag in sections),
        sections="".join(
            f'<section><h2 id="{quote(tag)}">{escape(tag)}</h2>{"".join(calls)}</section>'
            for tag, calls in sections.items()
        ),
    )


def _whole(operation: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    """The operation with the arguments that it shares with others in their places."""
    arguments = operation.get("parameters", [])
    named = [shared[one["$ref"].rpartition("/")[2]] if "$ref" in one else one for one in arguments]
    return {**operation, "parameters": named}


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    text = operation["description"]
    return (
        f"<details><summary><h3>{method} {escape(path)}</h3> <span>{escape(text.splitlines()[0])}</span></summary>"
        + "".join(f"<p>{escape(part)}</p>" for part in text.split("\n\n")[1:])
        + _parameters(operation["parameters"])
        + f"<pre>{escape(_curl(method, path, operation))}</pre>"
        + _answers(operation["responses"])
        + "</details>"
    )


def _parameters(parameters: list[dict[str, Any]]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(one['name'])}</code></td><td>{one['in']}"
        f"{', required' if one.get('required') else ''}</td>"
        f"<td>{escape(_shape(one['schema']))}</td><td>{escape(one.get('description', ''))}</td></tr>"
        for one in parameters
    )
    head = "<tr><th>name</th><th>in</th><th>values</th><th>meaning</th></tr>"
    return f"<table><caption>Arguments</caption>{head}{rows}</table>" if rows else ""


def _answers(answers: dict[str, Any]) -> str:
    shown = []
    for status, answer in answers.items():
        kinds = ", ".join(answer.get("content", {}))
        example = next((one["example"] for one in answer.get("content", {}).values() if "example" in one), None)
        text = f"<p><b>{status}</b> {escape(answer['description'])} <code>{escape(kinds)}</code></p>"
        if example is not None:
            shown_as = example if isinstance(example, str) else json.dumps(example, indent=2, ensure_ascii=False)
            text += f"<pre>{escape(shown_as)}</pre>"
        shown.append(text)
    return "".join(shown)


def _shape(schema: dict[str, Any]) -> str:
    """What a value may be, in a few words."""
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    options = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    words = [" ".join(_words({**one, **_bounds(schema)})) for one in options]
    default = schema.get("default")
    return " or ".join(words) + (f", by default {default}" if default not in (None, "") else "")


def _words(schema: dict[str, Any]) -> Iterator[str]:
    yield schema.get("format") or schema.get("type", "value")
    if "minimum" in schema:
        yield f"from {schema['minimum']}"
    if "exclusiveMinimum" in schema:
        yield f"above {schema['exclusiveMinimum']}"
    if "maximum" in schema:
        yield f"to {schema['maximum']}"


def _bounds(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: schema[name] for name in ("minimum", "exclusiveMinimum", "maximum") if name in schema}


def _curl(method: str, path: str, operation: dict[str, Any]) -> str:
    """The call as one types it, with the examples of its required arguments."""
    query = []
    for one in operation["parameters"]:
        example = next(iter(one["schema"].get("examples", ())), None)
        if one["in"] == "path" and example is not None:
            path = path.replace(f"{{{one['name']}}}", str(example))
        elif one["in"] == "query" and one.get("required"):
            query.append((one["name"], example))
    url = f"http://127.0.0.1:8080{path}{'?' + urlencode(query) if query else ''}"
    if "requestBody" in operation:
        return f"curl --data-binary @FILE '{url}'"
    return f"curl {'-X POST ' if method == 'POST' else ''}'{url}'"
