from .subscription import SubscriptionCommon


class PriceIncreaseCommon(SubscriptionCommon):
    """A billing manager who raises prices, and the scheduled actions that do the rest."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.manager_env = cls.env(
            user=cls.billing_manager, su=False, context={'allowed_company_ids': cls.company.ids}
        )

    def _raise_price(self, products, **values):
        """Return an increase by 10 %, as a billing manager has looked at it."""
        increase = self.manager_env['billpro.price.increase'].create(
            {'product_ids': products.ids, 'percent': 10, **values}
        )
        increase.action_preview()
        return increase

    def _work(self):
        """Let the scheduled actions plan, take back and tell."""
        with self.enter_registry_test_mode():
            self.env.ref('billpro_portal.cron_price_increase').method_direct_trigger()
            self.env.ref('billpro_portal.cron_send_notifications').method_direct_trigger()
        self.env.invalidate_all()
