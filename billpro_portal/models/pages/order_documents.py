from odoo import models


class BillproOrderDocuments(models.AbstractModel):
    """The documents of an order in one list, to be filtered by kind and year."""

    _name = 'billpro.order.documents'
    _description = "Documents of an Order"

    def _get_documents_values(self, order, kind=None, year=None):
        """Return the values of the page that lists the documents of an order.

        :param sale.order order: The order.
        :param str|None kind: The kind of documents to list; all if it isn't one of `_get_kinds`.
        :param str|None year: The year of the documents to list; all if there are none of it.
        :rtype: dict
        """
        rows = self._get_rows(order)
        years = sorted({row['year'] for row in rows}, reverse=True)
        kinds = [key for key in self._get_kinds() if key in {row['kind'] for row in rows}]
        kind = kind if kind in kinds else ''
        year = year if year in years else ''
        return {
            **self.env['billpro.order.page']._get_page_values(order),
            'title': self.env._("Documents"),
            'back_url': order._billing_get_order_link(),
            'filters_url': f'/order/{order.id}/documents',
            'access_token': order.access_token,
            'kinds': [
                {'key': key, 'label': self._get_kinds()[key], 'is_chosen': key == kind}
                for key in kinds
            ],
            'years': [{'key': key, 'label': key, 'is_chosen': key == year} for key in years],
            'rows': [
                row for row in rows if kind in {'', row['kind']} and year in {'', row['year']}
            ],
        }

    def _get_kinds(self):
        """Return the kinds of documents, and what several of a kind are called.

        :rtype: dict[str, str]
        """
        return {
            'invoice': self.env._("Invoices"),
            'credit_note': self.env._("Credit notes"),
            'receipt': self.env._("Receipts"),
        }

    def _get_rows(self, order):
        """Return all documents of an order but its summary, newest first.

        :param sale.order order: The order.
        :rtype: list[dict]
        """
        payments = self.env['billpro.order.payments']
        txs = payments._get_history(order).filtered(lambda tx: tx.state == 'done')
        titles = {move: payments._get_title(order, tx) for tx in txs for move in tx.invoice_ids}
        rows = [
            self._get_row(
                move.invoice_date,
                'credit_note' if move.move_type == 'out_refund' else 'invoice',
                titles.get(move, ''),
                move.currency_id.format(move.amount_total),
                payments._get_invoice_link(order, move),
            )
            for move in order.billing_move_ids
            if move.state == 'posted'
        ]
        for tx in txs:
            rows += [
                self._get_row(
                    order._billing_get_date(tx.last_state_change),
                    'receipt',
                    payments._get_title(order, tx),
                    tx.currency_id.format(tx.amount),
                    link,
                )
                for link in payments._get_receipt_links(order, tx)
            ]
        return sorted(rows, key=lambda row: row['day'], reverse=True)

    def _get_row(self, day, kind, title, amount, link):
        return {
            'day': day,
            'year': str(day.year),
            'date': self.env['billpro.page.words']._get_list_day(day),
            'kind': kind,
            'title': title,
            'amount': amount,
            'document': link,
        }
