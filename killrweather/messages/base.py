"""What makes a class a message: a frozen value with slots, made once and never changed."""

from dataclasses import dataclass
from typing import TypeVar

from typing_extensions import dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def message(cls: type[T]) -> type[T]:
    """Make a class a message: its annotated fields are its arguments, it compares by value and travels by pickle."""
    return dataclass(frozen=True, slots=True)(cls)
