from . import (
    attempt_report,
    cash_report,
    collection_report,
    deferral_report,
    mrr_report,
    recovery_report,
)
