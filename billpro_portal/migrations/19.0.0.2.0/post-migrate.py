"""Carry the settings of 19.0.0.1.0 over to 19.0.0.2.0."""

from odoo import SUPERUSER_ID, api

SWITCHES = {'purchase_confirmation', 'refund'}


def migrate(cr, version):
    """Keep notices switched off that companies had switched off.

    The switches were columns of the companies and are properties of the kinds of notices now.

    :param odoo.sql_db.Cursor cr: The cursor of the update.
    :param str version: The version that was installed.
    """
    env = api.Environment(cr, SUPERUSER_ID, {})
    for code in SWITCHES:
        kind = env['billpro.notification.kind']._get(code)
        cr.execute(f'SELECT id FROM res_company WHERE billing_mail_{code} IS FALSE')  # noqa: S608
        for (company_id,) in cr.fetchall():
            kind.with_company(company_id).mail_on = False
