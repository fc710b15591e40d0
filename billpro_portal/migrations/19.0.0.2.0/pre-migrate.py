"""Prepare the tables of 19.0.0.1.0 for 19.0.0.2.0."""


def migrate(cr, version):
    """Make room for payments that were merged from others: they all have number 0.

    The constraint on the numbers has become an index that leaves them out. Odoo can't replace the
    one by the other under the same name.

    :param odoo.sql_db.Cursor cr: The cursor of the update.
    :param str version: The version that was installed.
    """
    cr.execute(
        """
        ALTER TABLE billpro_billing_event
        DROP CONSTRAINT IF EXISTS billpro_billing_event_order_number_unique
        """
    )
