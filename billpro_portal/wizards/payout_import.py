import base64

from odoo import fields, models
from odoo.exceptions import UserError

from ..billing import payout_file
from ..billing.csv_text import WrongFile

# The kinds of parts of a payout by the types of rows.
KINDS = {
    'payment': 'charge',
    'refund': 'refund',
    'dispute': 'dispute',
    'fee': 'fee',
    'adjustment': 'adjustment',
}


class BillproPayoutImport(models.TransientModel):
    """Book the payouts of any provider from a file."""

    _name = 'billpro.payout.import'
    _description = "Import of Payouts"

    # Providers are for administrators; their payment methods are what accounting has of them.
    payment_method_line_id = fields.Many2one(
        string="Provider",
        comodel_name='account.payment.method.line',
        required=True,
        domain="[('payment_provider_id', '!=', False), ('company_id', 'in', allowed_company_ids)]",
    )
    file = fields.Binary(required=True, attachment=False)
    file_name = fields.Char()

    def action_import(self):
        """Book the payouts of the file, all of them or none; those that are known are left out.

        :return: The payouts.
        :rtype: dict
        :raise AccessError: If the user may not book payouts.
        :raise UserError: If the file is wrong, or something in it can't be booked.
        """
        self.ensure_one()
        payouts = self.env['billpro.payout']
        payouts._check_may_book()
        self.payment_method_line_id.journal_id.check_access('read')
        provider = self.sudo().payment_method_line_id.payment_provider_id
        try:
            found = payout_file.read(base64.b64decode(self.file))
        except WrongFile as error:
            raise UserError(self._explain(error)) from error
        known = payouts.sudo().search(
            [('provider_id', '=', provider.id), ('provider_reference', 'in', list(found))]
        )
        for name in known.mapped('provider_reference'):
            del found[name]
        imported = payouts.sudo()
        for name, rows in found.items():
            imported |= self._import(provider.sudo(), name, rows)
        for payout in imported.sorted('arrival_date'):
            payout._book_payout()
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._("Payouts"),
            'res_model': 'billpro.payout',
            'views': [(False, 'list'), (False, 'form')],
            'domain': [('id', 'in', (imported | known).ids)],
        }

    def _import(self, provider, name, rows):
        """Record a payout with its parts.

        :param payment.provider provider: Who pays out.
        :param str name: The provider's number of the payout.
        :param list[payout_file.Row] rows: What it is made of.
        :return: The payout.
        :rtype: billpro.payout
        :raise UserError: If it has several dates or currencies, or an unknown one.
        """
        totals = [row for row in rows if row.kind == 'payout']
        parts = [row for row in rows if row.kind != 'payout']
        if len({row.currency for row in rows}) > 1 or len(totals) > 1:
            raise UserError(
                self.env._("Payout %s has several currencies, or several rows for its total.", name)
            )
        company_currency = provider.company_id.currency_id
        currency = self._get_currency(rows[0].currency) or company_currency
        net = sum(row.amount - row.fee for row in parts)
        payout = (
            self.env['billpro.payout']
            .sudo()
            ._record(
                provider,
                {
                    'provider_reference': name,
                    'provider_status': 'paid',
                    'arrival_date': totals[0].date if totals else max(row.date for row in rows),
                    'currency_id': currency.id,
                    'amount': float(totals[0].amount if totals else net),
                },
            )
        )
        values_list = [self._prepare_part(row, currency) for row in parts]
        values_list += payout._prepare_rest(values_list)
        payout.line_ids.create([{**values, 'payout_id': payout.id} for values in values_list])
        return payout

    def _prepare_part(self, row, currency):
        """Return the values of a part of a payout.

        :param payout_file.Row row: The row.
        :param res.currency currency: The payout's currency.
        :rtype: dict
        """
        values = {
            'kind': KINDS[row.kind],
            'source_reference': row.reference,
            'payment_reference': row.reference,
            'description': row.description,
            'amount': float(row.amount),
            'fee': float(row.fee),
        }
        paid_in = self._get_currency(row.paid_currency)
        if paid_in and paid_in != currency and row.paid_amount is not None:
            values |= {
                'original_currency_id': paid_in.id,
                'original_amount': float(row.paid_amount),
            }
        return values

    def _get_currency(self, code):
        return code and self.env['billpro.payout']._find_currency(code)

    def _explain(self, error):
        """Return what is wrong with a file as the user reads it.

        :param billing.csv_text.WrongFile error: What is wrong.
        :rtype: str
        """
        values = {'row': error.row, 'column': '', 'value': '', **error.values}
        return {
            'no_text': self.env._("The file is no text in UTF-8. Save it as CSV."),
            'no_rows': self.env._("The file has no rows."),
            'no_column': self.env._("The file has no column “%(column)s”.", **values),
            'missing': self.env._("Row %(row)s has no %(column)s.", **values),
            'too_long': self.env._("Row %(row)s, %(column)s: the text is too long.", **values),
            'type': self.env._(
                "Row %(row)s has the type “%(value)s”. Types are: %(types)s.",
                types=", ".join(payout_file.TYPES),
                **values,
            ),
            'date': self.env._(
                "Row %(row)s: “%(value)s” is no date of this century. Write it as 2027-03-31.",
                **values,
            ),
            'number': self.env._(
                "Row %(row)s, %(column)s: “%(value)s” is no number. Write it as 1234.56.", **values
            ),
        }[error.problem]
