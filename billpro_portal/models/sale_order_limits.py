from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError

# Whoever tries stolen card numbers needs many tries, a customer two or three.
ATTEMPTS_PER_HOUR_AND_ORDER = 10
ATTEMPTS_PER_HOUR_AND_ADDRESS = 20
CARDS_PER_HOUR_AND_ORDER = 5
CARDS_PER_HOUR_AND_ADDRESS = 10
# Of strangers who take another order, and another address, for each try.
DECLINES_PER_HOUR_AND_COMPANY = 200
# From here on the checkout says how many tries are left.
TRIES_LEFT_TOLD_FROM = 3
# Notes on the order, of which cancelling and taking it back leave four or five; mails go with them.
CHANGES_PER_HOUR = 20


class SaleOrder(models.Model):
    """How often whoever holds an order's link may do what costs others money or attention."""

    _inherit = 'sale.order'

    def _get_attempt_limit_reason(self, ip_address):
        """Return why the initial payment can't be tried once more for now.

        :param str ip_address: Where the request comes from.
        :return: The reason in the customer's words, or False if it may be tried.
        :rtype: str|bool
        """
        self.ensure_one()
        if self._count_tries_left() <= 0:
            return self.env._(
                "This order was tried to be paid many times in a short time. Please wait an hour,"
                " or contact us: we will help you to pay."
            )
        by_address = self._count_recent_tries(
            [('billing_ip_address', '=', ip_address), ('state', 'in', ('draft', 'error', 'cancel'))]
        )
        declined = self._count_recent_tries(
            [
                ('billing_ip_address', '!=', False),
                ('state', '=', 'error'),
                ('company_id', '=', self.company_id.id),
            ]
        )
        is_stranger = self.env.user._is_public()
        if by_address >= ATTEMPTS_PER_HOUR_AND_ADDRESS or (
            is_stranger and declined >= DECLINES_PER_HOUR_AND_COMPANY
        ):
            return self.env._(
                "Too many payments were tried in a short time. Please wait an hour, or contact us:"
                " we will help you to pay."
            )
        return False

    def _get_card_limit_reason(self, ip_address):
        """Return why no more cards may be registered for now.

        :param str ip_address: Where the request comes from.
        :return: The reason in the customer's words, or False if there may be more.
        :rtype: str|bool
        """
        self.ensure_one()
        updates = [('billing_is_card_update', '=', True)]
        by_order = self._count_recent_tries([*updates, ('billing_order_id', '=', self.id)])
        by_address = self._count_recent_tries([*updates, ('billing_ip_address', '=', ip_address)])
        if by_order >= CARDS_PER_HOUR_AND_ORDER or by_address >= CARDS_PER_HOUR_AND_ADDRESS:
            return self.env._(
                "Too many cards were tried in a short time. Please wait an hour, or contact us."
            )
        return False

    @api.model
    def _count_recent_tries(self, domain):
        """Count what was tried within the hour.

        :param list domain: Which transactions.
        :rtype: int
        """
        since = fields.Datetime.now() - timedelta(hours=1)
        return (
            self.env['payment.transaction']
            .sudo()
            .search_count([*domain, ('create_date', '>', since)])
        )

    def _count_tries_left(self):
        """Return how many times the initial payment may be tried now.

        :rtype: int
        """
        since = fields.Datetime.now() - timedelta(hours=1)
        recent = self._get_initial_attempts().filtered(
            lambda tx: tx.billing_ip_address and tx.create_date > since
        )
        return ATTEMPTS_PER_HOUR_AND_ORDER - recent._count_tries()

    def _get_tries_left_text(self):
        """Return how often the customer may still try, once that comes to an end.

        :return: The text, or False as long as there are many tries left.
        :rtype: str|bool
        """
        left = self._count_tries_left()
        if left > TRIES_LEFT_TOLD_FROM:
            return False
        if left <= 0:
            return self.env._("Please wait an hour before you try again, or contact us.")
        return self.env._("You can try %s more times within the hour.", left)

    def _check_number_of_changes(self):
        """Check that the link isn't used to send mail after mail.

        Cancelling is never kept from anybody: taking it back is what ends the round.

        :raise UserError: If much was changed within the hour by whoever asks.
        """
        self.ensure_one()
        since = fields.Datetime.now() - timedelta(hours=1)
        changes = (
            self.env['mail.message']
            .sudo()
            .search_count(
                [
                    ('model', '=', self._name),
                    ('res_id', '=', self.id),
                    ('create_uid', '=', self.env.uid),
                    ('create_date', '>', since),
                ],
                limit=CHANGES_PER_HOUR,
            )
        )
        if changes >= CHANGES_PER_HOUR:
            raise UserError(
                self.env._(
                    "This order was changed many times in a short time. Please wait an hour, or"
                    " contact us."
                )
            )

    @api.model
    def _get_thread_with_access(self, thread_id, *, mode='read', **kwargs):
        """Override of `portal`: customers write by the order's page, which has its limits."""
        thread = super()._get_thread_with_access(thread_id, mode=mode, **kwargs)
        if thread.sudo().purchase_type and not self.env.user._is_internal():
            return self.browse()
        return thread
