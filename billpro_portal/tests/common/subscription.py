from .billing import BillingCommon


class SubscriptionCommon(BillingCommon):
    """A monthly gym membership whose card the Demo provider answers for."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env['ir.config_parameter'].set_param('billpro_portal.charge_workers', 1)
        cls.customer.tz = 'Europe/Brussels'

    @classmethod
    def _create_token(cls, state='done', partner=None):
        return cls.env['payment.token'].create(
            {
                'provider_id': cls.provider.id,
                'payment_method_id': cls.payment_method.id,
                'partner_id': (partner or cls.customer).id,
                'provider_ref': 'demo',
                'payment_details': '4242',
                'demo_simulated_state': state,
            }
        )

    @classmethod
    def _create_active_order(cls, *lines, state='done', **terms):
        """Return a subscription whose initial payment was approved now."""
        order = cls._create_order(*(lines or [(cls.gym, 1)]))
        if terms:
            order.write(terms)
        amount = order._get_purchase()._get_initial_amount(order)
        values = {'token_id': cls._create_token(state).id, 'amount': amount}
        if not amount:
            values['operation'] = 'validation'
        cls._create_initial_transaction(order, 'done', **values)._post_process()
        return order

    def _register_card(self, order):
        """Accept an order that nothing is paid for at first: its card is registered."""
        self._create_initial_transaction(
            order, 'done', operation='validation', amount=0, token_id=self._create_token().id
        )._post_process()

    def _run(self):
        """Let the scheduled action collect what is due."""
        with self.enter_registry_test_mode():
            self.env.ref('billpro_portal.cron_billing_run').method_direct_trigger()
        self.env.invalidate_all()
        self.env['account.move']._get_sequence_cache().clear()

    def _assert_nothing_due(self, orders):
        """Run again and check that nothing more is collected."""
        before = orders.mapped('billing_paid')
        attempts = len(orders.billing_transaction_ids)
        self._run()
        self.assertEqual(orders.mapped('billing_paid'), before)
        self.assertEqual(len(orders.billing_transaction_ids), attempts)
