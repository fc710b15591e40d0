"""A transaction for each record, and what failed in it: one that fails stops no other."""

from . import (
    failure,
    job,
    job_record,
    own_transaction,
)
