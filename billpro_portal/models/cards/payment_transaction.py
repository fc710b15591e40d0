from datetime import timedelta

from odoo import api, fields, models

from ...billing.retention import ADDRESS_DAYS

# How many are removed in one run.
ADDRESSES_AT_ONCE = 1000


class PaymentTransaction(models.Model):
    """The registration of another card for a live order, and what is known of a card."""

    _inherit = 'payment.transaction'

    billing_is_card_update = fields.Boolean(
        string="Card Update",
        readonly=True,
        help="Registers a card for an order that is under way; nothing is paid.",
    )
    billing_collect_amount = fields.Monetary(
        string="To Collect",
        readonly=True,
        help="What the customer agreed to pay with the new card: the outstanding payments.",
    )
    billing_for_all_orders = fields.Boolean(
        string="For All Orders", readonly=True, help="The customer wants it for all orders."
    )
    billing_ip_address = fields.Char(
        string="IP Address",
        readonly=True,
        index='btree_not_null',
        help="Where a try at the checkout or a card came from: kept for 30 days, against abuse.",
    )

    @api.model
    def _billing_forget_addresses(self):
        """Remove where tries came from, once they say nothing about abuse any more.

        Personal data is kept no longer than needed: Regulation (EU) 2016/679, article 5 (1) (e).
        """
        outdated = self.search(
            [
                ('billing_ip_address', '!=', False),
                ('create_date', '<', fields.Datetime.now() - timedelta(days=ADDRESS_DAYS)),
            ],
            limit=ADDRESSES_AT_ONCE,
        )
        outdated.billing_ip_address = False

    def _tokenize(self, payment_data):
        """Override of `payment` to keep what is known of a card, and recognise the order's.

        If the customer has stored the card of an order before, its token goes on, with what the
        provider knows of the card since it was entered again.
        """
        super()._tokenize(payment_data)
        new = self.token_id
        provider = self.provider_id._in_billing()
        if new and (values := provider._prepare_card_values(payment_data)):
            # Whoever may store a card may store this of it as well.
            new.sudo().write(values)
        if known := new and self.billing_order_id and new._billing_find_same_card():
            known.write({name: new[name] for name in provider._token_fields})
            known.sudo().billing_mandate_reference = False  # It may be another one.
            self.token_id = known
            new.unlink()
        if self.billing_order_id:
            self.token_id._billing_fetch_mandates()
