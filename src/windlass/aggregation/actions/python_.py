"""python: call a user's function, named by its entry point."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from windlass.aggregation.actions.base import Context, StartedAction
from windlass.aggregation.model import Summary
from windlass.core.errors import ConfigError

__all__ = ["Python"]


class Python(BaseModel):
    """Call `function(summary, context)` in this process. It returns None when done or `StartedAction`, and raises on failure."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["python"] = Field(default="python", description="Calls a Python function.")
    function: str = Field(
        pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$", description="The function, as package.module:function."
    )

    def act(self, summary: Summary, context: Context) -> StartedAction | None:
        """Call the function; ConfigError when it does not exist, or returns neither None nor `StartedAction`."""
        result = self._load()(summary, context)
        if result is not None and not isinstance(result, StartedAction):
            raise ConfigError(
                f"{self.function} returned {type(result).__name__}",
                hint="An action returns None when done, or StartedAction; it raises on failure.",
            )
        return result

    def _load(self) -> Callable[[Summary, Context], Any]:
        module, _, name = self.function.partition(":")
        try:
            function: Any = importlib.import_module(module)
            for part in name.split("."):
                function = getattr(function, part)
        except (ImportError, AttributeError) as error:
            raise ConfigError(
                f"cannot load {self.function}: {error}", hint="Give package.module:function, on the Python path."
            ) from None
        if not callable(function):
            raise ConfigError(f"{self.function} is not a function", hint="Give package.module:function.")
        return function  # type: ignore[no-any-return]
