from dateutil.relativedelta import relativedelta

from odoo import api, fields, models

from ...billing.demo_declines import classify_simulated_state

# It knows no expiry; its cards get one so that everything can be tried.
CARD_YEARS = 3


class BillproProviderDemo(models.AbstractModel):
    """Odoo's Demo provider, which moves no money."""

    _name = 'billpro.provider.demo'
    _description = "Demo in the Billing of Orders"
    _inherit = 'billpro.provider'

    _repeatable_operations = frozenset({'offline', 'online_token'})
    _resumes_payments = True
    _captures_in_part = True
    _collects_at_once = True
    _key_hours = 23

    @api.model
    def _correct_report(self, tx, payment_data):
        """Override: what is approved is collected, unless it may be authorised first.

        Where captures are manual, Odoo's provider authorises whatever it approves, even scheduled
        payments and refunds.
        """
        if payment_data.get('simulated_state') != 'done' or tx._billing_may_be_authorized():
            return payment_data
        return {**payment_data, 'manual_capture': True}

    @api.model
    def _class_without_codes(self, tx):
        """Override: the state in which a card ends stands for what its bank says."""
        return classify_simulated_state(tx.state)

    @api.model
    def _prepare_token_values(self, values):
        """Override to give cards a brand, digits and an expiry."""
        method = self.env['payment.method'].browse(values.get('payment_method_id'))
        last_day = fields.Date.today() + relativedelta(years=CARD_YEARS, day=31)
        return {
            'card_brand': method.name,
            'card_last_digits': (values.get('payment_details') or '')[-4:],
            'card_expiry_date': values.get('card_expiry_date', last_day),
        }
