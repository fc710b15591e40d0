"""Which payment methods Stripe keeps for later payments, by Odoo's codes of them.

Stripe documentation, "Payment method integration options" (which can be reused), "Save details
during an iDEAL payment" and "Save Bancontact details" (stored as SEPA debits).
"""

from __future__ import annotations

# Of each, the method under which it is stored. Odoo knows it of others by itself.
KEPT_AS = {
    'ach_direct_debit': 'ach_direct_debit',
    'bacs_direct_debit': 'bacs_direct_debit',
    'bancontact': 'sepa_direct_debit',
    'ideal': 'sepa_direct_debit',
    'paypal': 'paypal',
}
