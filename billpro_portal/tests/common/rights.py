from odoo.tests import new_test_user

from .company import NOT_INVITED
from .subscription import SubscriptionCommon

ROLES = {
    'billing_user': 'billpro_portal.group_billing_user,sales_team.group_sale_salesman_all_leads',
    'manager': 'billpro_portal.group_billing_manager,sales_team.group_sale_salesman_all_leads',
    'accountant': 'account.group_account_readonly',
}

# Everybody who may ask by RPC, by what they do.
GROUPS = {
    'salesperson of own orders': 'sales_team.group_sale_salesman',
    'salesperson of all orders': 'sales_team.group_sale_salesman_all_leads',
    'invoicing': 'account.group_account_invoice',
    'accountant': 'account.group_account_readonly',
    'bookkeeper': 'account.group_account_user',
    'billing user': 'billpro_portal.group_billing_user,sales_team.group_sale_salesman_all_leads',
    'billing manager': 'billpro_portal.group_billing_manager,'
    'sales_team.group_sale_salesman_all_leads',
    'employee': 'base.group_user',
    'administrator': 'base.group_system',
    'customer': 'base.group_portal',
}


class RightsCommon(SubscriptionCommon):
    """One subscription that was declined once, and users of each role."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.roles = cls._create_roles('first', cls.company)

    @classmethod
    def _create_roles(cls, prefix, company):
        return {
            role: new_test_user(
                cls.env,
                login=f'{prefix}_{role}',
                groups=groups,
                context=NOT_INVITED,
                company_id=company.id,
                company_ids=[(6, 0, company.ids)],
            )
            for role, groups in ROLES.items()
        }

    @classmethod
    def _create_users(cls):
        """Return a user of the company for each of `GROUPS`, by its name."""
        return {
            role: new_test_user(
                cls.env,
                login=role,
                groups=groups,
                context=NOT_INVITED,
                company_id=cls.company.id,
                tz='UTC',
            )
            for role, groups in GROUPS.items()
        }

    @classmethod
    def _create_declined_order(cls):
        """Return a subscription with something in each list and report."""
        order = cls._create_active_order(state='error')
        order.billing_token_id.card_expiry_date = '2027-02-28'
        return order

    def _rows(self, model, user):
        return (
            self.env[f'billpro.{model}']
            .with_user(user)
            .with_context(allowed_company_ids=user.company_ids.ids)
            .search([])
        )
