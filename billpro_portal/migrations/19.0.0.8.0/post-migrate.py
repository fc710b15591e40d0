"""Carry the data of 19.0.0.7.0 over to 19.0.0.8.0."""

from odoo.tools.sql import column_exists


def migrate(cr, version):
    """Keep the prices of usage that are to come: there can be several now.

    :param odoo.sql_db.Cursor cr: The cursor of the update.
    :param str version: The version that was installed.
    """
    if not column_exists(cr, 'sale_order_line', 'billing_next_charge_id'):
        return  # Usage wasn't billed before.
    cr.execute(
        """
        INSERT INTO billpro_usage_charge_change (
               order_line_id, charge_id, day, company_id, create_uid, create_date, write_uid,
               write_date)
        SELECT id, billing_next_charge_id, billing_next_charge_date, company_id, 1,
               now() AT TIME ZONE 'UTC', 1, now() AT TIME ZONE 'UTC'
          FROM sale_order_line
         WHERE billing_next_charge_id IS NOT NULL
           AND billing_next_charge_date IS NOT NULL
        """
    )
