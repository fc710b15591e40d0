from datetime import date

from odoo import Command
from odoo.fields import Domain
from odoo.tests import tagged

from ..common.nightly import nightly
from ..common.subscription import SubscriptionCommon

FEW, MANY = 10, 30


@tagged('post_install', '-at_install')
class TestRunQueries(SubscriptionCommon):
    """Opening and booking a batch cost the same number of queries whatever its size.

    That holds for up to thirty, as Odoo inserts a hundred rows with one query (an invoice has
    three lines), and for one
    customer, as Odoo counts the invoices of each and looks up what applies to them. Charging is
    left out: each charge is a transaction of its own.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.token = cls._create_token()
        # Finds what is looked up once and then known: accounts, translations, rights.
        cls._count_queries(2)

    @classmethod
    def _create_due_events(cls, count):
        """Return the due second payments of new subscriptions, of each one."""
        orders = cls.env['sale.order'].create(
            [
                {
                    'partner_id': cls.customer.id,
                    'user_id': cls.salesperson.id,
                    'billing_token_id': cls.token.id,
                    'order_line': [Command.create({'product_id': cls.gym.id})],
                }
                for _number in range(count)
            ]
        )
        orders.write(
            {
                'state': 'sale',
                'billing_status': 'active',
                'billing_anchor_date': date(2026, 1, 15),
            }
        )
        purchase = orders[0]._get_purchase()
        return cls.env['billpro.billing.event'].create(
            [values for order in orders for values in purchase._prepare_event(order, 1)]
        )

    @classmethod
    def _count(cls, function, *arguments):
        """Return what a phase returns, and the number of its queries, from an empty cache."""
        cls.env.flush_all()
        cls.env.invalidate_all()
        cls.env.cr.precommit.data.clear()  # As after a commit.
        before = cls.env.cr.sql_log_count
        result = function(*arguments)
        cls.env.flush_all()
        return result, cls.env.cr.sql_log_count - before

    @classmethod
    def _count_queries(cls, count):
        """Return the numbers of queries to open and to book some due payments."""
        run = cls.env['billpro.billing.run']
        events = cls._create_due_events(count)
        txs, to_open = cls._count(run._open, Domain('id', 'in', events.ids))
        for tx in txs:
            tx._set_done()
        failed, to_book = cls._count(run._book, txs)
        assert not failed
        assert set(events.mapped('status')) == {'completed'}
        assert set(events.invoice_id.mapped('payment_state')) <= {'paid', 'in_payment'}
        return to_open, to_book

    @nightly("How dear it is, not what is right.")
    def test_a_larger_batch_costs_no_more_queries(self):
        few_to_open, few_to_book = self._count_queries(FEW)
        many_to_open, many_to_book = self._count_queries(MANY)
        self.assertEqual(many_to_open, few_to_open)
        self.assertEqual(many_to_book, few_to_book)
