from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo.exceptions import MissingError, RedirectWarning
from odoo.tools import mute_logger

from ...billing.backoff import OWN_TRANSACTION
from .notification import NotificationCommon

DUE = datetime(2027, 2, 10, 10)
# When the tries are due after which something is set aside.
TRIES = (timedelta(), OWN_TRANSACTION[0], OWN_TRANSACTION[0] + OWN_TRANSACTION[1])
LOGGER = 'odoo.addons.billpro_portal.models.each_alone.own_transaction'
RUN_LOGGER = 'odoo.addons.billpro_portal.models.charging.billing_run'


def redirect(env):
    raise RedirectWarning(env._("Your company needs a state."), 1, env._("Configure"))


def forget_key(_env):
    raise KeyError('l10n_xx_state')


def break_database(env):
    env.cr.execute('SELECT no_such_column FROM sale_order')


def assert_nothing(_env):
    raise AssertionError("Not on this journal")


def lose_record(env):
    raise MissingError(env._("It was deleted meanwhile."))


RAISED = (redirect, forget_key, break_database, assert_nothing, lose_record)


class EachAloneCommon(NotificationCommon):
    @contextmanager
    def _broken(self, model, method, applies, raises):
        """Have a method raise for the records that a function finds in its environment."""
        original = getattr(model, method)

        def broken(records, *args, **kwargs):
            if applies(records):
                raises(records.env)
            return original(records, *args, **kwargs)

        with (
            patch.object(model, method, broken),
            mute_logger(LOGGER, RUN_LOGGER, 'odoo.sql_db'),
        ):
            yield

    @contextmanager
    def _broken_for(self, model, method, errors, get_orders=lambda records: records):
        """Have a method raise for some orders, for each what it is given.

        :param dict[sale.order, Callable] errors: What is raised, by order.
        :param Callable get_orders: Returns the orders of what the method is called for.
        """
        with ExitStack() as stack:
            for order, raises in errors.items():
                stack.enter_context(
                    self._broken(
                        model,
                        method,
                        lambda records, order_id=order.id: order_id in get_orders(records).ids,
                        raises,
                    )
                )
            yield

    def _create_due_orders(self, count=3):
        with freeze_time(DUE - timedelta(days=31)):
            return self.env['sale.order'].union(
                *(self._create_active_order() for _number in range(count))
            )

    def _run_at(self, **delay):
        with freeze_time(DUE + timedelta(**delay)):
            self._run()

    def _get_failures(self, task, orders=None):
        failures = self.env['billpro.failure'].search([('task', '=', task)])
        return failures if orders is None else failures.filtered(lambda f: f.order_id in orders)

    def _get_rows(self, orders):
        return self.env['billpro.billing.exception'].search([('order_id', 'in', orders.ids)])

    def _try_again(self, orders):
        with self._committing_env(self.billing_manager) as env:
            rows = env['billpro.billing.exception'].search([('order_id', 'in', orders.ids)])
            rows.action_try_again()

    def _assert_set_aside(self, order, task, kind='set_aside'):
        """Check that an order has one row in the list and one activity."""
        row = self._get_rows(order)
        self.assertEqual(row.mapped('kind'), [kind])
        self.assertIn("Mend the cause", row.next_step)
        self.assertIn(self._get_failures(task, order).reason, row.reason)
        activity = order.activity_ids
        self.assertEqual(len(activity), 1)
        self.assertIn("Set aside" if kind == 'set_aside' else "not booked", activity.summary)
        self.assertEqual(activity.user_id, self.salesperson)
