"""Carry the data of 19.0.0.8.0 over to 19.0.0.9.0."""


def migrate(cr, version):
    """Note when orders ended: consents are kept for some years from then on.

    Nobody has changed them since, at most.

    :param odoo.sql_db.Cursor cr: The cursor of the update.
    :param str version: The version that was installed.
    """
    cr.execute(
        """
        UPDATE sale_order
           SET billing_ended_date = write_date
         WHERE billing_status IN ('complete', 'cancelled')
           AND billing_ended_date IS NULL
        """
    )
