"""Carry the data of 19.0.0.8.0 over to 19.0.0.9.0."""


def migrate(cr, version):
    """Note what wasn't, and say of notices what is true of them now.

    :param odoo.sql_db.Cursor cr: The cursor of the update.
    :param str version: The version that was installed.
    """
    _note_when_orders_ended(cr)
    _describe_trial_notice(cr)


def _note_when_orders_ended(cr):
    """Note when orders ended: consents are kept for some years from then on.

    Nobody has changed them since, at most.
    """
    cr.execute(
        """
        UPDATE sale_order
           SET billing_ended_date = write_date
         WHERE billing_status IN ('complete', 'cancelled')
           AND billing_ended_date IS NULL
        """
    )


def _describe_trial_notice(cr):
    """Say when ends of trials are announced; the translations are loaded after this."""
    cr.execute(
        """
        UPDATE billpro_notification_kind
           SET description = jsonb_build_object(
                   'en_US', '7 days before a free trial ends; it can''t be switched off')
         WHERE code = 'trial_ending'
        """
    )
