"""Prepare the data of 19.0.0.7.0 for 19.0.0.8.0."""


def migrate(cr, version):
    """Empty the views that show fields which are gone.

    Other views of their models are checked together with them before they are read anew.

    :param odoo.sql_db.Cursor cr: The cursor of the update.
    :param str version: The version that was installed.
    """
    cr.execute(
        """
        UPDATE ir_ui_view view
           SET arch_db = '{"en_US": "<data/>"}'
          FROM ir_model_data data
         WHERE data.module = 'billpro_portal'
           AND data.model = 'ir.ui.view'
           AND data.res_id = view.id
           AND view.arch_db::text LIKE '%billing_next_charge_%'
        """
    )
