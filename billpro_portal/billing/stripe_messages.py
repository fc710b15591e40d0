"""What Stripe and Odoo tell each other to find payments again, and to report changes.

Here and not in a model: the order in which models are loaded must not depend on who needs a name.
"""

# What Stripe's objects carry of ours.
REFERENCE_KEY = 'odoo_reference'
ORDER_KEY = 'odoo_order'
PAYMENT_KEY = 'odoo_payment'
# What Stripe is asked to report, in order of need: money that moved, that didn't, cards.
EVENT_TYPES = (
    'payment_intent.succeeded',
    'payment_intent.amount_capturable_updated',
    'setup_intent.succeeded',
    'charge.refunded',
    'refund.created',
    'refund.updated',
    'refund.failed',
    'charge.refund.updated',
    'charge.dispute.created',
    'charge.dispute.updated',
    'charge.dispute.closed',
    'charge.dispute.funds_withdrawn',
    'charge.dispute.funds_reinstated',
    'payment_intent.payment_failed',
    'payment_intent.canceled',
    'payment_intent.processing',
    'payment_method.automatically_updated',
    'payment_method.updated',
    'payment_method.detached',
)
