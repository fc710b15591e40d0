from odoo import api, models
from odoo.tools import format_date

HISTORY_PAGE_SIZE = 20


class SaleOrder(models.Model):
    """The billing history on the customer's pages, with the documents of each payment.

    Texts, dates and amounts are in the language of the environment.
    """

    _inherit = 'sale.order'

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
