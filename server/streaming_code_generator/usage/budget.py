"""A day's budget: how much of it is spent, in words for the user."""

from dataclasses import dataclass

from streaming_code_generator.core.results import shown_usd
from streaming_code_generator.usage.ledger import Spent

WARN_AT = 0.8
"""The part of a budget at which a warning is due."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetState:
    """A day's budget and what is spent of it, in US dollars."""

    budget_usd: float
    spent_usd: float

    @property
    def is_spent(self) -> bool:
        """Whether nothing is left."""
        return self.spent_usd >= self.budget_usd

    @property
    def is_low(self) -> bool:
        """Whether a warning is due."""
        return self.spent_usd >= WARN_AT * self.budget_usd

    def __str__(self) -> str:
        return f"{shown_usd(self.spent_usd)} of {shown_usd(self.budget_usd)}"


def budget_state(budget_usd: float, spent: Spent) -> BudgetState:
    """Return a budget's state; where the day cannot be read, as this process knows it."""
    sums = spent.session if spent.day is None else spent.day
    return BudgetState(budget_usd=budget_usd, spent_usd=sums.cost_usd or 0.0)
