from . import controllers, models, reports, wizards
from .log_redaction import keep_secrets_out_of_log
