from odoo import models


class BillproOrderDocuments(models.AbstractModel):
    """The documents of an order in one list, to be filtered by kind and year."""

    _name = 'billpro.order.documents'
    _description = "Documents of an Order"

    def _get_documents_values(self, order, kind=None, year=None):
        """Return the values of the page that lists the documents of an order.

        :param sale.order order: The order.
        :param str|None kind: The kind of documents to list; all if it is none of
                              `_get_document_kinds`.
        :param str|None year: The year of the documents to list; all if there are none of it.
        :rtype: dict
        """
        return {
            **self._get_list_values(order, self._get_rows(order), kind=kind, year=year),
            'subtitle': self.env._("Order %s", order.name),
            'back_url': order._billing_get_order_link(),
            'filters_url': f'/order/{order.id}/documents',
        }

    def _get_all_documents_values(self, order, orders, kind=None, year=None, number=None):
        """Return the values of the page that lists the documents of all orders of a customer.

        :param sale.order order: The order whose link has opened it.
        :param sale.order orders: All orders that may be shown.
        :param str|None kind: As of `_get_documents_values`.
        :param str|None year: As of `_get_documents_values`.
        :param str|None number: The number of the order whose documents to list; all if it is none.
        :rtype: dict
        """
        rows = [
            {**row, 'number': one.name, 'title': f"{one.name} · {row['title']}".strip(' ·')}
            for one in orders
            for row in self._get_rows(one)
        ]
        rows.sort(key=lambda row: row['day'], reverse=True)
        return {
            **self._get_list_values(order, rows, kind=kind, year=year, number=number),
            'subtitle': self.env._("All your orders"),
            'back_url': order._billing_get_order_link('/orders'),
            'back_label': self.env._("Back to all your orders"),
            'filters_url': f'/order/{order.id}/orders/documents',
        }

    def _get_list_values(self, order, rows, **chosen):
        """Return the values of a list of documents, and of its filter.

        :param sale.order order: The order whose link has opened it.
        :param list[dict] rows: All documents, newest first.
        :param dict chosen: What was chosen, by the key of the rows; what no row has chooses all.
        :rtype: dict
        """
        filters = []
        kept = rows
        for name, key in chosen.items():
            keys = self._get_choices(name, {row[name] for row in rows})
            key = key if key in keys else ''
            kept = [row for row in kept if key in {'', row[name]}]
            filters.append(
                {
                    'name': name,
                    **self._get_filter_words(name),
                    'choices': [
                        {'key': one, 'label': label, 'is_chosen': one == key}
                        for one, label in keys.items()
                    ],
                }
            )
        return {
            **self.env['billpro.order.page']._get_page_values(order),
            'title': self.env._("Documents"),
            'access_token': order.access_token,
            'filters': filters if rows else [],
            'rows': kept,
        }

    def _get_choices(self, name, keys):
        """Return what can be chosen in a filter, with its words, in the order of the list.

        :param str name: The key of the rows.
        :param set keys: What the rows have.
        :rtype: dict[str, str]
        """
        if name == 'kind':
            return {key: label for key, label in self._get_document_kinds().items() if key in keys}
        return {key: key for key in sorted(keys, reverse=True)}

    def _get_filter_words(self, name):
        """Return what a filter is called, and what it says as long as nothing is chosen.

        :param str name: The key of the rows.
        :return: The ``label`` and ``all``.
        :rtype: dict[str, str]
        """
        return {
            'kind': {'label': self.env._("Kind"), 'all': self.env._("All kinds")},
            'year': {'label': self.env._("Year"), 'all': self.env._("All years")},
            'number': {'label': self.env._("Order"), 'all': self.env._("All orders")},
        }[name]

    def _get_document_kinds(self):
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
