from odoo import api, models


class BillproProviderCustom(models.AbstractModel):
    """Odoo's own way to pay by wire transfer, or otherwise by hand: nothing is asked of anybody."""

    _name = 'billpro.provider.custom'
    _description = "Wire Transfer in the Billing of Orders"
    _inherit = 'billpro.provider'

    _resumes_payments = True
    _awaits_transfer = True

    @api.model
    def _begin_transfer(self, tx):
        """Override to write the bank accounts down if nobody has, and to choose the reference.

        Odoo writes them when its module is installed, which may be before there is an account, and
        never for a provider that was copied. The reference is the one that Odoo's own orders have.
        """
        company = tx.company_id
        tx.provider_id.with_context(
            lang=company.partner_id.lang
        )._transfer_ensure_pending_msg_is_set()
        return tx.with_company(company)._compute_sale_order_reference(tx.billing_order_id)

    @api.model
    def _get_transfer_instructions(self, tx):
        return tx.provider_id.pending_msg

    @api.model
    def _get_transfer_qr_code(self, tx):
        """Override to make it as Odoo's own page does, if the provider has it switched on."""
        if not tx.provider_id.qr_code:
            return None
        account = tx.company_id.partner_id.bank_ids[:1]
        reference = tx._billing_get_transfer_reference()
        return account.build_qr_code_base64(
            tx.amount, reference, None, tx.currency_id, tx.partner_id
        )
