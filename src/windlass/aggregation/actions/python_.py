"""python: a function of one's own, by its entry point."""

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
    """Call `function(summary, context)` in this process. It returns None when done or `StartedAction`, and raises when it failed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["python"] = Field(default="python", description="Calls a Python function.")
    function: str = Field(
        pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$", description="The function, as package.module:function."
    )

    def act(self, summary: Summary, context: Context) -> StartedAction | None:
        """Call it; ConfigError when there is no such function, or when it answers neither None nor `StartedAction`."""
        answer = self._load()(summary, context)
        if answer is not None and not isinstance(answer, StartedAction):
            raise ConfigError(
                f"{self.function} returned {type(answer).__name__}",
                hint="An action returns None when done, or Started; it raises when it failed.",
            )
        return answer

    def _load(self) -> Callable[[Summary, Context], Any]:
        module, _, name = self.function.partition(":")
        try:
            found: Any = importlib.import_module(module)
            for part in name.split("."):
                found = getattr(found, part)
        except (ImportError, AttributeError) as error:
            raise ConfigError(
                f"{self.function} can't be loaded: {error}", hint="Give package.module:function, on the Python path."
            ) from None
        if not callable(found):
            raise ConfigError(f"{self.function} is no function", hint="Give package.module:function.")
        return found  # type: ignore[no-any-return]
