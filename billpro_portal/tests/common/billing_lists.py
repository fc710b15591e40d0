from odoo.tests import new_test_user

from .subscription import SubscriptionCommon


class ListCommon(SubscriptionCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.accountant = new_test_user(
            cls.env,
            login='accountant',
            groups='account.group_account_readonly',
            company_id=cls.company.id,
        )

    def _exceptions(self, *orders):
        """Return what is listed of some orders."""
        return self.env['billpro.billing.exception'].search(
            [('order_id', 'in', [order.id for order in orders])]
        )
