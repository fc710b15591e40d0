from odoo.tests import tagged

from ...billing.declines import HARD, SOFT
from ..common.gateway import GatewayCommon
from ..common.provider_contract import RefundContract, ReleaseContract
from ..common.subscription import SubscriptionCommon


@tagged('post_install', '-at_install')
class TestDemoContract(RefundContract, ReleaseContract, SubscriptionCommon):
    """Odoo's Demo provider, which answers within Odoo."""

    code = 'demo'
    declined_card = 'cancel'
    declined_class = HARD


@tagged('post_install', '-at_install')
class TestStripeContract(RefundContract, ReleaseContract, GatewayCommon):
    """Stripe, as the fake gateway plays it."""

    code = 'stripe'
    can_be_asked = True
    declined_card = 'pm_card_chargeCustomerFail'
    declined_class = SOFT

    def _lose_provider(self):
        self.gateway.refuse_connections()
        self.addCleanup(self.gateway.accept_connections)
