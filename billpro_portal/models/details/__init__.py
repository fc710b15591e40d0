"""What customers change of themselves: billing address, tax ID, language, mail address."""

from . import (
    mail_change,
    sale_order,
)
