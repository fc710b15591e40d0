"""Let the mails of 19.0.0.10.0 leave out what a subscription has dropped."""

from odoo.tools import SQL

# By template what it lists, in any language, as it was shipped, and as it is now.
CANCELLED = (
    "object._get_recurring_lines().mapped(",
    "object._get_recurring_lines().filtered('product_uom_qty').mapped(",
)
LISTED = {
    'mail_template_cancelled': CANCELLED,
    'mail_template_cancel_undone': CANCELLED,
    'mail_template_contract_reminder': (
        "order.order_line.product_id.mapped('name')",
        "order._get_order_lines_to_report().product_id.mapped('name')",
    ),
}


def migrate(cr, version):
    """Let mail templates list what is sold, where they say it as they were shipped.

    Mail templates belong to whoever edits them: an update leaves them alone.

    :param odoo.sql_db.Cursor cr: The cursor of the update.
    :param str version: The version that was installed.
    """
    for name, (old, new) in LISTED.items():
        cr.execute(
            SQL(
                """
                UPDATE mail_template template
                   SET body_html = replace(template.body_html::text, %(old)s, %(new)s)::jsonb
                  FROM ir_model_data data
                 WHERE data.module = 'billpro_portal'
                   AND data.model = 'mail.template'
                   AND data.name = %(name)s
                   AND data.res_id = template.id
                """,
                old=old,
                new=new,
                name=name,
            )
        )
