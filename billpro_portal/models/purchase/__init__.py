"""The purchase types, a class each."""

from . import (
    purchase_instalment,
    purchase_metered,
    purchase_single,
    purchase_subscription,
)
