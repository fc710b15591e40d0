"""What is kept of a customer: as a file, for how long, and what is erased."""

from . import (
    consent,
    res_partner,
)
