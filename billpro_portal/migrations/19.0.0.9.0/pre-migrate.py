"""Prepare the data of 19.0.0.8.0 for 19.0.0.9.0."""


def migrate(cr, version):
    """Let the same be agreed to again: the last consent counts, and another may lie between.

    :param odoo.sql_db.Cursor cr: The cursor of the update.
    :param str version: The version that was installed.
    """
    cr.execute(
        """
        ALTER TABLE billpro_consent
        DROP CONSTRAINT IF EXISTS billpro_consent_order_version_unique
        """
    )
