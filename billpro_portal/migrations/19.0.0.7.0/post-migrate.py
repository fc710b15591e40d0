"""Carry the data of 19.0.0.6.0 over to 19.0.0.7.0."""

import json

from odoo.tools import SQL

PROMISE = '<p t-%s style="margin: 0 0 16px 0;">There are no further charges.</p>'


def migrate(cr, version):
    """Let the confirmation of a cancellation promise nothing where usage is still charged.

    Mail templates belong to whoever edits them: an update leaves them alone.

    :param odoo.sql_db.Cursor cr: The cursor of the update.
    :param str version: The version that was installed.
    """
    old, new = (
        json.dumps(PROMISE % condition)[1:-1]
        for condition in ('else=""', 'elif="object._billing_is_collection_over()"')
    )
    cr.execute(
        SQL(
            """
            UPDATE mail_template template
               SET body_html = replace(template.body_html::text, %s, %s)::jsonb
              FROM ir_model_data data
             WHERE data.module = 'billpro_portal'
               AND data.model = 'mail.template'
               AND data.name = 'mail_template_cancelled'
               AND data.res_id = template.id
            """,
            old,
            new,
        )
    )
