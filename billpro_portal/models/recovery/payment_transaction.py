from odoo import fields, models

from ...billing.declines import AUTHENTICATION, HARD, SOFT
from ...billing.lifecycle import DECLINED, LIVE
from ..changes.change import TIME_TO_CONFIRM


class PaymentTransaction(models.Model):
    """Why an attempt was declined, and payments that wait for the customer's bank.

    While a payment waits for authentication the customer can complete it at any moment, in any
    open tab. It therefore stays open, which keeps every other attempt for its event from starting,
    until it is approved or withdrawn at the provider.
    """

    _inherit = 'payment.transaction'

    billing_decline_class = fields.Selection(
        string="Decline Class",
        selection=[(SOFT, "Soft"), (HARD, "Hard"), (AUTHENTICATION, "Authentication")],
        readonly=True,
    )
    billing_error_code = fields.Char(string="Error Code", readonly=True)
    billing_decline_code = fields.Char(string="Decline Code", readonly=True)
    billing_advice_code = fields.Char(string="Advice Code", readonly=True)
    billing_network_code = fields.Char(string="Network Code", readonly=True)
    billing_network_advice_code = fields.Char(string="Network Advice Code", readonly=True)
    billing_action_required = fields.Boolean(
        string="Authentication Needed",
        readonly=True,
        help="The customer's bank asks the customer to confirm this payment.",
    )

    # === WHY === #

    def _billing_classify_decline(self):
        """Make sure that declined attempts have a decline class.

        Some providers give no codes.
        """
        for tx in self.filtered(lambda tx: not tx.billing_decline_class):
            tx.billing_decline_class = tx.provider_id._in_billing()._class_without_codes(tx)

    # === AUTHENTICATION === #

    def _billing_refresh_authentication(self):
        """Ask the provider what became of a payment that the customer may have confirmed.

        Nothing is charged by asking. A failed request changes nothing.
        """
        self.ensure_one()
        self.provider_id._in_billing()._fetch_outcome(self)

    def _billing_withdraw_authentication(self):
        """Withdraw a payment that waits for the customer's bank, so that it can't be completed.

        If the customer was faster it is approved now. If the provider doesn't answer, it goes on
        waiting, and nothing else may be tried in its place.

        :return: Whether it is open no more.
        :rtype: bool
        """
        self.ensure_one()
        provider = self.provider_id._in_billing()
        if not provider._withdraw(self):
            provider._fetch_outcome(self)
        return self.state != 'pending'

    def _billing_has_failed_authentication(self):
        """Return whether it waited for the customer's bank, and was withdrawn or declined there.

        :rtype: bool
        """
        self.ensure_one()
        event = self.billing_event_id
        return (
            event.status == 'action_required'
            and self.state in {'error', 'cancel'}
            and self.billing_attempt == event.attempt_count
        )

    def _billing_is_to_be_withdrawn(self):
        """Return whether it waits for the customer's bank in vain, and nothing is owed without it.

        The bank has refused it though the customer confirmed it: they are told, and may try another
        card. Or it was asked for a day ago, or what was to be paid early is due by now.

        :rtype: bool
        """
        self.ensure_one()
        event, now = self.billing_event_id, fields.Datetime.now()
        if not event._is_optional():
            return False
        return self.billing_decline_class != AUTHENTICATION or bool(
            event.is_early
            and (
                event.due_date <= now - TIME_TO_CONFIRM
                or min(event._get_leaves().mapped('due_date')) <= now
            )
        )

    def _billing_get_authentication_values(self):
        """Return what the customer's browser needs to confirm the payment with the bank.

        :return: What the provider's script needs; None if the payment can't be confirmed any more.
        :rtype: dict|None
        """
        self.ensure_one()
        return self.provider_id._in_billing()._get_confirmation_values(self)

    # === NOTICES === #

    def _billing_tell_customer(self, kind):
        """Queue a notice of each attempt.

        :param str kind: The kind of notice.
        """
        self.env['billpro.notification']._queue_all(
            kind,
            [
                {
                    'order_id': tx.billing_order_id.id,
                    'transaction_id': tx.id,
                    'event_id': tx.billing_event_id.id,
                    'fact': f'payment-{tx.id}',
                }
                for tx in self
            ],
        )

    def _billing_announce_declines(self):
        """Tell customers of payments that were declined or wait for a bank.

        They read what happens next, and what they can do.
        """
        txs = self.filtered(
            lambda tx: (
                tx.billing_event_id.status in DECLINED
                and tx.billing_order_id.billing_status in LIVE - {'paused'}
                and not tx.billing_order_id._billing_is_collection_over()
            )
        )
        failed = txs.filtered(
            lambda tx: (
                tx.billing_event_id.status == 'hard_declined'
                or tx.billing_order_id.billing_status == 'suspended'
            )
        )
        waiting = (txs - failed).filtered(
            lambda tx: tx.billing_event_id.status == 'action_required'
        )
        failed._billing_tell_customer('payment_failed')
        waiting._billing_tell_customer('payment_authentication')
        (txs - failed - waiting)._billing_tell_customer('payment_declined')
