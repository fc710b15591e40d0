from .each_alone import EachAloneCommon
from .http import BillingHttpCommon


class BooksRefuseCommon(EachAloneCommon, BillingHttpCommon):
    """A company whose books don't take what is paid."""

    def _get_activities(self, orders):
        return self.env['mail.activity'].search(
            [('res_model', '=', 'sale.order'), ('res_id', 'in', orders.ids)]
        )

    def _assert_told_once(self, orders, kind):
        """Check that each order is listed once, and one person was asked about all of them."""
        rows = self._get_rows(orders)
        self.assertEqual(rows.mapped('kind'), [kind] * len(orders))
        self.assertEqual(rows.order_id, orders)
        activity = self._get_activities(orders)
        self.assertEqual(len(activity), 1)
        self.assertEqual(activity.user_id, self.salesperson)
        return rows

    def _assert_nothing_left(self, orders):
        self.assertFalse(self._get_rows(orders))
        self.assertFalse(self._get_activities(orders))
        for order in orders:
            self._assert_books_closed(order)
