"""What of the plan in force may be pruned today. The config of today decides.

the plan permits   user, item, tags, gone       config: groups [[item, shop]], no field `gone`
names              user, tags
kept               item: the plan does not permit shop of its group; gone: not in the config
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from shark_core.config_sections import Field, Pruning


@dataclass(frozen=True)
class Permitted:
    """`names`: in the config's order, groups whole. `kept`: the other permitted fields, and why."""

    names: tuple[str, ...]
    kept: dict[str, str]

    @classmethod
    def of(cls, permitted: Collection[str], fields: Sequence[Field], limits: Pruning) -> Permitted:
        names = [field.name for field in fields]
        gone = sorted(set(permitted) - set(names))
        kept = dict.fromkeys(gone, "the config no longer has this field")
        groups = {name: group for group in limits.groups for name in group}
        allowed = []
        for name in names:
            if name not in permitted:
                continue
            obstacle = _obstacle(groups.get(name, (name,)), permitted, limits)
            if obstacle is None:
                allowed.append(name)
            else:
                kept[name] = obstacle
        return cls(tuple(allowed), kept)


def _obstacle(group: Sequence[str], permitted: Collection[str], limits: Pruning) -> str | None:
    if staying := [name for name in group if name in limits.keep]:
        of_group = f", as {', '.join(staying)} of its group" if len(group) > 1 else ""
        return f"on the keep list{of_group}"
    if missing := [name for name in group if name not in permitted]:
        return f"the plan does not permit {', '.join(missing)} of its group"
    return None
