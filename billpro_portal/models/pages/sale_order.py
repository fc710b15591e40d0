from odoo import api, fields, models
from odoo.tools import format_date

from ...billing.declines import RETRY
from ...billing.lifecycle import BEFORE_APPROVAL, DECLINED, LIVE, OPEN

_CARD_BADGES = {'expiring': 'warning', 'expired': 'danger'}
_STATUS_CSS = {
    'complete': 'success',
    'active': 'success',
    'failed': 'warning',
    'suspended': 'danger',
    'paused': 'secondary',
    'cancelled': 'secondary',
}
HISTORY_PAGE_SIZE = 20


class SaleOrder(models.Model):
    """What the customer's pages and the buttons of an order show, ready to print.

    Rows, texts and buttons are made here; the templates decide nothing. Texts, dates and amounts
    are in the language of the environment.
    """

    _inherit = 'sale.order'

    billing_summary_pdf = fields.Binary(
        attachment=True, copy=False, readonly=True, groups=fields.NO_ACCESS
    )
    billing_invoice_count = fields.Integer(
        compute='_compute_billing_document_counts', compute_sudo=True
    )
    billing_payment_count = fields.Integer(
        compute='_compute_billing_document_counts', compute_sudo=True
    )
    billing_refund_count = fields.Integer(
        compute='_compute_billing_document_counts', compute_sudo=True
    )
    billing_notice_count = fields.Integer(
        compute='_compute_billing_document_counts', compute_sudo=True
    )

    # === WORDS === #

    def _get_billing_status_text(self):
        """Return the order's status in the customer's words.

        :rtype: str
        """
        self.ensure_one()
        if self.billing_status in BEFORE_APPROVAL:
            return self.env._("Awaiting payment")
        if self.billing_cancel_date:
            return self._get_cancelled_status_text()
        if status := self._get_authorization_status():
            return status['text']
        return {
            'cancelled': self.env._("Cancelled"),
            'active': self.env._("Active"),
            'failed': self.env._("Payment declined"),
            'suspended': self.env._("Suspended"),
            'paused': self.env._("Paused"),
            'review': self.env._("Active")
            if set(self.billing_event_ids.mapped('status')) & OPEN
            else self.env._("Complete"),
            'complete': self.env._("Complete"),
        }[self.billing_status]

    def _get_cancelled_status_text(self):
        """Return the status of a cancelled subscription in the customer's words.

        :rtype: str
        """
        if self.billing_cancel_date < self._get_today():
            return self.env._("Cancelled")
        return self.env._(
            "Cancelled – access until %s", format_date(self.env, self.billing_cancel_date)
        )

    def _get_event_explanation(self, event):
        """Return what happens next to a declined payment, in the customer's words.

        :param billpro.billing.event event: A scheduled payment.
        :rtype: str
        """
        if event.status not in DECLINED or self.billing_status not in LIVE:
            return ''
        if event.status == 'action_required':
            return self.env._("Your bank wants you to confirm it.")
        if event.retry_verdict == RETRY and event.retry_date and self.billing_status != 'suspended':
            return self.env._("We will try again on %s.", self._get_date_text(event.retry_date))
        if event._is_card_spent():
            return self.env._(
                "This card can't be charged for this payment any more. Please update your card."
            )
        return self.env._("We don't try again by ourselves. Please pay now or update your card.")

    def _get_attempt_explanation(self, tx):
        """Return what happened to a declined attempt, in the customer's words.

        :param payment.transaction tx: A payment.
        :rtype: str
        """
        event = tx.billing_event_id
        is_open = tx.billing_action_required or tx.state in {'error', 'cancel'}
        is_last = event and tx == event.transaction_ids.sorted('id')[-1:]
        return self._get_event_explanation(event) if is_open and is_last else ''

    def _get_notice(self, key):
        """Return what the last action did, in the customer's words.

        :param str key: What was done, from a request: only known keys say something.
        :return: The ``level`` and ``text``, or False.
        :rtype: dict|bool
        """
        notices = {
            'card_added': ('success', self.env._("Your card is saved and charged from now on.")),
            'card_failed': (
                'danger',
                self.env._("The card could not be saved. Please try again or use another one."),
            ),
            'card_selected': ('success', self.env._("The card is charged from now on.")),
            'card_removed': ('success', self.env._("The card was removed.")),
            'paid': ('success', self.env._("Thank you, your payment was received.")),
            'not_paid': (
                'danger',
                self.env._("The payment was not collected. Nothing was charged."),
            ),
            'cancelled': (
                'success',
                self.env._("Your subscription is cancelled. A confirmation is on its way."),
            ),
            'cancel_undone': ('success', self.env._("Your subscription continues.")),
            'text_messages_off': (
                'success',
                self.env._("You get no more text messages from us."),
            ),
            'text_messages_on': ('success', self.env._("You get text messages again.")),
            'message_sent': ('success', self.env._("Your message was sent. We will answer it.")),
        }
        level, text = notices.get(key, (False, False))
        return bool(level) and {'level': level, 'text': text}

    def _get_menu(self):
        """Return what the customer may do besides: cancel, or write to us.

        :rtype: list[dict]
        """
        if self.billing_status not in LIVE:
            return []
        if self._can_be_cancelled():
            return [
                {
                    'label': self.env._("Cancel subscription"),
                    'url': self._get_order_link('/cancel'),
                    'danger': True,
                }
            ]
        return [
            {
                'label': self.env._("Contact us about this order"),
                'url': self._get_order_link('/contact'),
                'danger': False,
            }
        ]

    # === VALUES OF THE PAGES === #

    def _get_page_values(self):
        """Return the values that all pages of the order share.

        :rtype: dict
        """
        self.ensure_one()
        company = self.company_id
        return {
            'order': self,
            'res_company': company,
            'page_name': 'billpro_order',
            'order_url': self._get_order_link(),
            'contact': {
                'name': company.name,
                'email': company.email,
                'phone': company.phone,
                'website': company.website,
            },
        }

    def _get_checkout_values(self):
        """Return the values of the checkout page, the payment form's aside.

        :rtype: dict
        """
        purchase = self._get_purchase()
        amount = self._get_amount_asked()
        return {
            **self._get_page_values(),
            'terms': self._get_terms_today(),
            'purchase_label': purchase._get_label(),
            'purchase_explanation': purchase._get_explanation(self),
            'lines': self._get_line_rows(),
            'totals': self._get_total_rows(self.tax_totals, self.currency_id),
            'customer': self._get_customer_values(),
            'declined': self._get_declined_reason(),
            'tries_left': self._get_tries_left_text(),
            'consent': self._get_consent(),
            'shown': self._get_shown(),
            'preview': self.billing_status == 'draft',
            'state_route': self._get_order_link('/state'),
            'card_notice': self._get_card_notice(),
            'pay_label': self.env._("Register card")
            if self.currency_id.is_zero(amount)
            else self.env._("Pay %s", self.currency_id.format(amount)),
        }

    def _get_pending_values(self):
        """Return the values of the page that shows a payment under way.

        :rtype: dict
        """
        tx = self._get_payment_in_progress()
        message = self.env._(
            "Your payment provider is still working on this payment. You will find the"
            " result here; nothing is charged twice."
        )
        if received := self._get_received_text(tx):
            message = received
        elif tx._is_at_payment_page():
            message = self.env._(
                "You have begun to pay on your payment provider's own page, and can finish it"
                " there. If you have left that page, you can pay here again in half an hour at the"
                " latest."
            )
        elif tx.billing_awaits_transfer:
            message = self.env._(
                "Your order goes on as soon as your transfer has arrived; you will find the result"
                " here."
            )
        return {
            **self._get_page_values(),
            'message': message,
            'is_received': bool(received),
            'instructions': tx.billing_awaits_transfer and tx.provider_id.pending_msg,
            'amount': tx.currency_id.format(tx.amount),
            'reference': tx.reference,
            'state_route': self._get_order_link('/state'),
        }

    def _get_success_values(self):
        """Return the values of the page that follows the approved initial payment.

        :rtype: dict
        """
        return {
            **self._get_page_values(),
            'message': self._get_success_message(),
            'lines': self._get_line_rows(),
            'totals': self._get_summary_rows(),
            'terms': self._get_purchase()._get_later_terms(self),
        }

    def _get_success_message(self):
        """Return what the approved initial payment has achieved.

        :rtype: str
        """
        confirmation = self.env._("A confirmation is on its way to your mailbox.")
        if self._get_open_authorization():
            return f'{self._get_authorization_text()} {confirmation}'
        if self.billing_authorization_id.state == 'cancel':
            return self.env._("Your payment was released. Nothing was charged.")
        tx = self._get_initial_attempts().filtered(lambda tx: tx.state == 'done')[:1]
        if tx.operation == 'validation':
            return f'{self.env._("Your card is registered.")} {confirmation}'
        if not tx:
            return f'{self.env._("Your order is paid.")} {confirmation}'
        amount = tx.amount if tx != self.billing_authorization_id else self.billing_paid
        return self.env._(
            "We received your payment of %(amount)s. %(confirmation)s",
            amount=tx.currency_id.format(amount),
            confirmation=confirmation,
        )

    def _get_portal_values(self, page=1):
        """Return the values of the order portal.

        :param int page: The page of the billing history, from 1.
        :rtype: dict
        """
        return {
            **self._get_page_values(),
            'status': self._get_authorization_status()
            or {
                'text': self._get_billing_status_text(),
                'css': 'secondary'
                if self.billing_cancel_date
                else _STATUS_CSS.get(self.billing_status, 'info'),
            },
            'subtitle': self.env._(
                "%(type)s · ordered on %(date)s",
                type=self._get_purchase()._get_label(),
                date=format_date(self.env, self.date_order),
            ),
            'document_links': [
                {
                    'label': self.env._("Download order summary (PDF)"),
                    'url': self._get_order_link('/document/summary'),
                }
            ],
            'attention': self._get_attention(),
            'menu': self._get_menu(),
            'next_payment': self._get_next_payment(),
            'upcoming': self._get_upcoming_rows(),
            'cards': self._get_card_values(),
            'history': self._get_history_rows(page),
            'text_messages': self._get_text_message_values(),
            'lines': self._get_line_rows(),
            'totals': self._get_total_rows(self.tax_totals, self.currency_id),
            'summary': self._get_summary_rows(),
            'customer': self._get_customer_values(),
        }

    def _get_payment_values(self, tx):
        """Return the values of the page about one payment or refund.

        :param payment.transaction tx: A payment or refund of the order.
        :rtype: dict
        """
        row = self._get_history_row(tx)
        refunds = tx.child_transaction_ids.filtered(
            lambda child: child.operation == 'refund' and child.state in {'done', 'pending'}
        )
        return {
            **self._get_page_values(),
            'payment': {**row, 'reference': tx.reference},
            'invoices': [
                self._get_invoice_values(move) for move in tx.invoice_ids if move.state == 'posted'
            ],
            'documents': self._get_receipt_links(tx),
            'refunds': [self._get_history_row(refund) for refund in refunds],
        }

    # === PARTS === #

    def _get_customer_values(self):
        """Return who the order is invoiced to.

        :rtype: dict
        """
        partner = self.partner_invoice_id
        return {
            'name': partner.name or partner.parent_id.name,
            'address': '\n'.join(
                line
                for line in partner._display_address(without_company=True).splitlines()
                if line.strip()
            ),
            'email': partner.email or self.partner_id.email,
            'vat': partner.commercial_partner_id.vat,
        }

    def _get_declined_reason(self):
        """Return why the customer's last attempt failed, or False.

        :rtype: str|bool
        """
        last = self._get_initial_attempts().filtered(
            lambda tx: tx.state != 'draft' and not tx.billing_superseded
        )[:1]
        if last.state not in {'error', 'cancel'}:
            return False
        if last.state == 'cancel':
            return self.env._("The payment was cancelled.")
        return last.state_message or self.env._("The payment was declined.")

    def _get_order_lines_to_report(self):
        """Override of `sale`: show what is sold.

        Down payments are shown as payments. Optional lines can't be chosen on our pages: only those
        that staff gave a quantity are part of the order.
        """
        lines = super()._get_order_lines_to_report()
        if not self.purchase_type:
            return lines
        sold = lines.filtered(
            lambda line: (
                not line.is_downpayment
                and (line.display_type or line.product_uom_qty or not line._is_line_optional())
            )
        )
        products = sold.filtered(lambda line: not line.display_type)
        sections = products.parent_id | products.parent_id.parent_id
        return sold.filtered(lambda line: not line.is_optional or line in sections)

    def _get_summary_rows(self):
        """Return what was paid, refunded and credited and what is still owed, as rows.

        :rtype: list[dict]
        """
        has_total = self._get_purchase()._has_total()
        paid, balance = self.billing_paid, self.billing_balance
        if self.billing_status in BEFORE_APPROVAL:  # What came by other ways isn't taken over yet.
            paid = max(paid, self._get_amount_received())
            balance = max(0.0, balance - paid)
        amounts = [
            *([(self.env._("Order total"), self.amount_total, False)] if has_total else []),
            *self._get_authorization_amounts(),
            (self.env._("Paid"), paid, False),
            (self.env._("Refunded"), self.billing_refunded, False),
            (self.env._("Credited"), self.billing_credited, False),
            *(
                [(self.env._("Skipped"), self.billing_skipped, False)]
                if self.billing_skipped
                else []
            ),
            (self.env._("Balance"), balance, True),
        ]
        return [
            {'label': label, 'value': self.currency_id.format(amount), 'strong': strong}
            for label, amount, strong in amounts
        ]

    # === DOCUMENTS === #

    @api.depends(
        'billing_move_ids', 'billing_transaction_ids.operation', 'billing_notification_ids'
    )
    def _compute_billing_document_counts(self):
        for order in self:
            txs = order.billing_transaction_ids
            refunds = txs.filtered(lambda tx: tx.operation == 'refund')
            order.billing_invoice_count = len(order.billing_move_ids)
            order.billing_payment_count = len(txs - refunds)
            order.billing_refund_count = len(refunds)
            order.billing_notice_count = len(order.billing_notification_ids)

    def action_open_billing_invoices(self):
        """Open the invoices and credit notes of the order."""
        return self._get_list_action(
            'account.move', self.env._("Invoices of %s", self.name), 'billing_order_id'
        )

    def action_open_billing_payments(self):
        """Open the payments of the order."""
        return self._get_list_action(
            'payment.transaction',
            self.env._("Payments of %s", self.name),
            'billing_order_id',
            ('operation', '!=', 'refund'),
        )

    def action_open_billing_refunds(self):
        """Open the refunds of the order."""
        return self._get_list_action(
            'payment.transaction',
            self.env._("Refunds of %s", self.name),
            'billing_order_id',
            ('operation', '=', 'refund'),
        )

    def action_open_billing_notices(self):
        """Open the notices that the customer was sent."""
        return self._get_list_action(
            'billpro.notification', self.env._("Notices of %s", self.name), 'order_id'
        )

    def _get_list_action(self, model, name, field, *conditions):
        """Return the action that lists records of the order.

        :param str model: The model of the records.
        :param str name: The title of the list.
        :param str field: The field of the records that refers to the order.
        :param tuple conditions: Which of them; all if not given.
        :rtype: dict
        """
        self.ensure_one()
        return {
            'type': 'ir.actions.act_window',
            'name': name,
            'res_model': model,
            'view_mode': 'list,form',
            'domain': [(field, '=', self.id), *conditions],
            'context': {'create': False},
        }

    # === HISTORY === #

    def _get_history(self):
        """Return the payments and refunds that the customer's history lists, newest first.

        :rtype: payment.transaction
        """
        txs = self.billing_transaction_ids
        return (
            (txs - txs._get_captured_authorizations())
            .filtered(
                lambda tx: tx.state in tx._get_states_in_history() and tx.operation != 'validation'
            )
            .sorted('id', reverse=True)
        )

    def _get_history_rows(self, page):
        start = (page - 1) * HISTORY_PAGE_SIZE
        return [
            self._get_other_history_row(entry)
            if isinstance(entry, dict)
            else self._get_history_row(entry)
            for entry in self._get_history_entries()[start : start + HISTORY_PAGE_SIZE]
        ]

    def _get_history_entries(self):
        """Return all that the customer's history lists, newest first.

        :return: Payments and refunds of ours, and what was paid in another way as rows of
                 `_get_other_money_rows`.
        :rtype: list[payment.transaction|dict]
        """
        entries = list(self._get_history())
        for row in self._get_other_money_rows():
            later = [tx for tx in entries if self._get_entry_date(tx) > row['date']]
            entries.insert(len(later), row)
        return entries

    @api.model
    def _get_entry_date(self, entry):
        return entry['date'] if isinstance(entry, dict) else entry.last_state_change.date()

    def _get_other_history_row(self, row):
        """Return what was paid in another way as a row of the billing history.

        :param dict row: A row of `_get_other_money_rows`.
        :rtype: dict
        """
        is_refund = row['amount'] < 0
        document = row['document'].filtered(lambda move: move.state == 'posted')
        return {
            'date': format_date(self.env, row['date']),
            'title': self.env._("Refund") if is_refund else self.env._("Payment"),
            'amount': row['currency'].format(row['amount']),
            'status': self.env._("Refunded") if is_refund else self.env._("Paid"),
            'css': 'success',
            'card': row['way'],
            'explanation': False,
            'url': False,
            'documents': [self._get_invoice_link(move) for move in document],
        }

    def _get_history_row(self, tx):
        """Return a payment or refund as a row of the billing history.

        :param payment.transaction tx: The payment or refund.
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
        if tx.billing_action_required:
            status, css = self.env._("To be confirmed with your bank"), 'warning'
        return {
            'date': format_date(self.env, tx.last_state_change),
            'title': self.env._("Refund") if is_refund else self.env._("Payment"),
            'amount': tx.currency_id.format(tx.amount),
            'status': status,
            'css': css,
            'card': tx._get_card_name(),
            'explanation': self._get_attempt_explanation(tx),
            'url': self._get_order_link(f'/payment/{tx.id}'),
            'documents': self._get_document_links(tx),
        }

    def _get_document_links(self, tx):
        """Return the links to the documents of a payment or refund.

        :param payment.transaction tx: The payment or refund.
        :rtype: list[dict]
        """
        return self._get_invoice_links(tx) + self._get_receipt_links(tx)

    def _get_invoice_links(self, tx):
        return [
            self._get_invoice_link(move)
            for move in tx.invoice_ids
            if move.state == 'posted' and tx.state == 'done'
        ]

    def _get_invoice_link(self, move):
        return {
            'label': self.env._("Credit note %s", move.name)
            if move.move_type == 'out_refund'
            else self.env._("Invoice %s", move.name),
            'url': self._get_order_link(f'/document/invoice/{move.id}'),
        }

    def _get_receipt_links(self, tx):
        if tx.state != 'done' or tx.operation == 'refund':
            return []
        return [
            {
                'label': self.env._("Receipt"),
                'url': self._get_order_link(f'/document/receipt/{tx.id}'),
            }
        ]

    def _get_invoice_values(self, move):
        """Return an invoice or credit note for the page of a payment.

        :param account.move move: The posted invoice or credit note.
        :rtype: dict
        """
        return {
            'name': move.name,
            'kind': self.env._("Credit note")
            if move.move_type == 'out_refund'
            else self.env._("Invoice"),
            'date': format_date(self.env, move.invoice_date),
            'lines': [
                {
                    'section': line.display_type
                    in {'line_section', 'line_subsection', 'line_note'},
                    'name': line.name or '',
                    'description': '',
                    'image_url': False,
                    **self._get_amount_columns(
                        line.quantity, line.product_uom_id, line, move.currency_id
                    ),
                }
                for line in move.invoice_line_ids
            ],
            'totals': self._get_total_rows(move.tax_totals, move.currency_id),
            'url': self._get_order_link(f'/document/invoice/{move.id}'),
        }

    # === CARD === #

    def _get_card_notice(self):
        """Return what becomes of the card that the customer enters at the checkout, or False.

        :rtype: str|bool
        """
        return self._get_purchase()._requires_card(self) and self.env._(
            "Your card is saved and charged for the later payments listed here."
        )

    # === SCHEDULE === #

    def _get_upcoming_rows(self):
        """Return the payments still to come or to be remedied, as rows.

        :rtype: list[dict]
        """
        purchase = self._get_purchase()
        outstanding = self._get_outstanding_events()
        return [
            {
                'date': self._get_due_date_text(event),
                'amount': event.currency_id.format(event.amount),
                'description': ' · '.join(
                    purchase._get_event_terms(leaf) for leaf in event._get_leaves()
                ),
                'explanation': self._get_event_explanation(event),
                **self._get_event_status(event, is_overdue=event in outstanding),
            }
            for event in self.billing_event_ids
            if event.status in OPEN
        ]

    def _get_event_status(self, event, is_overdue):
        """Return the status of a scheduled payment in the customer's words.

        :param billpro.billing.event event: The payment.
        :param bool is_overdue: Whether it should have been collected by now.
        :return: The ``status`` and its ``css``.
        :rtype: dict
        """
        text, css = {
            'scheduled': (self.env._("Overdue"), 'warning')
            if is_overdue
            else (self.env._("Scheduled"), 'info'),
            'paused': (self.env._("Paused"), 'secondary'),
            'processing': (self.env._("In progress"), 'info'),
            'unknown': (self.env._("In progress"), 'info'),
            'soft_declined': (self.env._("Declined"), 'warning'),
            'hard_declined': (self.env._("Declined"), 'danger'),
            'action_required': (self.env._("To be confirmed with your bank"), 'warning'),
        }[event.status]
        return {'status': text, 'css': css}

    # === CARDS === #

    def _get_card_values(self):
        """Return the stored cards and what the customer may do with them, or False.

        :rtype: dict|bool
        """
        is_charged = self.billing_status in LIVE and not self.billing_cancel_date
        if not is_charged or not self.billing_token_id:
            return False
        can_change = self._can_change_cards()
        return {
            'rows': [self._get_card_row(card, can_change) for card in self._get_available_cards()],
            'add_url': can_change and self._get_order_link('/card'),
            'select_url': self._get_order_link('/card/select'),
            'remove_url': self._get_order_link('/card/remove'),
            'offer_all_orders': can_change and bool(self._get_other_orders_with_cards()),
        }

    def _get_card_row(self, card, can_change):
        """Return a stored card as a row.

        :param payment.token card: The card.
        :param bool can_change: Whether the customer may change cards.
        :rtype: dict
        """
        is_selected = card == self.billing_token_id
        other_orders = card._get_charged_orders() - self
        state = dict(card._fields['card_state']._description_selection(self.env))[card.card_state]
        return {
            'id': card.id,
            'name': card._get_card_name(),
            'expiry': card.card_expiry_date
            and self.env._("Expires %s", card.card_expiry_date.strftime('%m/%Y')),
            'badge': card.card_state in _CARD_BADGES
            and {'text': state, 'css': _CARD_BADGES[card.card_state]},
            'is_selected': is_selected,
            'can_select': can_change and not is_selected and card.card_state != 'expired',
            'can_remove': can_change and not is_selected and not other_orders,
            'note': self.env._("Charged for %s, too.", ', '.join(other_orders.mapped('name')))
            if other_orders
            else '',
        }

    # === ATTENTION === #

    def _get_attention(self):
        """Return what needs the customer: what happened, how much, and one way on.

        :rtype: list[dict]
        """
        self.ensure_one()
        if self._can_cancellation_be_undone():
            return [self._get_cancelled_attention()]
        if self.billing_status not in LIVE - {'paused'}:
            return []
        if authorized := self._get_authorization_attention():
            return authorized
        if self._is_collection_under_way():
            return [
                {
                    'level': 'info',
                    'title': self.env._("Payment in progress"),
                    'text': self.env._(
                        "We are collecting a payment. You will find the result here; nothing is"
                        " charged twice."
                    ),
                    'actions': [],
                }
            ]
        items = []
        declined = self._get_outstanding_events()
        if declined:
            items.append(self._get_declined_attention(declined))
        card = self.billing_token_id
        if card and (card.card_state != 'valid' or not card.active) and not declined:
            items.append(self._get_expiry_attention(card))
        return items

    def _get_cancelled_attention(self):
        return {
            'level': 'info',
            'title': self.env._("Your subscription is cancelled"),
            'text': self.env._(
                "You have access until %s. Nothing more is charged.",
                format_date(self.env, self.billing_cancel_date),
            ),
            'actions': [
                self._get_action(self.env._("Keep my subscription"), '/cancel/undo', 'post')
            ],
        }

    def _get_declined_attention(self, events):
        """Return the notice about payments that were declined or are overdue.

        :param billpro.billing.event events: The payments.
        :rtype: dict
        """
        amount = self.currency_id.round(sum(events.mapped('amount')))
        total = self.currency_id.format(amount)
        actions = []
        waiting = self._get_open_authentication()
        update = self._get_action(
            self.env._("Update card"), '/card', 'get', fields={'collect': '1'}
        )
        if waiting:
            text = self.env._(
                "Your bank wants you to confirm the payment of %s.",
                self.currency_id.format(waiting[0].amount),
            )
            title = self.env._("Please confirm your payment")
            actions.append(
                self._get_action(
                    self.env._("Confirm with your bank"), f'/authenticate/{waiting[0].id}', 'get'
                )
            )
        else:
            title = self.env._("Your payment was declined")
            refusal = self._get_refusal_to_collect()
            text = refusal or self._get_declined_text(events, total)
            if not refusal:
                actions.append(
                    self._get_action(
                        self.env._(
                            "Pay %(amount)s with %(card)s",
                            amount=total,
                            card=self.billing_token_id._get_card_name(),
                        ),
                        '/pay',
                        'post',
                        fields={'amount': amount},
                    )
                )
            if refusal:
                text = f'{self.env._("%s are outstanding.", total)} {refusal}'
        actions.append(update)
        actions[0]['primary'] = True
        return {
            'level': 'danger' if self.billing_status == 'suspended' else 'warning',
            'title': title,
            'text': text,
            'actions': actions,
        }

    def _get_declined_text(self, events, total):
        retries = events.filtered('retry_date').mapped('retry_date')
        if retries and self.billing_status != 'suspended':
            return self.env._(
                "%(amount)s are outstanding. We will try again on %(date)s; you can also pay now.",
                amount=total,
                date=self._get_date_text(min(retries)),
            )
        return self.env._(
            "%s are outstanding. We don't try again by ourselves: please pay now or update your"
            " card.",
            total,
        )

    def _get_expiry_attention(self, card):
        """Return the notice about a card that expires, has expired or was switched off.

        :param payment.token card: The selected card.
        :rtype: dict
        """
        if card.active and card.card_state == 'expiring':
            title = self.env._("Your card expires soon")
            text = self.env._(
                "%(card)s expires on %(date)s. Please enter a new one in time.",
                card=card._get_card_name(),
                date=format_date(self.env, card.card_expiry_date),
            )
        elif card.active:
            title = self.env._("Your card has expired")
            text = self.env._(
                "%s can't be charged any more. Please enter a new one.", card._get_card_name()
            )
        else:
            title = self.env._("Your card can't be charged any more")
            text = self.env._("Please enter a new one for the payments of this order.")
        return {
            'level': 'warning' if card.card_state == 'expiring' else 'danger',
            'title': title,
            'text': text,
            'actions': [self._get_action(self.env._("Update card"), '/card', 'get', primary=True)],
        }

    def _get_action(self, label, suffix, method, fields=None, primary=False):
        return {
            'label': label,
            'url': self._get_order_link(suffix),
            'method': method,
            'fields': fields or {},
            'primary': primary,
        }

    # === PAGES === #

    def _get_card_page_values(self, wants_to_collect):
        """Return the values of the page on which the customer enters another card.

        :param bool wants_to_collect: Whether outstanding payments are to be collected with it.
        :rtype: dict
        """
        outstanding = self._get_outstanding_events()
        is_card_spent = self.billing_token_id.card_state != 'valid'
        update = wants_to_collect or is_card_spent or outstanding
        values = {
            **self._get_page_values(),
            'title': self.env._("Update card") if update else self.env._("Add a card"),
            'text': self.env._(
                "The new card is charged for the payments of this order from now on. Nothing is"
                " charged today."
            ),
            'back_url': self._get_order_link(),
            'outstanding': False,
            'confirm': False,
            'offer_all_orders': bool(self._get_other_orders_with_cards()),
            'submit_label': self.env._("Save card"),
            'limit_reached': False,
        }
        if not outstanding or self._is_collection_under_way():
            return values
        amount = self.currency_id.round(sum(outstanding.mapped('amount')))
        total = self.currency_id.format(amount)
        purchase = self._get_purchase()
        return {
            **values,
            'text': self.env._(
                "The new card is charged for the payments of this order from now on. %s are"
                " outstanding and are collected at once.",
                total,
            ),
            'outstanding': {
                'amount': total,
                'rows': [
                    {
                        'description': purchase._get_event_terms(leaf),
                        'date': self._get_due_date_text(leaf),
                        'amount': self.currency_id.format(leaf.amount),
                    }
                    for event in outstanding
                    for leaf in event._get_leaves()
                ],
            },
            'confirm': {
                'label': self.env._("Charge %s to this card now", total),
                'amount': amount,
            },
            'submit_label': self.env._("Save card and pay %s", total),
        }

    def _get_progress_values(self):
        """Return the values of the page on which the customer waits for a payment.

        :rtype: dict
        """
        return {
            **self._get_page_values(),
            'message': self.env._("We are collecting your payment. Please stay on this page."),
            'amount': self.currency_id.format(
                self.billing_collection_amount
                or sum(self._get_open_authentication().mapped('amount'))
                or self.billing_outstanding
            ),
            'card': self.billing_token_id._get_card_name(),
            'progress_route': self._get_order_link('/progress/state'),
            'slow_message': self.env._(
                "This takes longer than usual. The result will be on your order's page; nothing is"
                " charged twice."
            ),
        }

    def _get_authenticate_values(self, tx, inline):
        """Return the values of the page on which the customer confirms a payment with the bank.

        :param payment.transaction tx: The payment that waits for it.
        :param dict inline: The values for the provider's script.
        :rtype: dict
        """
        return {
            **self._get_page_values(),
            'message': self.env._(
                "Your bank asks you to confirm this payment. It is the same payment: you are"
                " charged once."
            ),
            'amount': tx.currency_id.format(tx.amount),
            'card': tx._get_card_name(),
            'back_url': self._get_order_link(),
            'button_label': self.env._("Confirm with your bank"),
            'inline': inline,
            'result_url': self._get_order_link('/progress'),
        }

    def _get_cancel_values(self):
        """Return the values of the page on which the customer cancels the subscription.

        :rtype: dict
        """
        at_once = self.company_id.billing_cancel_mode == 'now'
        last_day = self._get_cancel_date(at_once)
        has_access = last_day >= self._get_today()
        reasons = (
            self.env['billpro.cancel.reason']
            .sudo()
            .search([('company_id', 'in', [False, self.company_id.id])])
        )
        return {
            **self._get_page_values(),
            'title': self.env._("Cancel your subscription"),
            'text': [
                self.env._(
                    "You keep access until %s, the last day you have paid for.",
                    format_date(self.env, last_day),
                )
                if has_access
                else self.env._("Your subscription ends at once."),
                self.env._("Nothing more is charged to your card."),
                self.env._("What you have paid already is not refunded."),
                *([self.env._("You can change your mind until then.")] if has_access else []),
            ],
            'reasons': [{'id': reason.id, 'name': reason.name} for reason in reasons],
            'cancel_url': self._get_order_link('/cancel'),
            'back_url': self._get_order_link(),
            'confirm_label': self.env._("Cancel subscription"),
        }

    def _get_contact_values(self, value='', error=False):
        """Return the values of the page on which the customer writes to the salesperson.

        :param str value: What was typed.
        :param str|bool error: Why it was not sent.
        :rtype: dict
        """
        return {
            **self._get_page_values(),
            'title': self.env._("Contact us about this order"),
            'text': self.env._(
                "Do you want to end or change this order? Write to us: we will answer by mail."
            ),
            'contact_url': self._get_order_link('/contact'),
            'back_url': self._get_order_link(),
            'error': error,
            'value': value,
        }
