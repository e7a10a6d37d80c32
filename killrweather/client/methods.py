"""How what can be asked becomes a method: its arguments and its text are those of the function that builds it."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar, get_args

M = TypeVar("M", bound=Callable[..., Any])


def described(method: M, build: Callable[..., Any], wrapper: Any = None) -> M:
    """The method with name, text and signature of ``build``; it returns what the built task promises.

    ``wrapper`` is what that stands in, such as ``Iterator``.
    """
    signature = inspect.signature(build)
    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    promised = (get_args(signature.return_annotation) or (signature.return_annotation,))[0]
    method.__name__, method.__doc__ = build.__name__, build.__doc__
    method.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[own, *signature.parameters.values()],
        return_annotation=promised if wrapper is None else wrapper[promised],
    )
    return method
