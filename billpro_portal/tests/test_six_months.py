import sys
from datetime import datetime

from freezegun import freeze_time

from odoo import fields
from odoo.tests import tagged

from .common.merchant import MerchantCommon
from .common.nightly import IS_NIGHTLY, nightly

START = datetime(2027, 1, 4, 8)
INSUFFICIENT_FUNDS = '4000000000009995'
LOST_CARD = '4000000000009987'
WORKING_CARD = '4242424242424242'


@tagged('post_install', '-at_install')
class TestSixMonths(MerchantCommon):
    """Half a year of a merchant, of which the first five weeks have everything once."""

    @nightly("Each of its events is booked by a test of its own for each change.")
    def test_trial_balances_are_explained(self):
        with freeze_time(START) as clock:
            self._set_rates()
            self._start(clock, START)
            self._sell_in_the_first_week(*self.shops)
            self._go_through_january(*self.shops)
            self._go_on_after_closing(*self.shops)
            if IS_NIGHTLY:
                for month in ('02', '03', '04', '05', '06'):
                    self._go_through_another_month(*self.shops, month)
                self._until('07-03')
            else:
                self._close(fields.Date.to_date('2027-02-09'))
        self.assertEqual(len(self.statements), 12 if IS_NIGHTLY else 4)
        sys.stdout.write("\n\n".join(map(str, self.statements)) + "\n")

    def _sell_in_the_first_week(self, aurora, borealis):
        weekly = {'billing_interval_unit': 'week'}
        self._until('01-04', '10:00')
        self.desk = self._sell(aurora, 'Brussels', 'Desk')
        self._sell(borealis, 'Auckland', 'Desk')
        self.far_desk = self._sell(aurora, 'Honolulu', 'Desk', currency='CHF')
        self._until('01-06', '11:30')  # It is tomorrow in Auckland.
        self.gym = self._sell(aurora, 'Auckland', 'Gym')
        self._until('01-07', '10:00')
        self.course = self._sell(aurora, 'Brussels', 'Course', **weekly)
        lines = [('Course', 120.0), 'Books of the course']
        self._sell(borealis, 'Auckland', *lines, billing_instalment_count=2, **weekly)
        self.late = self._sell(aurora, 'Brussels', 'Gym', billing_interval_count=3, **weekly)
        self.lost = self._sell(aurora, 'Brussels', 'Gym', billing_cycles=2, **weekly)
        self.fraud = self._sell(aurora, 'Honolulu', 'Gym', **weekly)
        self.euro_gym = self._sell(
            borealis, 'Brussels', 'Gym', currency='EUR', billing_cycles=3, **weekly
        )
        self._until('01-08', '10:00')
        self._sell(aurora, 'Brussels', 'Gym', billing_interval_count=3)
        self._sell(aurora, 'Auckland', 'Gym', billing_trial_days=14)
        self.far_gym = self._sell(aurora, 'Honolulu', 'Gym', currency='CHF')
        self.water = self._sell(aurora, 'Brussels', 'Water', billing_initial_amount=12.0)
        self.far_water = self._sell(borealis, 'Honolulu', 'Water')

    def _go_through_january(self, aurora, borealis):
        self._until('01-11')
        self._refund(self.far_desk, 24)
        self._until('01-13')
        self._treat_card(aurora, self.lost, LOST_CARD)
        # An answer that is lost: the money has moved, and nobody knows.
        aurora.gateway.faults.add('drop_after', path='/v1/payment_intents')
        self._until('01-14')
        self._skip(self._get_next_payment(self.course))
        self._until('01-16')
        self.assertEqual(self.lost.billing_status, 'suspended')
        self._replace_card(aurora, self.lost)
        self._take_payment(self.water, 36)
        self._take_payment(self.far_water, 18)
        self._until('01-18')
        self.fraud_dispute = self._dispute(aurora, self.fraud)
        self._until('01-19')
        self.desk_dispute = self._dispute(aurora, self.desk, reason='product_not_received')
        self._until('01-20')
        self.euro_dispute = self._dispute(borealis, self.euro_gym, reason='duplicate')
        self._pause(self.far_gym, '2027-02-15')
        self._until('01-21')
        self._merge(
            self.course.billing_event_ids.filtered(lambda event: event.status == 'scheduled'),
            '2027-01-29',
        )
        self._until('01-22')
        self.closed = self._sell(aurora, 'Brussels', 'Desk', card='pm_card_refundFail')
        self._until('01-25')
        self._fail_payout(aurora)
        self._until('01-27')
        aurora.gateway.enter_balance('stripe_fee', -150, 'eur')
        # Declined until the month is closed.
        self._treat_card(aurora, self.late, INSUFFICIENT_FUNDS)
        self._until('01-28')
        self._refund(self.closed, 60)
        self._refund(self.gym, 12)
        self._until('01-31', '10:30')
        self._sell(borealis, 'Honolulu', 'Desk')
        self._until('01-31', '11:30')  # It is February in Auckland.
        self._sell(borealis, 'Honolulu', 'Desk')
        self._until('01-31', '22:30')  # And now it is for the customer.
        self._sell(aurora, 'Auckland', 'Gym')

    def _go_on_after_closing(self, aurora, borealis):
        self._until('02-02')
        self._lose(borealis, self.euro_dispute)
        self._lose(aurora, self.fraud_dispute)
        far_dispute = self._dispute(aurora, self.far_desk)
        self._lose(aurora, far_dispute)
        self._until('02-03')
        self._book_loss(borealis, self.euro_dispute)
        self._book_loss(aurora, self.fraud_dispute)
        self._book_loss(aurora, far_dispute)  # Its payout is still to come.
        self._treat_card(aurora, self.late, WORKING_CARD)
        self._until('02-04')
        self.assertEqual(self.late.billing_status, 'active')
        self._cancel(self.late)
        aurora.gateway.close_dispute(self.desk_dispute['id'], won=True)
        self._until('02-05')
        # The refund was booked in the month that is closed.
        self._settle_refund(aurora, self.closed)
        self._until('02-08')
        self._pay_by_bank(aurora, self.closed, '2027-02-08')
        self._until('02-10')

    def _go_through_another_month(self, aurora, borealis, month):
        self._until(f'{month}-11')
        desk = self._sell(borealis, 'Honolulu', 'Desk', currency='EUR')
        gym = self._sell(aurora, 'Auckland', 'Gym', billing_interval_unit='week', billing_cycles=3)
        closed = self._sell(borealis, 'Auckland', 'Desk', card='pm_card_refundFail')
        far_gym = self._sell(aurora, 'Honolulu', 'Gym', currency='CHF')
        self._treat_card(aurora, gym, INSUFFICIENT_FUNDS)
        self._until(f'{month}-12')
        self._refund(desk, 13.2)
        self._take_payment(self.water, 24)
        self._until(f'{month}-17')
        self._treat_card(aurora, gym, WORKING_CARD)
        dispute = self._dispute(aurora, far_gym)
        self._fail_payout(borealis)
        self._until(f'{month}-19')
        self._lose(aurora, dispute)
        self._until(f'{month}-20')
        self._book_loss(aurora, dispute)
        self._refund(closed, 24)
        self._until(f'{month}-24')
        self._settle_refund(borealis, closed)
        self._until(f'{month}-25')
        self._pay_by_bank(borealis, closed, f'2027-{month}-25')

    def _get_next_payment(self, order):
        return order.billing_event_ids.filtered(lambda event: event.status == 'scheduled')[:1]

    def _fail_payout(self, shop):
        """Let the bank refuse the last payout."""
        shop.gateway.fail_payout(shop.gateway.find_all('payout')[0]['id'])

    def _settle_refund(self, shop, order):
        """Let it turn out that a refund couldn't reach the card."""
        (refund,) = order.billing_transaction_ids.filtered(lambda tx: tx.operation == 'refund')
        shop.gateway.settle_refund(refund.provider_reference)
