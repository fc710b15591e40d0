"""Carry the data of 19.0.0.3.0 over to 19.0.0.4.0."""

from odoo import SUPERUSER_ID, api
from odoo.tools import SQL

# Of which record each mail about payments takes the order.
ORDERS = {
    'mail_template_payment_received': 'billing_order_id',
    'mail_template_payment_declined': 'billing_order_id',
    'mail_template_payment_failed': 'billing_order_id',
    'mail_template_payment_authentication': 'billing_order_id',
    'mail_template_payment_upcoming': 'order_id',
    'mail_template_payment_changed': 'order_id',
}
CONTACT = 'object.{order}.partner_id'
PAYER = 'object.{order}._get_payment_contact()'
GREETED = "order.partner_id.name or order.partner_id.parent_id.name or ''"
PAYER_GREETED = (
    "order._get_payment_contact().name or order._get_payment_contact().parent_id.name or ''"
)
REFUNDED = '(object.billing_order_id._get_payment_contact() or object.partner_id)'

# Subject and summary of what staff are asked until it has answered itself.
QUESTIONS = {
    'suspended': "Order suspended: %",
    'cancelled': "Subscription cancelled: %",
    'capture': "Capture or release the payment of %",
    'paid-otherwise': "Order % was paid or invoiced in another way",
}


def migrate(cr, version):
    """Bring notices, lines and totals to what they are in this version.

    :param odoo.sql_db.Cursor cr: The cursor of the update.
    :param str version: The version that was installed.
    """
    _send_to_payer(cr)
    _show_lines_of_periods(cr)
    _drop_early_discounts(cr)
    _date_pauses(cr)
    _show_disputes_to_branches(cr)
    _name_questions(cr)


def _show_disputes_to_branches(cr):
    """Let who works in a branch read the disputes of its orders, whosever the provider is.

    Rules belong to whoever edits them: an update leaves them alone.

    :param odoo.sql_db.Cursor cr: The cursor of the update.
    """
    cr.execute(
        """
        UPDATE ir_rule rule
           SET domain_force = %s
          FROM ir_model_data data
         WHERE data.module = 'billpro_portal' AND data.name = 'rule_dispute_company'
           AND data.res_id = rule.id AND rule.domain_force = %s
        """,
        (
            "['|', ('company_id', 'in', company_ids), ('order_id.company_id', 'in', company_ids)]",
            "[('company_id', 'in', company_ids)]",
        ),
    )


def _name_questions(cr):
    """Name the questions that answer themselves, so that they are found in every language.

    The jobs, which ask most of them, write English unless their user has another language.

    :param odoo.sql_db.Cursor cr: The cursor of the update.
    """
    for subject, summary in QUESTIONS.items():
        cr.execute(
            """
            UPDATE mail_activity
               SET billpro_subject = %s
             WHERE res_model = 'sale.order' AND billpro_subject IS NULL AND summary LIKE %s
            """,
            (subject, summary),
        )


def _date_pauses(cr):
    """Note since when orders are paused: nothing that falls due from then on is charged.

    Pausing was what last changed the payments that wait.

    :param odoo.sql_db.Cursor cr: The cursor of the update.
    """
    cr.execute(
        """
        UPDATE sale_order o
           SET billing_paused_date = COALESCE(
                   (
                       SELECT MAX(event.write_date)
                         FROM billpro_billing_event event
                        WHERE event.order_id = o.id AND event.status = 'paused'
                   ),
                   o.write_date
               )
         WHERE o.billing_status = 'paused' AND o.billing_paused_date IS NULL
        """
    )


def _drop_early_discounts(cr):
    """Total orders anew that nobody has paid: a card pays without a discount for paying early.

    :param odoo.sql_db.Cursor cr: The cursor of the update.
    """
    env = api.Environment(cr, SUPERUSER_ID, {})
    env['sale.order'].search(
        [
            ('purchase_type', '!=', False),
            ('billing_status', 'in', ['draft', 'pending', 'rejected']),
            ('payment_term_id.early_discount', '=', True),
        ]
    )._compute_amounts()


def _show_lines_of_periods(cr):
    """Mark the lines whose products have each period charge them. Others stay as they are charged.

    :param odoo.sql_db.Cursor cr: The cursor of the update.
    """
    cr.execute(
        """
        UPDATE sale_order_line line
           SET billing_each_period = TRUE
          FROM sale_order o, product_product product
          JOIN product_template template ON template.id = product.product_tmpl_id
         WHERE o.id = line.order_id AND product.id = line.product_id
           AND o.purchase_type = 'subscription' AND template.purchase_type = 'subscription'
        """
    )


def _send_to_payer(cr):
    """Send mails about payments to the invoice address, where their templates are as shipped.

    Templates belong to whoever edits them: an update leaves them alone.

    :param odoo.sql_db.Cursor cr: The cursor of the update.
    """
    for name, order in ORDERS.items():
        contact, payer = (text.format(order=order) for text in (CONTACT, PAYER))
        _replace(cr, name, 'partner_to', f'{{{{ {contact}.id }}}}', f'{{{{ {payer}.id }}}}')
        _replace(cr, name, 'lang', f'{{{{ {contact}.lang }}}}', f'{{{{ {payer}.lang }}}}')
        _replace(cr, name, 'body_html', GREETED, PAYER_GREETED)
    refund = 'mail_template_refund'
    _replace(cr, refund, 'partner_to', '{{ object.partner_id.id }}', f'{{{{ {REFUNDED}.id }}}}')
    _replace(cr, refund, 'lang', '{{ object.partner_lang }}', f'{{{{ {REFUNDED}.lang }}}}')
    _replace(
        cr,
        refund,
        'body_html',
        "object.partner_name or ''",
        f"{REFUNDED}.name or {REFUNDED}.parent_id.name or ''",
    )


def _replace(cr, name, column, old, new):
    """Replace a text of a mail template, in all languages, where it stands there.

    :param odoo.sql_db.Cursor cr: The cursor of the update.
    :param str name: The template's name among the addon's data.
    :param str column: The field of the template.
    :param str old: The text as it was shipped.
    :param str new: The text that it becomes.
    """
    cr.execute(
        SQL(
            """
            UPDATE mail_template template
               SET %(column)s = replace(template.%(column)s::text, %(old)s, %(new)s)::%(type)s
              FROM ir_model_data data
             WHERE data.module = 'billpro_portal'
               AND data.model = 'mail.template'
               AND data.name = %(name)s
               AND data.res_id = template.id
            """,
            column=SQL.identifier(column),
            type=SQL('jsonb' if column == 'body_html' else 'varchar'),
            old=old,
            new=new,
            name=name,
        )
    )
