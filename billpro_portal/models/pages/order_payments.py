from odoo import models

from ...billing.decline_reasons import DeclineReason
from ...billing.declines import RETRY
from ...billing.lifecycle import CHARGEABLE_ORDERS, DECLINED, LIVE, OPEN, PAID
from ..lifecycle.plurals import choose_plural

HISTORY_PAGE_SIZE = 20
UNFOLDED_ROWS = 12


class BillproOrderPayments(models.AbstractModel):
    """What customers see of the payments of an order: those to come, and the billing history."""

    _name = 'billpro.order.payments'
    _description = "Payments on the Pages of an Order"

    # === TO COME === #

    def _get_next_payment(self, order):
        """Return the payment that the customer can expect next, or False.

        :param sale.order order: The order.
        :return: Its ``date``, that as ``day`` in words, ``amount`` and ``card``, ready to print.
        :rtype: dict|bool
        """
        event = order.billing_next_event_id
        card = order.billing_token_id
        if (
            not event
            or order.billing_status not in CHARGEABLE_ORDERS
            or order._billing_is_collection_over()
            # Until all of it is paid, what is owed and when it is tried again is said instead.
            or order._billing_get_outstanding_events()
            or (card and (not card.active or card.card_state == 'expired'))
        ):
            return False
        return {
            'date': order._get_due_date_text(event),
            'day': self.env['billpro.page.words']._get_day(
                order, order._billing_get_date(event.due_date)
            ),
            'amount': event.currency_id.format(event.amount),
            # What credit pays in full comes from no card.
            'card': bool(card and event.amount)
            and self.env['billpro.page.words']._keep_together(card._get_card_name()),
        }

    def _get_upcoming_groups(self, order):
        """Return the payments that are owed, and those still to come, each under its heading.

        :param sale.order order: The order.
        :return: Of each group that isn't empty the ``title``, the ``rows``, and what is folded away
                 as ``more_rows`` below ``more``.
        :rtype: list[dict]
        """
        rows = self._get_upcoming_rows(order)
        groups = [
            (self.env._("Still to pay"), [row for row in rows if row['is_owed']]),
            (self.env._("Coming up"), [row for row in rows if not row['is_owed']]),
        ]
        return [
            {
                'title': title,
                'rows': rows[:UNFOLDED_ROWS],
                'more': self._get_more_text(len(rows) - UNFOLDED_ROWS),
                'more_rows': rows[UNFOLDED_ROWS:],
            }
            for title, rows in groups
            if rows
        ]

    def _get_more_text(self, count):
        """Return what unfolds the payments to come that a list doesn't show at first.

        :param int count: How many they are.
        :rtype: str
        """
        text = self.env._(
            "one: Show 1 more payment | other: Show %(count)s more payments", count=count
        )
        return choose_plural(self.env, text, count)

    def _get_upcoming_rows(self, order):
        """Return the payments still to come or to be remedied, as rows.

        :param sale.order order: The order.
        :rtype: list[dict]
        """
        outstanding = order._billing_get_outstanding_events()
        is_card = order._billing_speaks_of_cards()  # Once: it takes a search.
        card = self._get_next_card(order)
        return [
            {
                'date': self._get_list_day(order._billing_get_date(event.due_date)),
                'amount': event.currency_id.format(event.amount),
                'description': self._get_event_title(order, event),
                'explanation': self._get_event_explanation(order, event, is_card),
                'is_owed': event in outstanding,
                'card': event.status == 'scheduled'
                and event not in outstanding
                and bool(event.amount)
                and card,
                **self._get_event_status(order, event, is_overdue=event in outstanding),
            }
            for event in order.billing_event_ids
            if event.status in OPEN
        ]

    def _get_next_card(self, order):
        """Return the card that payments to come are charged to, or False.

        :param sale.order order: The order.
        :return: As of `billpro.page.words._get_method`.
        :rtype: dict|bool
        """
        card = order.billing_token_id
        is_charged = (
            card
            and order.billing_status in CHARGEABLE_ORDERS
            and self.env['billpro.order.cards']._is_charged(order, card)
        )
        return is_charged and self.env['billpro.page.words']._get_method(card)

    def _get_event_title(self, order, event):
        """Return what a scheduled payment is for: its periods, or what else it is called.

        :param sale.order order: The order.
        :param billpro.billing.event event: The payment.
        :return: Empty if nothing is known of it.
        :rtype: str
        """
        titles = [self._get_leaf_title(order, leaf) for leaf in event._get_leaves()]
        return ' · '.join(filter(None, titles))

    def _get_leaf_title(self, order, leaf):
        if not leaf.period_start or not leaf.period_end:
            return order._get_purchase()._get_event_terms(leaf)
        period = self.env['billpro.page.words']._get_period(leaf.period_start, leaf.period_end)
        words = leaf.with_env(self.env)._get_words_of_change()
        return ' · '.join([period, *words, *leaf._get_added_lines().mapped('name')])

    def _get_list_day(self, day):
        return self.env['billpro.page.words']._get_list_day(day)

    def _get_event_status(self, order, event, is_overdue):
        """Return the status of a scheduled payment in the customer's words.

        :param sale.order order: The order.
        :param billpro.billing.event event: The payment.
        :param bool is_overdue: Whether it should have been collected by now.
        :return: The ``status`` and its ``css``; no status if it is simply to come.
        :rtype: dict
        """
        text, css = {
            'scheduled': (self.env._("Waits for your OK"), 'warning')
            if event.is_above_cap
            else self._get_scheduled_status(order, is_overdue),
            'paused': (self.env._("Paused"), 'secondary'),
            'processing': (self.env._("In progress"), 'info'),
            'unknown': (self.env._("In progress"), 'info'),
            'soft_declined': (self.env._("Declined"), 'warning'),
            'hard_declined': (self.env._("Declined"), 'danger'),
            'action_required': (self.env._("To be confirmed with your bank"), 'warning'),
        }[event.status]
        return {'status': text, 'css': css}

    def _get_scheduled_status(self, order, is_overdue):
        if is_overdue:
            return self.env._("Overdue"), 'warning'
        if order.billing_status == 'suspended':
            return self.env._("Stopped until you pay"), 'secondary'
        return False, 'info'

    def _get_event_explanation(self, order, event, is_card=None):
        """Return what happens next to a payment that is under way or declined, for the customer.

        :param sale.order order: The order.
        :param billpro.billing.event event: A scheduled payment.
        :param bool|None is_card: What `_billing_speaks_of_cards` says, if it is known already.
        :rtype: str
        """
        if event.status == 'processing' and (expected := event._get_expected_date()):
            return self.env._(
                "Your bank is asked for it; we expect the money by %s.",
                self.env['billpro.page.words']._get_day(order, expected),
            )
        if event.status not in DECLINED or order.billing_status not in LIVE:
            return ''
        if event.status == 'action_required':
            return self.env._("Your bank wants you to confirm it.")
        if (
            event.retry_verdict == RETRY
            and event.retry_date
            and order.billing_status != 'suspended'
        ):
            return self.env._(
                "We will try again on %s.",
                self.env['billpro.page.words']._get_day(
                    order, order._billing_get_date(event.retry_date)
                ),
            )
        if is_card is None:
            is_card = order._billing_speaks_of_cards()
        return self._get_final_decline_explanation(order, event, is_card)

    def _get_final_decline_explanation(self, order, event, is_card):
        """Return what a customer can do about a payment that isn't tried again by itself.

        :param sale.order order: The order.
        :param billpro.billing.event event: The declined payment.
        :param bool is_card: What `_billing_speaks_of_cards` says.
        :rtype: str
        """
        if event._is_card_spent():
            return (
                self.env._(
                    "This card can't be charged for this payment any more. Please update your card."
                )
                if is_card
                else self.env._(
                    "%s can't be charged for this payment any more. Please enter another way to"
                    " pay.",
                    order.billing_token_id._get_card_name(),
                )
            )
        if is_card:
            return self.env._(
                "We don't try again by ourselves. Please pay now or update your card."
            )
        return self.env._(
            "We don't try again by ourselves. Please pay now or enter another way to pay."
        )

    # === HISTORY === #

    def _get_history(self, order):
        """Return the payments and refunds that the customer's history lists, newest first.

        :param sale.order order: The order.
        :rtype: payment.transaction
        """
        txs = order.billing_transaction_ids
        return (
            (txs - txs._get_captured_authorizations())
            .filtered(
                lambda tx: (
                    tx.state in tx._billing_get_states_in_history()
                    and tx.operation != 'validation'
                    and not tx.currency_id.is_zero(tx.amount)
                )
            )
            .sorted('id', reverse=True)
        )

    def _get_history_rows(self, order, page):
        start = (page - 1) * HISTORY_PAGE_SIZE
        is_card = order._billing_speaks_of_cards()  # Once: it takes a search.
        return [
            self._get_other_history_row(order, entry)
            if isinstance(entry, dict)
            else self._get_history_row(order, entry, is_card)
            for entry in self._get_history_entries(order)[start : start + HISTORY_PAGE_SIZE]
        ]

    def _get_history_entries(self, order):
        """Return all that the customer's history lists, newest first.

        :param sale.order order: The order.
        :return: Payments and refunds of ours, and what was paid in another way, or by credit, as
                 rows of `_billing_get_other_money_rows`.
        :rtype: list[payment.transaction|dict]
        """
        entries = list(self._get_history(order))
        for row in [*order._billing_get_other_money_rows(), *self._get_credit_rows(order)]:
            later = [tx for tx in entries if self._get_entry_date(order, tx) > row['date']]
            entries.insert(len(later), row)
        return entries

    def _get_credit_rows(self, order):
        """Return the payments that credit has paid in full, or that were free: without an attempt.

        :param sale.order order: The order.
        :return: Rows as of `_billing_get_other_money_rows`.
        :rtype: list[dict]
        """
        return [
            {
                'date': order._billing_get_date(event.completed_date),
                'amount': sum(event._get_leaves().mapped('credit_amount')),
                'currency': event.currency_id,
                'way': self.env._("Discount") if event._is_free() else self.env._("Credit"),
                'document': event.invoice_id,
            }
            for event in order.billing_event_ids
            if event.status in PAID and event.currency_id.is_zero(event.amount)
        ]

    def _get_entry_date(self, order, entry):
        if isinstance(entry, dict):
            return entry['date']
        return order._billing_get_date(entry.last_state_change)

    def _get_other_history_row(self, order, row):
        """Return what was paid in another way as a row of the billing history.

        :param sale.order order: The order.
        :param dict row: A row of `_billing_get_other_money_rows`.
        :rtype: dict
        """
        is_refund = row['amount'] < 0
        document = row['document'].filtered(lambda move: move.state == 'posted')
        return {
            'date': self._get_list_day(row['date']),
            'title': self.env._("Refund") if is_refund else self.env._("Payment"),
            'amount': row['currency'].format(row['amount']),
            'status': self.env._("Refunded") if is_refund else self.env._("Paid"),
            'css': 'success',
            'card': row['way'] and {'name': row['way'], 'image_url': False},
            'explanation': False,
            'url': False,
            'documents': [self._get_invoice_link(order, move) for move in document],
        }

    def _get_history_row(self, order, tx, is_card=None):
        """Return a payment or refund as a row of the billing history.

        :param sale.order order: The order.
        :param payment.transaction tx: The payment or refund.
        :param bool|None is_card: What `_billing_speaks_of_cards` says, if it is known already.
        :rtype: dict
        """
        is_refund = tx.operation == 'refund'
        status, css = {
            'pending': (self.env._("In progress"), 'info'),
            'authorized': (self.env._("Authorised"), 'info'),
            'done': (self.env._("Refunded") if is_refund else self.env._("Paid"), 'success'),
            'error': (
                self.env._("Refund failed") if is_refund else self.env._("Declined"),
                'danger',
            ),
            'cancel': (self.env._("Released, not charged"), 'secondary'),
        }[tx.state]
        if refunded := not is_refund and self._get_refunded_status(tx):
            status = refunded
        if tx.billing_return_date:
            status, css = self.env._("Returned by your bank"), 'danger'
        if tx.billing_action_required:
            status, css = self.env._("To be confirmed with your bank"), 'warning'
        return {
            'date': self._get_list_day(order._billing_get_date(tx.last_state_change)),
            'title': self._get_title(order, tx),
            'amount': tx.currency_id.format(tx.amount),
            'status': status,
            'css': css,
            'card': self.env['billpro.page.words']._get_method(tx.source_transaction_id or tx),
            'explanation': self._get_attempt_explanation(order, tx, is_card),
            'url': order._billing_get_order_link(f'/payment/{tx.id}'),
            'documents': self._get_document_links(order, tx),
        }

    def _get_refunded_status(self, tx):
        """Return that a payment was paid back, as a whole or in part, or False.

        :param payment.transaction tx: The payment.
        :rtype: str|bool
        """
        refunded = sum(
            child.amount
            for child in tx.child_transaction_ids
            if child.operation == 'refund' and child.state == 'done'
        )
        compared = tx.currency_id.compare_amounts(tx.amount, -refunded)
        if tx.state != 'done' or not refunded:
            return False
        return self.env._("Partly refunded") if compared > 0 else self.env._("Refunded")

    def _get_title(self, order, tx):
        """Return what a payment was for: its period, its number, or what was bought.

        :param sale.order order: The order.
        :param payment.transaction tx: A payment or refund.
        :rtype: str
        """
        if tx.operation == 'refund':
            return self.env._("Refund: %s", self._get_title(order, tx.source_transaction_id))
        if terms := self._get_event_title(order, tx.billing_event_id):
            return terms
        if tx.billing_event_id:
            due = order._billing_get_date(tx.billing_event_id.due_date)
            return self.env._("Payment of %s", self._get_list_day(due))
        if order._get_purchase()._has_schedule:
            return self.env._("First payment")
        return self.env['billpro.order.page']._get_title(order)

    def _get_attempt_explanation(self, order, tx, is_card=None):
        """Return what happened to an attempt that is under way or declined, for the customer.

        :param sale.order order: The order.
        :param payment.transaction tx: A payment.
        :param bool|None is_card: What `_billing_speaks_of_cards` says, if it is known already.
        :rtype: str
        """
        event = tx.billing_event_id
        is_open = tx.billing_action_required or tx.state in {'error', 'cancel', 'pending'}
        is_last = event and tx == event.transaction_ids.sorted('id')[-1:]
        return ' '.join(
            filter(
                None,
                [
                    self._get_decline_reason(tx),
                    is_open and is_last and self._get_event_explanation(order, event, is_card),
                ],
            )
        )

    def _get_decline_reason(self, tx):
        """Return why the bank declined a payment, in the customer's words.

        :param payment.transaction tx: The payment.
        :return: A sentence; empty if no bank has declined it, or it waits for the customer.
        :rtype: str
        """
        if (
            not tx.billing_decline_class
            or tx.state != 'error'
            or tx.operation == 'refund'
            or tx.billing_action_required
        ):
            return ''
        return {
            DeclineReason.FUNDS: self.env._("There was not enough money in the account."),
            DeclineReason.LIMIT: self.env._("The card's limit was reached."),
            DeclineReason.EXPIRED: self.env._("The card has expired."),
            DeclineReason.DATA: self.env._("The card's number, date or security code is wrong."),
            DeclineReason.ACCOUNT: self.env._("The bank account can't be debited any more."),
            DeclineReason.UNREACHABLE: self.env._("The bank could not be reached."),
            DeclineReason.UNKNOWN: self.env._("Your bank can tell you why."),
        }[tx._billing_get_decline_reason()]

    # === ONE PAYMENT === #

    def _get_payment_values(self, order, tx):
        """Return the values of the page about one payment or refund.

        :param sale.order order: The order.
        :param payment.transaction tx: A payment or refund of the order.
        :rtype: dict
        """
        row = self._get_history_row(order, tx)
        refunds = tx.child_transaction_ids.filtered(
            lambda child: child.operation == 'refund' and child.state in {'done', 'pending'}
        )
        return {
            **self.env['billpro.order.page']._get_page_values(order),
            'payment': {**row, 'reference': tx.reference},
            'invoices': [
                self._get_invoice_values(order, move)
                for move in tx.invoice_ids
                if move.state == 'posted'
            ],
            'documents': self._get_receipt_links(order, tx),
            'refunds': [self._get_history_row(order, refund) for refund in refunds],
        }

    def _get_invoice_values(self, order, move):
        """Return an invoice or credit note for the page of a payment.

        :param sale.order order: The order.
        :param account.move move: The posted invoice or credit note.
        :rtype: dict
        """
        return {
            'name': move.name,
            'kind': self.env._("Credit note")
            if move.move_type == 'out_refund'
            else self.env._("Invoice"),
            'date': self._get_list_day(move.invoice_date),
            'lines': [
                {
                    'section': line.display_type
                    in {'line_section', 'line_subsection', 'line_note'},
                    'name': line.name or '',
                    'description': '',
                    'image_url': False,
                    **order._billing_get_amount_columns(
                        line.quantity, line.product_uom_id, line, move.currency_id
                    ),
                }
                for line in move.invoice_line_ids
            ],
            'totals': order._billing_get_total_rows(move.tax_totals, move.currency_id),
            'url': order._billing_get_order_link(f'/document/invoice/{move.id}'),
        }

    # === DOCUMENTS === #

    def _get_document_links(self, order, tx):
        """Return the links to the documents of a payment or refund.

        :param sale.order order: The order.
        :param payment.transaction tx: The payment or refund.
        :rtype: list[dict]
        """
        return self._get_invoice_links(order, tx) + self._get_receipt_links(order, tx)

    def _get_invoice_links(self, order, tx):
        return [
            self._get_invoice_link(order, move)
            for move in tx.invoice_ids
            if move.state == 'posted' and tx.state == 'done'
        ]

    def _get_invoice_link(self, order, move):
        return {
            'label': self.env._("Credit note %s", move.name)
            if move.move_type == 'out_refund'
            else self.env._("Invoice %s", move.name),
            'url': order._billing_get_order_link(f'/document/invoice/{move.id}'),
        }

    def _get_receipt_links(self, order, tx):
        if tx.state != 'done' or tx.operation == 'refund':
            return []
        return [
            {
                'label': self.env._("Receipt"),
                'url': order._billing_get_order_link(f'/document/receipt/{tx.id}'),
            }
        ]
