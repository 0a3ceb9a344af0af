"""Keeps to the day's budget: a warning when it runs low, a question once it is spent."""

import asyncio
from datetime import date, datetime

from lsprotocol import types

from streaming_code_generator.errors import ConfigurationError
from streaming_code_generator.lsp.client import Client
from streaming_code_generator.usage.ledger import BudgetState, Ledger, budget_state

GENERATE = "Generate"
GENERATE_ALL_DAY = "Generate all day"
STOP = "Stop"

ANSWER_S = 120.0
"""Longest wait for the user's answer; then it is no."""


class BudgetGuard:
    """Asks before a generation that would go beyond the budget; one question at a time."""

    def __init__(self, ledger: Ledger, client: Client) -> None:
        self._ledger = ledger
        self._client = client
        self._asking = asyncio.Lock()
        self._warned_on: date | None = None
        self._allowed_on: date | None = None
        """The day for which the user has let generating go on."""

    async def admit(self, budget_usd: float | None) -> None:
        """Let a generation begin, if need be after asking the user.

        Cancellation: at once; the answer then counts for nothing.

        Raises:
            ConfigurationError: The budget is spent, and the user did not agree to go on.
        """
        if budget_usd is None:
            return
        async with self._asking:
            spent = await self._ledger.spent()
            budget = budget_state(budget_usd, spent)
            if spent.session.unpriced:
                self._client.log_once(
                    "`budgetPerDay` does not count requests whose price is not known, and there "
                    "are some: see `streaming-code-generator usage`."
                )
            if budget.is_spent and self._allowed_on != _today():
                await self._ask(budget)
            elif budget.is_low and self._warned_on != _today():
                self._warned_on = _today()
                self._client.show(
                    f"{budget} of today's budget (`budgetPerDay`) is spent.",
                    types.MessageType.Warning,
                )

    async def is_spent(self, budget_usd: float | None) -> bool:
        """Whether requests that no user made, as for ghost text, have to wait until tomorrow."""
        if budget_usd is None or self._allowed_on == _today():
            return False
        return budget_state(budget_usd, await self._ledger.spent()).is_spent

    async def _ask(self, budget: BudgetState) -> None:
        question = f"Today's budget is spent: {budget}. Generate anyway?"
        answer = await self._client.ask(
            question, (GENERATE, GENERATE_ALL_DAY, STOP), timeout_s=ANSWER_S
        )
        if answer == GENERATE_ALL_DAY:
            self._allowed_on = _today()
        elif answer != GENERATE:
            raise ConfigurationError(
                f"Today's budget is spent: {budget}. Nothing was generated; to go on, raise "
                "`budgetPerDay`, or answer the question with "
                f"`{GENERATE}`."
            )


def _today() -> date:
    return datetime.now().astimezone().date()
