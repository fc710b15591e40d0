"""Odoo at work without the addon: executed inside Odoo, not by pytest."""

from odoo import Command
from odoo.tests import Form

from devtools import asset_bundles, paths
from devtools.neighbours import strangers

# What is looked at, and how: the views of the addon's own making are gone.
VIEWS = {
    'sale.order': ('form', 'list', 'kanban', 'calendar', 'pivot', 'graph', 'activity', 'search'),
    'account.move': ('form', 'list', 'kanban', 'search'),
    'account.payment': ('form', 'list', 'search'),
    'payment.provider': ('form', 'list', 'kanban', 'search'),
    'payment.token': ('form', 'list', 'search'),
    'payment.transaction': ('form', 'list', 'search'),
    'product.template': ('form', 'list', 'kanban', 'search'),
    'product.product': ('form', 'list', 'search'),
    'res.company': ('form', 'list'),
    'res.config.settings': ('form',),
    'res.partner': ('form', 'list', 'kanban', 'search'),
    'res.users': ('form', 'list', 'search'),
}
CRONS = (
    'payment.cron_post_process_payment_tx',
    'sale.send_pending_emails_cron',
    'account.ir_cron_account_move_send',
    'sms.ir_cron_sms_scheduler_action',
)
ASSET_BUNDLES = ('web.assets_frontend', 'web.assets_web', 'web.report_assets_common')


def work(env):
    """Open what staff open, sell something, and let the scheduled actions run.

    :param odoo.api.Environment env: The superuser's environment.
    :return: The new sales order: its state, the state of its invoice and its total.
    :rtype: list
    """
    env = env(user=env.ref('base.user_admin'))
    for model, kinds in VIEWS.items():
        env[model].get_views([(False, kind) for kind in kinds], {'toolbar': True})
        if model != 'res.config.settings':
            _read_forms(env[model].search([], limit=20))
    # Those of the same files were made before: the addon's would be others.
    asset_bundles.restore(env, ASSET_BUNDLES, paths.cache_directory() / 'asset-bundles')
    settings = Form(env['res.config.settings']).save()
    settings.execute()
    order = _sell(env)
    for cron in CRONS:
        env.ref(cron).method_direct_trigger()
    invoice = order.invoice_ids
    return [order.state, invoice.state, invoice.payment_state, order.amount_total]


def _read_forms(records):
    """Open the form of a record, and let the others compute all that theirs would show."""
    if records:
        form = Form(records[:1])
        records.web_read(form._view['fields_spec'])


def _sell(env):
    """Return a new order that was confirmed and invoiced."""
    subscription = env['product.product'].search([('name', '=', "Studio membership")])
    order = env['sale.order'].create(
        {
            'partner_id': env['res.partner'].search([('name', '=', "Anna Peeters")]).id,
            'order_line': [
                Command.create({'product_id': subscription.id, 'product_uom_qty': 2}),
            ],
        }
    )
    order.action_quotation_send()
    order.action_confirm()
    order._create_invoices().action_post()
    return order


def pages(env):
    """Return what a server should answer to customers: Odoo's pages are there, ours are gone.

    :param odoo.api.Environment env: The superuser's environment.
    :return: The HTTP status by path.
    :rtype: dict
    """
    # Of what there was before, a page of each kind: hundreds are alike.
    sold_since = [('partner_id.ref', '!=', strangers.REFERENCE)]
    orders = env['sale.order'].search([*sold_since, ('access_token', '!=', False)])
    invoices = env['account.move'].search([*sold_since, ('move_type', '=', 'out_invoice')])
    return {
        '/web/login': 200,
        **dict.fromkeys(strangers.pages(env), 200),
        **{record.get_portal_url(): 200 for record in (*orders, *invoices)},
        **{f'/order/{order.id}?access_token={order.access_token}': 404 for order in orders},
    }
