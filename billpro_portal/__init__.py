from . import controllers, models, wizards
from .log_redaction import redact_access_tokens
