"""Arguments that go together: a dataclass, whose fields are a command's own arguments for typer and its help."""

import dataclasses
import inspect
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import typer


class Commands(typer.Typer):
    """Commands whose functions may take such dataclasses; what else they take is typer's."""

    def command(self, name: str | None = None, **options: Any) -> Callable[[Any], Any]:
        """Make a function a command of this name."""
        register = super().command(name, **options)

        def decorate(run: Any) -> Any:
            register(spread(run))
            return run

        return decorate


def spread(run: Callable[..., Any]) -> Callable[..., Any]:
    """The same function with the fields in place of the dataclasses."""
    taken = inspect.signature(run).parameters
    groups: dict[str, Any] = {
        name: each.annotation for name, each in taken.items() if dataclasses.is_dataclass(each.annotation)
    }

    @wraps(run)
    def spread_run(**given: Any) -> Any:
        for name, kind in groups.items():
            given[name] = kind(**{field.name: given.pop(field.name) for field in dataclasses.fields(kind)})
        return run(**given)

    parameters = [each for name, own in taken.items() for each in (_fields(groups[name]) if name in groups else [own])]
    spread_run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in parameters]
    )
    spread_run.__annotations__ = {each.name: each.annotation for each in parameters}
    return spread_run


def _fields(kind: Any) -> Iterator[inspect.Parameter]:
    for field in dataclasses.fields(kind):
        default = inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default
        yield inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=field.type)
