"""What businesses have sold before they install the addon: executed inside Odoo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from odoo import Command

if TYPE_CHECKING:
    from odoo.api import Environment

ORDERS = 300
# Tells the customers.
REFERENCE = 'existing'
SALES = ('draft', 'sent', 'sale', 'cancel')
INVOICES = ('draft', 'posted', 'cancel')


class Place(NamedTuple):
    """Where a business is."""

    name: str
    street: str
    city: str
    zip: str
    state: str | None


# By the code of the country.
PLACES = {
    'us': Place("Existing Inc.", "250 Executive Park Blvd", "San Francisco", "94134", 'CA'),
    'be': Place("Existing NV", "Koningstraat 1", "Brussels", "1000", None),
    'de': Place("Existing GmbH", "Bergstraße 12", "Dresden", "01067", None),
    'fr': Place("Existing SARL", "1 rue de la Paix", "Paris", "75002", None),
    'it': Place("Existing S.r.l.", "Via Roma 1", "Milano", "20121", 'MI'),
    'es': Place("Existing S.L.", "Calle Mayor 1", "Madrid", "28013", 'M'),
    'in': Place("Existing Pvt. Ltd.", "1 MG Road", "Gandhinagar", "382007", 'GJ'),
}


def create(env: Environment, countries: tuple[str, ...]) -> None:
    """Fill a database without the addon with companies, their sales, invoices and payments.

    :param odoo.api.Environment env: The superuser's environment.
    :param countries: The codes of the countries; the company that there is takes the first one.
    """
    companies = env.ref('base.main_company')
    for code in countries[1:]:
        companies += env['res.company'].create(
            {'name': PLACES[code].name, 'country_id': env.ref(f'base.{code}').id}
        )
    env.ref('base.user_admin').company_ids += companies
    for company, code in zip(companies, countries, strict=True):
        env = env(context={**env.context, 'allowed_company_ids': company.ids})
        _settle(env, env.company, code)
        _sell(env, ORDERS // len(companies))


def of(env: Environment) -> Any:
    """Return the companies that can sell: those of `create`.

    :param odoo.api.Environment env: The superuser's environment.
    :rtype: res.company
    """
    return env['res.company'].search([('chart_template', '!=', False)], order='id')


def _settle(env: Environment, company: Any, code: str) -> None:
    """Set up a company: its address, its chart of accounts and its payment provider."""
    place = PLACES[code]
    country = env.ref(f'base.{code}')
    state = env['res.country.state'].search(
        [('country_id', '=', country.id), ('code', '=', place.state)], limit=1
    )
    company.write(
        {
            'name': place.name,
            'street': place.street,
            'city': place.city,
            'zip': place.zip,
            'country_id': country.id,
            'state_id': state.id,
            'email': f'office@{code}.example.com',
            'phone': '+32 2 555 12 34',
        }
    )
    if not company.chart_template:
        env['account.chart.template'].try_loading(None, company, install_demo=False)
    provider = _provider(env) or env.ref('payment.payment_provider_demo').copy(
        {'company_id': company.id}
    )
    provider.write({'state': 'test', 'is_published': True, 'allow_tokenization': True})


def _provider(env: Environment) -> Any:
    """Return the company's Demo provider: some modules copy the providers for a new company."""
    return env['payment.provider'].search(
        [('code', '=', 'demo'), ('company_id', '=', env.company.id)], limit=1
    )


def _sell(env: Environment, count: int) -> None:
    """Sell in a company, in every state that orders, invoices and payments can have."""
    company = env.company
    customer, unreachable = env['res.partner'].create(
        [
            {
                'name': f"Customer of {company.name}",
                'ref': REFERENCE,
                'email': f'customer-{company.id}@existing.example.com',
                'city': company.city,
                'zip': company.zip,
                'country_id': company.country_id.id,
                'state_id': company.state_id.id,
            },
            {'name': f"No address of {company.name}", 'ref': REFERENCE},
        ]
    )
    product = env['product.product'].create(
        {'name': "Advice", 'list_price': 80.0, 'type': 'service', 'company_id': company.id}
    )
    orders = env['sale.order'].create(
        [
            {
                'partner_id': (customer, unreachable)[number // len(SALES) % 2].id,
                'order_line': [
                    Command.create({'product_id': product.id, 'product_uom_qty': 2}),
                    Command.create({'display_type': 'line_note', 'name': "A note"}),
                ],
            }
            for number in range(count - 1)
        ]
    )
    for state, act in (
        ('sent', 'action_quotation_sent'),
        ('sale', 'action_confirm'),
        ('cancel', '_action_cancel'),
    ):
        getattr(orders[SALES.index(state) :: len(SALES)], act)()
    # The newest, for which a new mail template is rendered.
    orders += env['sale.order'].create({'partner_id': unreachable.id})
    invoices = _create_invoices(env, customer, product)
    for record in (*orders, *invoices):
        record._portal_ensure_token()
    _create_payments(env, orders[0], customer)


def _create_invoices(env: Environment, partner: Any, product: Any) -> Any:
    invoices = env['account.move'].create(
        [
            {
                'move_type': 'out_invoice',
                'partner_id': partner.id,
                'invoice_line_ids': [Command.create({'product_id': product.id})],
            }
            for _state in INVOICES
        ]
    )
    _draft, posted, cancelled = invoices
    posted.action_post()
    cancelled.button_cancel()
    return invoices


def _create_payments(env: Environment, order: Any, partner: Any) -> None:
    """Create payments of every state and kind, each of an order, an invoice or nothing."""
    provider = _provider(env)
    method = provider.payment_method_ids[:1]
    token = env['payment.token'].create(
        {
            'provider_id': provider.id,
            'payment_method_id': method.id,
            'partner_id': partner.id,
            'provider_ref': 'demo',
            'payment_details': '4242',
        }
    )
    transactions = env['payment.transaction']
    transactions.create(
        [
            {
                'provider_id': provider.id,
                'payment_method_id': method.id,
                'amount': 80.0,
                'currency_id': env.company.currency_id.id,
                'partner_id': partner.id,
                'token_id': token.id if operation == 'online_token' else False,
                'operation': operation,
                'state': state,
                'reference': f'{env.company.id}-{state}-{operation}',
                'is_post_processed': True,
                'sale_order_ids': [Command.set(order.ids if state == 'done' else [])],
            }
            for state in transactions._fields['state'].get_values(env)
            for operation in transactions._fields['operation'].get_values(env)
        ]
    )


def pages(env: Environment) -> list[str]:
    """Return what customers can open: an order of each kind and all invoices of the first company.

    Of the others, only the newest order and a posted invoice: their pages are no others.

    :param odoo.api.Environment env: The superuser's environment.
    """
    found: list[Any] = []
    for company in of(env):
        own = [('company_id', '=', company.id), ('partner_id.ref', '=', REFERENCE)]
        orders = env['sale.order'].search(own, order='id')
        invoices = env['account.move'].search([*own, ('move_type', '=', 'out_invoice')], order='id')
        invoices = invoices[: len(INVOICES)]
        if not found:
            found += [*orders[: 2 * len(SALES)], *invoices]
        else:
            found += invoices.filtered(lambda invoice: invoice.state == 'posted')
        found += orders[-1]
    return [record.get_portal_url() for record in found]
