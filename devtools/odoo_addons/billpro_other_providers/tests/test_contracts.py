from odoo.tests import tagged

from odoo.addons.billpro_portal.billing.declines import HARD, SOFT
from odoo.addons.billpro_portal.tests.common.provider_contract import (
    CaptureContract,
    ProviderContract,
    RefundContract,
    ReleaseContract,
)

from . import common


class OtherProviderContract(ProviderContract):
    """The contract, kept by a provider that the server of the tests plays."""

    def _lose_provider(self):
        self.api.fault = 'refuse'


@tagged('post_install', '-at_install')
class TestAdyenContract(OtherProviderContract, RefundContract, ReleaseContract, common.AdyenCommon):
    code = common.AdyenCommon.code
    declined_card = 'expired'
    declined_class = HARD
    reports_later = True

    def _report(self, tx):
        self._deliver(tx)


@tagged('post_install', '-at_install')
class TestAuthorizeNetContract(
    OtherProviderContract, RefundContract, ReleaseContract, common.AuthorizeNetCommon
):
    code = common.AuthorizeNetCommon.code
    declined_card = 'low'
    declined_class = SOFT
    can_be_asked = True


@tagged('post_install', '-at_install')
class TestRazorpayContract(
    OtherProviderContract, RefundContract, CaptureContract, common.RazorpayCommon
):
    code = common.RazorpayCommon.code
    declined_card = 'expired'
    declined_class = HARD
    can_be_asked = True


@tagged('post_install', '-at_install')
class TestFlutterwaveContract(OtherProviderContract, common.FlutterwaveCommon):
    code = common.FlutterwaveCommon.code
    declined_card = 'low'
    declined_class = SOFT
    can_be_asked = True


@tagged('post_install', '-at_install')
class TestWorldlineContract(OtherProviderContract, common.WorldlineCommon):
    code = common.WorldlineCommon.code
    declined_card = 'expired'
    declined_class = HARD
    can_be_asked = True


@tagged('post_install', '-at_install')
class TestXenditContract(OtherProviderContract, common.XenditCommon):
    code = common.XenditCommon.code
    declined_card = 'expired'
    declined_class = HARD
    can_be_asked = True
    finds_lost_requests = False


@tagged('post_install', '-at_install')
class TestMercadoPagoContract(OtherProviderContract, common.MercadoPagoCommon):
    code = common.MercadoPagoCommon.code
    declined_card = 'expired'
    declined_class = HARD
    can_be_asked = True
