"""From resolved settings to what the provider and the generator are told."""

from streaming_code_generator.core.engine.policy import GenerationPolicy
from streaming_code_generator.providers.choose import ProviderChoice
from streaming_code_generator.settings import ResolvedSettings, Settings

MOST_EMBEDDED_SLOTS = 4
"""Each slot of the embedded model costs some 90 MB; more at once only make each of them slower."""


def provider_choice(resolved: ResolvedSettings) -> ProviderChoice:
    """Return what decides about the provider, with where each of it came from."""
    settings, origins = resolved.settings, resolved.origins
    key, role, limit_field = resolved.api_key, settings.system_role, settings.token_limit_field
    return ProviderChoice(
        provider=settings.provider,
        provider_origin=str(origins["provider"]),
        api_key=key.reveal() if key else None,
        api_key_origin=str(resolved.api_key_origin or "not set"),
        api_key_env=settings.api_key_env,
        base_url=settings.base_url,
        base_url_origin=str(origins["base_url"]),
        model=settings.model,
        token_limit_field=None if limit_field == "auto" else limit_field,
        system_role=None if role == "auto" else role,
        connect_timeout_s=settings.connect_timeout_seconds,
        embedded_slots=min(settings.max_concurrent_generations, MOST_EMBEDDED_SLOTS),
        embedded_model=settings.embedded_model,
        model_path=str(settings.model_path) if settings.model_path else None,
    )


def generation_policy(settings: Settings) -> GenerationPolicy:
    """Return the deadlines, retries and chunk size that are set."""
    return GenerationPolicy(
        timeout_s=settings.timeout_seconds,
        first_chunk_timeout_s=settings.first_chunk_timeout_seconds,
        stall_timeout_s=settings.stall_timeout_seconds,
        max_retries=settings.max_retries,
        chunk_size=settings.chunk_size,
    )
