from odoo.tests import tagged

from odoo.addons.billpro_portal.billing.declines import HARD, SOFT
from odoo.addons.billpro_portal.tests.common.nightly import nightly
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

    @nightly("What was lost is found out and booked for each change.")
    def test_an_approval_is_booked(self):
        super().test_an_approval_is_booked()

    @nightly("What could not be taken in, and a lost answer, are found out for each change.")
    def test_what_fails_unclassified_is_unknown(self):
        super().test_what_fails_unclassified_is_unknown()


class OtherProviderRefundContract(OtherProviderContract, RefundContract):
    """The contract of those that pay back."""

    @nightly("Refunds of the Demo provider and of Stripe are for each change.")
    def test_a_refund_that_fails_unclassified_is_unknown(self):
        super().test_a_refund_that_fails_unclassified_is_unknown()


@tagged('post_install', '-at_install')
class TestAdyenContract(OtherProviderRefundContract, ReleaseContract, common.AdyenCommon):
    code = common.AdyenCommon.code
    declined_card = 'expired'
    declined_class = HARD
    reports_later = True

    def _report(self, tx):
        self._deliver(tx)


@tagged('post_install', '-at_install')
class TestAuthorizeNetContract(
    OtherProviderRefundContract, ReleaseContract, common.AuthorizeNetCommon
):
    code = common.AuthorizeNetCommon.code
    declined_card = 'low'
    declined_class = SOFT
    can_be_asked = True


@tagged('post_install', '-at_install')
class TestRazorpayContract(OtherProviderRefundContract, CaptureContract, common.RazorpayCommon):
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
