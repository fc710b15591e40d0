from datetime import datetime

from freezegun import freeze_time

from odoo.tests import tagged

from ..common.page import PAY_BUTTON
from ..common.transfer import TransferCommon

MOMENT = datetime(2027, 1, 20, 10)
HEADING = '.o_billpro_transfer h1'


@tagged('post_install', '-at_install')
class TestTransferOnPhone(TransferCommon):
    """From the checkout to the bank details, and back to choose another way."""

    browser_size = '360x740'
    touch_enabled = True

    def test_there_and_back(self):
        self.transfers.qr_code = True
        with freeze_time(MOMENT):
            order = self._create_order((self.desk, 1), currency='EUR')
        # The page has the database to itself: what is read beside its requests may not be there.
        amount, details = f'{order.amount_total:.2f} €', (order.name, self.company.name)
        with self._visit(order, MOMENT) as page:
            label = "Order with obligation to pay"
            page.wait_for(PAY_BUTTON, label)
            page.tap('input[data-payment-method-code="wire_transfer"]')
            page.tap('#billpro_consent')
            page.wait_for(f'{PAY_BUTTON}:not(:disabled)', label)
            page.tap(PAY_BUTTON)
            page.wait_for(HEADING, f'Please pay {amount}')
            page.wait_for('.o_billpro_copied', amount, *details)
            page.check_layout()
            page.tap('.o_billpro_transfer button')
            page.wait_for(PAY_BUTTON, label)
        self.assertEqual(order.billing_transaction_ids.mapped('state'), ['cancel'])
        self.assertEqual(order.billing_status, 'pending')
