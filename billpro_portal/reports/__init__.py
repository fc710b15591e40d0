from . import (
    attempt_report,
    cash_report,
    collection_report,
    leaving_report,
    mrr_report,
    recovery_report,
    usage_report,
)
