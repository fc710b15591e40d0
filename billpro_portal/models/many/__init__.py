"""What is done to many orders at once: pause, resume, cancel, move; with a report that stays."""

from . import (
    bulk_action,
    bulk_action_order,
)
