"""Carry the data of 19.0.0.2.0 over to 19.0.0.3.0."""


def migrate(cr, version):
    """Give the reports of billing runs to the company, if there is one only.

    Where there are several, a report from before counts the payments of all of them: it is kept,
    and no company sees it.

    :param odoo.sql_db.Cursor cr: The cursor of the update.
    :param str version: The version that was installed.
    """
    cr.execute(
        """
        UPDATE billpro_billing_run
           SET company_id = (SELECT id FROM res_company)
         WHERE company_id IS NULL
           AND (SELECT count(*) FROM res_company) = 1
        """
    )
