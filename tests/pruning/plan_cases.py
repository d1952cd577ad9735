"""Fields, importances and limits to plan for, and the plan that trying every set finds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

from hypothesis import strategies as st

from shark_core.config_sections import Field, Pruning
from shark_core.importance.report import FieldImportance
from shark_core.pruning.plan import PruningPlan
from shark_core.pruning.planning import plan_pruning

Unit = tuple[str, ...]


def field(name: str, rows: int = 10) -> Field:
    return Field(name=name, column=name, encoding="identity", num_embeddings=rows, embedding_dim=1)


def importance(name: str, score: float, error: float = 0.0) -> FieldImportance:
    return FieldImportance(name, score, error, examples=100)


@dataclass(frozen=True)
class Case:
    fields: tuple[Field, ...]
    importances: tuple[FieldImportance, ...]
    limits: Pruning

    def plan(self) -> PruningPlan:
        return plan_pruning(self.fields, self.importances, self.limits)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Up to eight fields, some in groups; scores on a grid (ties, sums at a limit) or not."""
    names = [f"f{number}" for number in range(draw(st.integers(1, 8)))]
    tenths = st.integers(-3, 9).map(lambda number: number / 10)
    scores = draw(st.sampled_from([tenths, st.floats(-0.3, 0.9), tenths.map(lambda s: s / 1e5)]))
    errors = draw(st.sampled_from([st.just(0.0), st.floats(0.0, 0.2)]))
    sizes = draw(st.sampled_from([st.sampled_from([2, 4]), st.integers(2, 50)]))
    fields = tuple(field(name, draw(sizes)) for name in names)
    importances = tuple(importance(name, draw(scores), draw(errors)) for name in names)
    return Case(fields, importances, draw(_limits(names, fields, importances)))


@st.composite
def _limits(
    draw: st.DrawFn,
    names: list[str],
    fields: Sequence[Field],
    importances: Sequence[FieldImportance],
) -> Pruning:
    order = draw(st.permutations(names))
    cut = draw(st.integers(0, len(names)))
    pairs = [order[start : start + 2] for start in range(0, cut, 2)]
    loss = sum(max(entry.high, 0.0) for entry in importances)
    size = sum(each.float_bytes for each in fields)
    tenths = st.integers(0, 30).map(lambda number: number / 10)
    return Pruning(
        max_predicted_loss=draw(tenths | st.floats(0.0, 1.2).map(lambda share: share * loss)),
        byte_budget=draw(st.none() | st.integers(1, size)),
        max_fields=draw(st.none() | st.integers(0, len(names))),
        keep=tuple(draw(st.lists(st.sampled_from(names), max_size=2, unique=True))),
        groups=tuple(tuple(pair) for pair in pairs) if draw(st.booleans()) else (),
    )


@dataclass(frozen=True)
class Oracle:
    """The rule of `plan_pruning`, by trying every set of units."""

    case: Case

    @property
    def units(self) -> list[Unit]:
        groups = self.case.limits.groups
        grouped = {name for group in groups for name in group}
        alone = [(each.name,) for each in self.case.fields if each.name not in grouped]
        units = [*alone, *(tuple(sorted(group)) for group in groups)]
        return sorted(units, key=lambda unit: (self.high(unit), *self.importance(unit)))

    def importance(self, unit: Unit) -> tuple[float, int, Unit]:
        return (self.score(unit), -self.bytes(unit), unit)

    @cached_property
    def scores(self) -> dict[str, float]:
        return {entry.field: entry.score for entry in self.case.importances}

    @cached_property
    def highs(self) -> dict[str, float]:
        return {entry.field: max(entry.high, 0.0) for entry in self.case.importances}

    @cached_property
    def sizes(self) -> dict[str, int]:
        return {each.name: each.float_bytes for each in self.case.fields}

    def score(self, unit: Unit) -> float:
        return math.fsum(self.scores[name] for name in unit)

    def loss(self, names: Unit) -> float:
        return math.fsum(max(self.scores[name], 0.0) for name in names)

    def high(self, names: Unit) -> float:
        return math.fsum(self.highs[name] for name in names)

    def bytes(self, names: Unit) -> int:
        return sum(self.sizes[name] for name in names)

    def allows(self, names: Unit, stay: int = 1) -> bool:
        limits, most = self.case.limits, len(self.case.fields) - stay
        if limits.max_fields is not None:
            most = min(most, limits.max_fields)
        return len(names) <= most and self.high(names) <= limits.max_predicted_loss

    def free(self) -> list[Unit]:
        """Without what stays because everything would go: so the best plan were none to stay."""
        keep = set(self.case.limits.keep)
        free = [unit for unit in self.units if not keep & set(unit)]
        if set(self.best(free, stay=0)) != set(self.sizes):
            return free
        last = max(free, key=self.importance)
        return [unit for unit in free if unit != last]

    def hurting(self, free: list[Unit], stay: int = 1) -> Unit:
        taken: Unit = ()
        for unit in free:
            if self.score(unit) < 0 and self.allows((*taken, *unit), stay):
                taken = (*taken, *unit)
        return taken

    def best(self, free: list[Unit], stay: int = 1) -> Unit:
        """To the budget: least loss, then fewest fields. Else most bytes, then least loss."""
        budget = self.case.limits.byte_budget
        sets = [each for each in self.sets(free, stay) if self.allows(each, stay)]
        total = self.bytes(tuple(self.sizes))
        within = [
            each for each in sets if budget is not None and total - self.bytes(each) <= budget
        ]
        if within:
            return min(within, key=lambda each: (self.loss(each), len(each)))
        return min(sets, key=lambda each: (-self.bytes(each), self.loss(each)))

    def sets(self, free: list[Unit], stay: int = 1) -> Iterator[Unit]:
        taken = self.hurting(free, stay)
        rest = [unit for unit in free if self.score(unit) >= 0]
        for size in range(len(rest) + 1):
            for chosen in combinations(rest, size):
                yield (*taken, *(name for unit in chosen for name in unit))
