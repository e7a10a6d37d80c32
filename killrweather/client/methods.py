"""The methods of both clients: each is what a function of this package builds, with its arguments and its text."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar, cast, get_args, overload

from killrweather.client import calls, events, questions, uploads
from killrweather.client.core import Series, Task

if TYPE_CHECKING:
    from killrweather.client.async_client import AsyncClient
    from killrweather.client.client import Client

P = ParamSpec("P")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class _Answers(Protocol[P, T_co]):
    """What the checker of types sees of a method with an answer."""

    @overload
    def __get__(self, client: "Client", owner: Any) -> Callable[P, T_co]: ...
    @overload
    def __get__(self, client: "AsyncClient", owner: Any) -> Callable[P, Coroutine[Any, Any, T_co]]: ...
    @overload
    def __get__(self, client: None, owner: Any) -> Callable[..., Any]: ...


class _Gives(Protocol[P, T_co]):
    """What it sees of one whose values are iterated over."""

    @overload
    def __get__(self, client: "Client", owner: Any) -> Callable[P, Iterator[T_co]]: ...
    @overload
    def __get__(self, client: "AsyncClient", owner: Any) -> Callable[P, AsyncGenerator[T_co, None]]: ...
    @overload
    def __get__(self, client: None, owner: Any) -> Callable[..., Any]: ...


def _answers(build: Callable[P, Task[T]]) -> _Answers[P, T]:
    def method(self: "Methods", /, *arguments: P.args, **named: P.kwargs) -> Any:
        return self._carry_out(build(*arguments, **named))

    return cast(_Answers[P, T], _described(method, build))


def _gives(build: Callable[P, Series[T]]) -> _Gives[P, T]:
    def method(self: "Methods", /, *arguments: P.args, **named: P.kwargs) -> Any:
        return self._iterate(build(*arguments, **named))

    return cast(_Gives[P, T], _described(method, build, Iterable))


def _described(method: Callable[..., Any], build: Callable[..., Any], wrapper: Any = None) -> Callable[..., Any]:
    """The method with name, text and arguments of ``build``; its help says that it returns what the task promises.

    ``wrapper`` is what that stands in.
    """
    signature = inspect.signature(build)
    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    [promised] = get_args(signature.return_annotation)
    method.__name__, method.__doc__ = build.__name__, build.__doc__
    method.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[own, *signature.parameters.values()],
        return_annotation=promised if wrapper is None else wrapper[promised],
    )
    return method


class Methods(ABC):
    """What can be asked of a node."""

    @abstractmethod
    def _carry_out(self, task: Task[Any]) -> Any:
        """What the task ends with."""

    @abstractmethod
    def _iterate(self, series: Series[Any]) -> Any:
        """The values that the series gives."""

    get = _answers(calls.get)
    post = _answers(calls.post)
    ask = _answers(calls.ask)

    station = _answers(questions.station)
    stations = _gives(questions.stations)
    stations_near = _gives(questions.stations_near)
    current = _answers(questions.current)
    raw = _gives(questions.raw)
    daily_temperature = _answers(questions.daily_temperature)
    monthly_temperature = _answers(questions.monthly_temperature)
    annual_temperature = _answers(questions.annual_temperature)
    high_low = _answers(questions.high_low)
    daily_precipitation = _answers(questions.daily_precipitation)
    monthly_precipitation = _answers(questions.monthly_precipitation)
    annual_precipitation = _answers(questions.annual_precipitation)
    top_precipitation = _answers(questions.top_precipitation)
    sky_condition = _answers(questions.sky_condition)

    status = _answers(questions.status)
    ready = _answers(questions.ready)
    members = _answers(questions.members)
    cluster_history = _answers(questions.cluster_history)

    load = _answers(uploads.load)
    feed = _answers(uploads.feed)
    feed_frame = _answers(uploads.feed_frame)
    wait_until_stored = _answers(uploads.wait_until_stored)
    store_stations = _answers(uploads.store_stations)

    weather_events = _gives(events.weather_events)
    cluster_events = _gives(events.cluster_events)
