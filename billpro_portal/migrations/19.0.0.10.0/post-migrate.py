"""Carry the data of 19.0.0.9.0 over to 19.0.0.10.0."""

import json

from odoo.tools import SQL

# What is still charged after a cancellation, in any language, as it was shipped.
OPENING = '<p t-if="is_billed_after_end" style="margin: 0 0 16px 0;"'
ASKED = ' t-out="object._get_charges_after_end()"'


def migrate(cr, version):
    """Let mails say of what is owed what is true of the order.

    :param odoo.sql_db.Cursor cr: The cursor of the update.
    :param str version: The version that was installed.
    """
    _ask_what_is_charged_after_end(cr)


def _ask_what_is_charged_after_end(cr):
    """Let the confirmation of a cancellation ask the order what it still owes.

    Mail templates belong to whoever edits them: an update leaves them alone.
    """
    opening, asked = (json.dumps(text)[1:-1] for text in (OPENING, ASKED))
    cr.execute(
        SQL(
            """
            UPDATE mail_template template
               SET body_html = replace(template.body_html::text, %(old)s, %(new)s)::jsonb
              FROM ir_model_data data
             WHERE data.module = 'billpro_portal'
               AND data.model = 'mail.template'
               AND data.name = 'mail_template_cancelled'
               AND data.res_id = template.id
            """,
            old=f'{opening}>',
            new=f'{opening}{asked}>',
        )
    )
