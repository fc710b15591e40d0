from contextlib import ExitStack, contextmanager

from odoo import Command, api

from .company import CompanyCommon


class BillingCommon(CompanyCommon):
    """Orders of the company, and payments that the Demo provider answers for."""

    @classmethod
    def _create_order(cls, *lines, partner=None, currency=None, sent=True):
        """Return an order.

        :param lines: Pairs of product and quantity, or triples with the price; one desk if none.
        :param res.partner partner: The customer.
        :param str currency: The name of the order's currency; the company's if none.
        :param bool sent: Whether the link was given to the customer.
        """
        values = {
            'partner_id': (partner or cls.customer).id,
            'user_id': cls.salesperson.id,
            'order_line': [],
        }
        if currency:
            values['pricelist_id'] = cls._create_pricelist(currency).id
        for product, quantity, *price in lines or [(cls.desk, 1)]:
            line = {'product_id': product.id, 'product_uom_qty': quantity}
            if price:
                line['price_unit'] = price[0]
            values['order_line'].append(Command.create(line))
        order = cls.env['sale.order'].create(values)
        if sent:
            order._billing_mark_link_sent("The link was sent.")
        return order

    @classmethod
    def _create_pricelist(cls, currency_name):
        currency = cls._enable_currency(currency_name)
        return cls.env['product.pricelist'].create(
            {'name': currency_name, 'currency_id': currency.id, 'company_id': cls.company.id}
        )

    @classmethod
    def _create_initial_transaction(cls, order, state=None, **values):
        """Return an attempt to pay an order, and let the Demo provider answer it."""
        tx = cls.env['payment.transaction'].create(
            {
                'provider_id': cls.provider.id,
                'payment_method_id': cls.payment_method.id,
                'amount': order.amount_total,
                'currency_id': order.currency_id.id,
                'partner_id': order.partner_invoice_id.id,
                'operation': 'online_direct',
                'reference': f'{order.name}-P{len(order.billing_transaction_ids) + 1}',
                'billing_order_id': order.id,
                **values,
            }
        )
        if state:
            tx._process('demo', {'reference': tx.reference, 'simulated_state': state})
            tx.flush_recordset()
        return tx

    @classmethod
    def _create_paid_order(cls, *lines, **kwargs):
        """Return an order that was paid and booked."""
        order = cls._create_order(*lines, **kwargs)
        cls._create_initial_transaction(order, 'done')._post_process()
        return order

    @classmethod
    @contextmanager
    def _committing_env(cls, user=None, company=None):
        """Give an environment in which code may commit, as in a request of its own."""
        cls.env.flush_all()
        with cls._own_cursors(), cls.registry.cursor() as cr:
            yield api.Environment(
                cr,
                (user or cls.env.user).id,
                {'allowed_company_ids': (company or cls.company).ids},
            )
        cls.env.invalidate_all()
        # Odoo caches the last number of a sequence until the cursor commits; a test's never does.
        cls.env['account.move']._get_sequence_cache().clear()

    @classmethod
    @contextmanager
    def _own_cursors(cls):
        """Let code open cursors, as `enter_registry_test_mode` does, in a class's set-up, too."""
        if cls._registry_patched:
            yield
            return
        with ExitStack() as stack:
            for patcher in cls._registry_test_mode_patches(cr=cls.cr, registry=cls.registry):
                stack.enter_context(patcher)
            yield

    def _refund(self, order, amount):
        """Refund a part of an order as the refund dialog does; return the refund."""
        with self._committing_env() as env:
            tx = env['sale.order'].browse(order.id)._billing_get_refundable_transactions()[:1]
            refund_tx = tx._billing_create_order_refund(amount)
            refund_tx._billing_send_order_refund()
        return self.env['payment.transaction'].browse(refund_tx.id)

    def _assert_books_closed(self, order):
        """Check that nothing of an order is open in the books: all is posted, paid, reconciled."""
        moves = order.billing_move_ids
        self.assertTrue(moves)
        self.assertEqual(set(moves.mapped('state')), {'posted'})
        self.assertEqual(set(moves.mapped('amount_residual')), {0.0})
        payments = order.billing_transaction_ids.filtered(lambda tx: tx.state == 'done').payment_id
        partials = (moves + payments.move_id).line_ids.matched_debit_ids
        partials |= (moves + payments.move_id).line_ids.matched_credit_ids
        # What came by bank as well.
        others = (partials.debit_move_id | partials.credit_move_id).move_id
        receivable_lines = (moves | others | payments.move_id).line_ids.filtered(
            lambda line: line.account_type == 'asset_receivable'
        )
        receivable_lines |= partials.exchange_move_id.line_ids.filtered(
            lambda line: line.account_type == 'asset_receivable'
        )
        self.assertTrue(all(receivable_lines.mapped('reconciled')))
        self.assertAlmostEqual(sum(receivable_lines.mapped('amount_currency')), 0.0, places=6)
        self.assertAlmostEqual(sum(receivable_lines.mapped('balance')), 0.0, places=6)
