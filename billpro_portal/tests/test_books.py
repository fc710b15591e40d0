from freezegun import freeze_time

from odoo.exceptions import ValidationError
from odoo.tests import tagged

from .common.books import START, BooksCommon
from .common.drawn_orders import DrawnOrder
from .common.nightly import IS_NIGHTLY

SEEDS = range(500) if IS_NIGHTLY else range(25)


@tagged('post_install', '-at_install')
class TestBooks(BooksCommon):
    """Whatever taxes, rounding, discounts and terms: all is collected, to the smallest coin."""

    def test_drawn_orders(self):
        for seed in SEEDS:
            drawn = DrawnOrder(seed)
            with self.subTest(drawn), self.env.cr.savepoint() as savepoint:
                self._follow(drawn)
                savepoint.rollback()
            self.env.invalidate_all()

    def _follow(self, drawn):
        with freeze_time(START):
            order = self._create_drawn_order(drawn)
            if order.currency_id.compare_amounts(order.amount_total, 0) <= 0:
                return
            try:
                order._get_purchase()._check_order(order)
            except ValidationError:
                return
            order._mark_link_sent("The link was sent.")
            self._pay_to_the_end(order)
        self._check_books(order, drawn)
