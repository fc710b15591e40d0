from datetime import datetime, timedelta, timezone

from odoo import api, fields, models
from odoo.exceptions import UserError

from odoo.addons.payment import utils as payment_utils
from odoo.addons.payment_stripe import const

# Stripe documentation, "Balance transaction types".
KINDS = {
    'charge': 'charge',
    'payment': 'charge',
    'refund': 'refund',
    'payment_refund': 'refund',
    'refund_failure': 'refund_failure',
    'adjustment': 'adjustment',
    'stripe_fee': 'fee',
    'stripe_fx_fee': 'fee',
    'tax_fee': 'fee',
    'payout_failure': 'payout_failure',
    'payout_cancel': 'payout_failure',
}
# What adjusts the balance, by what it is about (API reference, "The Balance Transaction object",
# `source`).
ADJUSTED = {'dispute': 'dispute', 'refund': 'refund_failure'}
# What was paid or refunded in a currency of the customer's, which can be another one.
IN_OWN_CURRENCY = ('charge', 'refund', 'refund_failure')
# Payouts that banks refuse fail within five business days (Stripe API reference, "The Payout
# object", `status`): those of the last days are asked about again.
DAYS_ASKED_AGAIN = 10


class BillproPayout(models.Model):
    """What Stripe says of its payouts.

    See Stripe's documentation: "Payout reconciliation" (docs.stripe.com/payouts/reconciliation),
    "Balance transaction types" (docs.stripe.com/reports/balance-transaction-types), and in the API
    reference "Payouts" and "Balance Transactions".
    """

    _inherit = 'billpro.payout'

    # === FINDING THEM === #

    @api.model
    def _ask_stripe(self, provider):
        """Record the payouts of the last days, and all since the last one that is known.

        :param payment.provider provider: The provider.
        :raise ValidationError: If Stripe doesn't answer.
        """
        last = self.search([('provider_id', '=', provider.id)], limit=1).arrival_date
        since = provider.billpro_payouts_since
        if last:
            since = max(since, min(last, fields.Date.today()) - timedelta(days=DAYS_ASKED_AGAIN))
        midnight = datetime.combine(since, datetime.min.time(), timezone.utc)
        payouts = provider._billpro_list_at_stripe(
            'payouts',
            {'arrival_date[gte]': int(midnight.timestamp())},
        )
        for payout in reversed(payouts):
            self._record_stripe(provider, payout)

    @api.model
    def _process_stripe_event(self, provider, payout_id):
        """Record the payout that a message tells of, as Stripe has it now.

        :param payment.provider provider: The provider.
        :param str payout_id: Stripe's number of the payout.
        :return: The payout; empty if payouts of that day aren't booked.
        :rtype: billpro.payout
        :raise ValidationError: If Stripe doesn't answer.
        """
        payout = provider._billpro_ask_stripe('GET', f'payouts/{payout_id}')
        since = provider.billpro_payouts_since
        if not since or self._to_date(payout['arrival_date']) < since:
            return self.browse()
        known = self._record_stripe(provider, payout)
        # What was waited for may be there now.
        self.env['billpro.failure']._forget(known, 'book_payout')
        self.env.ref('billpro_portal.cron_book_payouts')._trigger()
        return known

    @api.model
    def _record_stripe(self, provider, payout):
        """Record a payout.

        :param payment.provider provider: The provider.
        :param dict payout: Stripe's object (Stripe API reference, "The Payout object").
        :rtype: billpro.payout
        """
        currency = self._find_currency(payout['currency'])
        return self._record(
            provider,
            {
                'provider_reference': payout['id'],
                'provider_status': payout['status'],
                'failure_message': payout['failure_message'],
                'is_requested': not payout['automatic'],
                'arrival_date': self._to_date(payout['arrival_date']),
                'currency_id': currency.id,
                'amount': self._from_stripe_units(payout['amount'], currency),
            },
        )

    @api.model
    def _to_date(self, timestamp):
        """Return the day that Stripe names by its midnight in UTC: a day of the bank's calendar."""
        return datetime.fromtimestamp(timestamp, timezone.utc).date()

    @api.model
    def _from_stripe_units(self, amount, currency):
        return payment_utils.to_major_currency_units(
            amount,
            currency,
            arbitrary_decimal_number=const.CURRENCY_DECIMALS.get(currency.name),
        )

    # === WHAT THEY ARE MADE OF === #

    def _list_stripe_parts(self):
        """Ask Stripe what a payout is made of.

        :return: The values of its lines.
        :rtype: list[dict]
        :raise UserError: If Stripe can't tell yet.
        :raise ValidationError: If Stripe doesn't answer.
        """
        self.ensure_one()
        payout = self.provider_id._billpro_ask_stripe(
            'GET',
            f'payouts/{self.provider_reference}',
            params={'expand[]': 'balance_transaction'},
        )
        if payout['automatic']:
            if payout.get('reconciliation_status') == 'in_progress':
                raise UserError(
                    self.env._("Stripe is still working out what the payout is made of.")
                )
            values_list = self._list_parts_at_stripe()
        else:
            values_list = [self._prepare_requested_payout(payout['balance_transaction'])]
        return values_list + self._prepare_fee_of_payout(payout['balance_transaction'])

    def _list_parts_at_stripe(self):
        """Return what moved Stripe's balance and is in the payout.

        :rtype: list[dict]
        """
        entries = self.provider_id._billpro_list_at_stripe(
            'balance_transactions',
            {'payout': self.provider_reference, 'expand[]': 'data.source'},
        )
        currencies = {}
        return [
            self._prepare_part_of_stripe(entry, currencies)
            for entry in reversed(entries)
            # That of the payout itself has what its lines add up to, and its fee.
            if entry['type'] != 'payout' or entry['source']['id'] != self.provider_reference
        ]

    def _prepare_part_of_stripe(self, entry, currencies):
        """Return the values of a part of a payout.

        :param dict entry: Stripe's object (API reference, "The Balance Transaction object").
        :param dict currencies: The currencies that were looked up, by Stripe's code.
        :rtype: dict
        """
        source = entry['source'] or {}
        kind = KINDS.get(entry['type'], 'other')
        if kind == 'adjustment':
            kind = ADJUSTED.get(source.get('object'), kind)
        values = {
            'kind': kind,
            'issue': 'unknown' if kind == 'other' else False,
            'reference': entry['id'],
            'source_reference': source.get('id'),
            'payment_reference': source.get('payment_intent'),
            'description': entry['description'] or entry['type'],
            'amount': self._from_stripe_units(entry['amount'], self.currency_id),
            'fee': self._from_stripe_units(entry['fee'], self.currency_id),
        }
        if kind == 'charge' and values['payment_reference']:
            values['source_reference'] = values['payment_reference']
        code = source.get('currency', entry['currency'])
        if kind in IN_OWN_CURRENCY and code != entry['currency']:
            currencies[code] = currencies.get(code) or self._find_currency(code)
            paid = source['amount']
            if kind == 'charge':
                paid = source.get('amount_captured', paid)
            sign = -1 if entry['amount'] < 0 else 1
            values |= {
                'original_currency_id': currencies[code].id,
                'original_amount': sign * self._from_stripe_units(paid, currencies[code]),
            }
        return values

    def _prepare_fee_of_payout(self, entry):
        """Return what the payout itself costs, as an instant one does (documentation, "Instant
        Payouts").

        :param dict entry: The balance transaction of the payout.
        :rtype: list[dict]
        """
        fee = self._from_stripe_units(entry['fee'], self.currency_id) if entry else 0
        if self.currency_id.is_zero(fee):
            return []
        return [
            {
                'kind': 'fee',
                'amount': -fee,
                'reference': entry['id'],
                'source_reference': self.provider_reference,
                'description': self.env._("Fee of the payout"),
            }
        ]

    def _prepare_requested_payout(self, entry):
        """Return what is known of a payout that was requested: what it takes from Stripe's balance.

        "Stripe can't identify which transactions are included" (documentation, "Payout
        reconciliation").

        :param dict entry: The balance transaction of the payout.
        :rtype: dict
        """
        return {
            'kind': 'requested',
            'issue': 'untold',
            'amount': -self._from_stripe_units(entry['net'], self.currency_id),
            'reference': entry['id'],
            'source_reference': self.provider_reference,
        }
