"""Carry the data of 19.0.0.4.0 over to 19.0.0.5.0."""

from odoo import SUPERUSER_ID, api

# By the status at the provider: all were shown as open.
DISPUTE_STATES = {
    'inquiry': ['warning_needs_response', 'warning_under_review'],
    'closed': ['charge_refunded'],
}


def migrate(cr, version):
    """Show disputes as what they are: a question of the bank, or settled by a refund.

    :param odoo.sql_db.Cursor cr: The cursor of the update.
    :param str version: The version that was installed.
    """
    env = api.Environment(cr, SUPERUSER_ID, {})
    for state, statuses in DISPUTE_STATES.items():
        env['billpro.dispute'].search(
            [('state', '=', 'open'), ('provider_status', 'in', statuses)]
        ).state = state
