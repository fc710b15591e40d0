from .http import BillingHttpCommon
from .instalment import InstalmentCommon


class OtherPaymentsCommon(BillingHttpCommon, InstalmentCommon):
    """Orders that are paid by other ways than their links."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.metered = cls._create_sold_product("Energy", 0.25, cls.tax_21, 'metered')
        cls.metered.billing_initial_amount = 30

    def _pay_by_odoo_link(self, order, state='done', amount=None, **values):
        """Return what a customer pays at a link that Odoo's own dialog made before the update."""
        tx = self.env['payment.transaction'].create(
            {
                'provider_id': self.provider.id,
                'payment_method_id': self.payment_method.id,
                'amount': order.amount_total if amount is None else amount,
                'currency_id': order.currency_id.id,
                'partner_id': order.partner_id.id,
                'operation': 'online_direct',
                'reference': f'{order.name}-link-{len(order.transaction_ids)}',
                'sale_order_ids': order.ids,
                **values,
            }
        )
        tx._process('demo', {'reference': tx.reference, 'simulated_state': state})
        if state == 'done':
            tx._post_process()
        return tx

    def _invoice_by_hand(self, order):
        order.action_confirm()
        order._force_lines_to_invoice_policy_order()
        invoice = order._create_invoices()
        invoice.action_post()
        return invoice

    def _invoice_down_payment(self, order, amount):
        if order.state != 'sale':
            order.action_confirm()
        wizard = (
            self.env['sale.advance.payment.inv']
            .with_context(active_model='sale.order', active_ids=order.ids)
            .create({'advance_payment_method': 'fixed', 'fixed_amount': amount})
        )
        invoice = wizard._create_invoices(order)
        invoice.action_post()
        return invoice

    def _pay_by_bank(self, invoice, **values):
        """Return the payments that staff register on an invoice."""
        return (
            self.env['account.payment.register']
            .with_context(active_model='account.move', active_ids=invoice.ids)
            .create(values)
            ._create_payments()
        )

    def _let_run_look(self):
        with self._committing_env() as env:
            env['billpro.billing.run']._keep_dates()

    def _finish(self, tx):
        """Let the Demo provider approve a payment that was begun at the checkout, and book it."""
        if not tx.token_id:
            tx.token_id = self._create_token()
        tx._process(
            'demo',
            {'reference': tx.reference, 'simulated_state': 'done', 'payment_details': '1234'},
        )
        tx._post_process()

    def _begin_by_link(self, order):
        """Return the payment that a customer begins at the checkout."""
        answer = self._post_transaction(order)
        self.assertNotIn('error', answer)
        reference = answer['result']['reference']
        return self.env['payment.transaction'].search([('reference', '=', reference)])

    def _get_page(self, order):
        self.env.flush_all()
        page = self.url_open(self._link(order)).text
        self.env.invalidate_all()
        return page
