"""A store in which somebody else does something whole between two calls of one actor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.publish.memory_store import MemoryStore


@dataclass
class OvertakenStore:
    """`event` happens once, right before the first call that is named so with such a key."""

    store: MemoryStore
    call: str
    key_part: str
    event: Callable[[], object]
    happened: bool = field(default=False, init=False)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.store, name)

        def called(key: str, *arguments: Any) -> Any:
            if not self.happened and name == self.call and self.key_part in key:
                self.happened = True
                self.event()
            return method(key, *arguments)

        return called
