"""Parts of an object that are built on first use, each once, and closed together."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any, Generic, Protocol, Self, TypeVar, cast, overload

from windlass.core.errors import WindlassError

__all__ = ["Built", "HasParts", "Part"]

T = TypeVar("T")


class Built:
    """The parts that were built, by name. Thread-safe: a part is built once, and other threads wait for it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # reentrant, because building a part reads the parts it depends on
        self._parts: dict[str, Any] = {}

    def once(self, name: str, build: Callable[[], object]) -> Any:
        """Return the part `name`. Build it when it does not exist."""
        with self._lock:
            if name not in self._parts:
                self._parts[name] = build()
            return self._parts[name]

    def close(self, *names: str) -> None:
        """Close the parts `names` that exist, in this order, then remove all parts."""
        with self._lock:
            for name in names:
                if name in self._parts:
                    with contextlib.suppress(WindlassError):
                        self._parts[name].close()
            self._parts.clear()


class HasParts(Protocol):
    """An object with parts."""

    built: Built


class Part(Generic[T]):
    """A property that is computed on first access and kept in the owner's `built` until that is closed."""

    def __init__(self, build: Callable[[Any], T]) -> None:
        self._build = build
        self.__doc__ = build.__doc__

    def __set_name__(self, owner: type[object], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, app: None, owner: type[object]) -> Self: ...

    @overload
    def __get__(self, app: HasParts, owner: type[object]) -> T: ...

    def __get__(self, app: HasParts | None, owner: type[object]) -> T | Self:
        if app is None:
            return self
        return cast("T", app.built.once(self._name, lambda: self._build(app)))
