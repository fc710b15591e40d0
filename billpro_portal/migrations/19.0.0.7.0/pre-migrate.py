"""Prepare the data of 19.0.0.6.0 for 19.0.0.7.0."""


def migrate(cr, version):
    """Give an index its new name, so that no second one is made.

    :param odoo.sql_db.Cursor cr: The cursor of the update.
    :param str version: The version that was installed.
    """
    cr.execute(
        "ALTER INDEX IF EXISTS payment_transaction_billing_one_settlement"
        " RENAME TO payment_transaction_billing_one_capture_or_void"
    )
