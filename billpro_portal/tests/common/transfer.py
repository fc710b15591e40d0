from odoo import Command
from odoo.http import Request
from odoo.tests import new_test_user

from .company import NOT_INVITED
from .other_payments import OtherPaymentsCommon

IBAN = 'BE71 0961 2345 6769'


class TransferCommon(OtherPaymentsCommon):
    """Orders whose customers have chosen to transfer the money."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.transfers = cls._create_transfer_provider(cls.company, IBAN)
        cls.wire = cls.transfers.payment_method_ids
        cls.billing_user = new_test_user(
            cls.env,
            login='billing_user',
            groups='billpro_portal.group_billing_user,sales_team.group_sale_salesman_all_leads',
            context=NOT_INVITED,
            company_id=cls.company.id,
            company_ids=cls.company.ids,
        )

    @classmethod
    def _create_transfer_provider(cls, company, iban):
        """Return the company's own provider of wire transfers, who has a bank account."""
        account = cls.env['res.partner.bank'].create(
            {'acc_number': iban, 'partner_id': company.partner_id.id, 'company_id': company.id}
        )
        journal = cls.env['account.journal'].search(
            [('company_id', '=', company.id), ('type', '=', 'bank')], limit=1
        )
        journal.bank_account_id = account
        template = cls.env.ref('payment.payment_provider_transfer')
        methods = cls.env.ref('payment_custom.payment_method_wire_transfer')
        provider = template.copy({'company_id': company.id, 'name': "Wire Transfer"})
        provider.write(
            {
                'state': 'enabled',
                'is_published': True,
                'payment_method_ids': [Command.set(methods.ids)],
            }
        )
        methods.active = True
        return provider

    def _choose_transfer(self, order):
        """Return the payment of a customer who chooses the transfer at the checkout."""
        answer = self._post_transaction(
            order,
            provider_id=self.transfers.id,
            payment_method_id=self.wire.id,
            flow='redirect',
        )
        self.assertNotIn('error', answer)
        reference = answer['result']['reference']
        self.env.flush_all()
        self.page = self.url_open('/payment/custom/process', data={'reference': reference}).text
        self.env.invalidate_all()
        return self.env['payment.transaction'].search([('reference', '=', reference)])

    def _open_dialog(self, tx, user=None, **values):
        """Return the dialog in which staff enter what has arrived."""
        action = tx.with_user(user or self.billing_user).action_open_transfer()
        return (
            tx.env['billpro.transfer']
            .with_user(user or self.billing_user)
            .with_context(**action['context'])
            .create(values)
        )

    def _receive(self, tx, **values):
        self._open_dialog(tx, **values).action_book()
        self.env.invalidate_all()

    def _pay_another_way(self, order, tx):
        """Press the button of the page that shows a transfer; return the page that follows."""
        self.env.flush_all()
        page = self.url_open(
            self._link(order, '/other-way'),
            data={'transaction_id': tx.id, 'csrf_token': Request.csrf_token(self)},
        ).text
        self.env.invalidate_all()
        return page
