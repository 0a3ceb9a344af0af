"""Prices from `genai-prices`, where that is installed: its list comes with it, offline."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.util import find_spec

from streaming_code_generator.core.attempts import Attempt
from streaming_code_generator.core.results import Cost

logger = logging.getLogger(__name__)


def price_list() -> Callable[[Attempt], Cost | None] | None:
    """Return what prices an attempt by the list; None where none is installed."""
    return listed_price if find_spec("genai_prices") else None


def listed_price(attempt: Attempt) -> Cost | None:
    """Return what an attempt's tokens cost at its endpoint by the list, or None.

    A model that the list does not know, or that runs on a machine of the user's own, has no price.
    The first call imports the list for a quarter of a second.
    """
    if not attempt.endpoint.startswith("https://"):
        return None
    try:
        from genai_prices import Usage, calc_price  # noqa: PLC0415 - as said above

        usage = Usage(
            input_tokens=attempt.prompt_tokens,
            cache_read_tokens=attempt.cached_tokens,
            output_tokens=attempt.completion_tokens,
        )
        price = calc_price(
            usage,
            attempt.model,
            provider_api_url=attempt.endpoint,
            genai_request_timestamp=datetime.fromtimestamp(attempt.began_at_s, UTC),
        )
    except LookupError:
        return None
    except Exception:  # a list of prices must never fail a generation
        logger.warning("No price for %s at %s.", attempt.model, attempt.endpoint, exc_info=True)
        return None
    return Cost(float(price.total_price), "genai-prices") if price.total_price else None
