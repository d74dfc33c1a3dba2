"""WHO MAY COME IN: API keys with scopes, requests named once, and a brake on asking too often."""

from mailer.access.idempotency import (
    IdempotencyConflict,
    IdempotencyKeyInvalid,
    PersonalAnswer,
    StoredAnswer,
    answer_of,
    remember,
    request_hash,
    store_answer,
    sweep_idempotency,
)
from mailer.access.keys import (
    ApiKey,
    ApiKeyId,
    ApiScope,
    NewApiKey,
    ScopeMissing,
    Scopes,
    create_key,
    key_of,
    list_keys,
    revoke_key,
)
from mailer.access.rate import RateLimit

__all__ = [
    "ApiKey",
    "ApiKeyId",
    "ApiScope",
    "IdempotencyConflict",
    "IdempotencyKeyInvalid",
    "NewApiKey",
    "PersonalAnswer",
    "RateLimit",
    "ScopeMissing",
    "Scopes",
    "StoredAnswer",
    "answer_of",
    "create_key",
    "key_of",
    "list_keys",
    "remember",
    "request_hash",
    "revoke_key",
    "store_answer",
    "sweep_idempotency",
]
