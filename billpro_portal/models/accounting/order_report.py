from odoo import fields, models
from odoo.tools import SQL


class BillproOrderReport(models.AbstractModel):
    """What the lists and reports that are made by a query share: the order that a row is about.

    Each names in `_depends` what its query reads, and gets rules of its own: a row may be seen by
    whoever may see its order.
    """

    _name = 'billpro.order.report'
    _description = "Report on Orders"

    order_id = fields.Many2one(comodel_name='sale.order', readonly=True)
    partner_id = fields.Many2one(string="Customer", comodel_name='res.partner', readonly=True)
    user_id = fields.Many2one(string="Salesperson", comodel_name='res.users', readonly=True)
    company_id = fields.Many2one(comodel_name='res.company', readonly=True)
    currency_id = fields.Many2one(comodel_name='res.currency', readonly=True)
    company_currency_id = fields.Many2one(comodel_name='res.currency', readonly=True)
    purchase_type = fields.Selection(
        selection=lambda self: self.env['billpro.purchase.type']._get_selection(), readonly=True
    )

    # === PARTS OF QUERIES === #

    def _get_order_columns(self):
        """Return the columns of the order `o`, whose company is `c`.

        :rtype: SQL
        """
        return SQL(
            """
            o.id AS order_id,
            o.partner_id AS partner_id,
            o.user_id AS user_id,
            o.company_id AS company_id,
            o.currency_id AS currency_id,
            c.currency_id AS company_currency_id,
            o.purchase_type AS purchase_type
            """
        )

    def _get_rate(self):
        """Return how much of its own currency the order `o` counts for one of its company's.

        The rate is that of the order's date, so that currencies alone move no figure.

        :rtype: SQL
        """
        return SQL("COALESCE(NULLIF(o.currency_rate, 0), 1)")

    def _get_nth_date(self, anchor, steps):
        """Return the day some intervals of order `o` after another, as `billing.calendar` does.

        :param SQL anchor: The day to count from.
        :param SQL steps: How many intervals, from 0.
        :rtype: SQL
        """
        count = SQL("(o.billing_interval_count * (%s))::int", steps)
        months = SQL("%s * CASE o.billing_interval_unit WHEN 'year' THEN 12 ELSE 1 END", count)
        first = SQL("date_trunc('month', (%s)::timestamp)", anchor)
        return SQL(
            """
            CASE
                WHEN o.billing_interval_unit = 'day' THEN %(anchor)s + %(count)s
                WHEN o.billing_interval_unit = 'week' THEN %(anchor)s + 7 * %(count)s
                WHEN %(anchor)s = (%(first)s + INTERVAL '1 month')::date - 1
                THEN (%(first)s + make_interval(months => %(months)s + 1))::date - 1
                ELSE (%(anchor)s + make_interval(months => %(months)s))::date
            END
            """,
            anchor=anchor,
            count=count,
            first=first,
            months=months,
        )

    def _get_recurring_amounts(self):
        """Return a query of what a period of each subscription costs by its lines, net and gross.

        What has a longer interval counts for a part of its price in the net amount, and in the
        gross one not at all.

        Lines are added up order by order: PostgreSQL then knows that there are as many rows as
        orders. Of grouped lines it expects a handful, and joins them row by row.

        :rtype: SQL
        """
        return SQL(
            """
            SELECT o.id AS order_id, lines.net, lines.gross, lines.has_longer
              FROM sale_order o
             CROSS JOIN LATERAL (
                   SELECT SUM(
                              CASE WHEN l.billing_every_periods > 1
                              THEN l.price_subtotal / l.billing_every_periods
                              ELSE l.price_subtotal END
                          ) AS net,
                          SUM(
                              CASE WHEN l.billing_every_periods > 1 THEN 0
                              ELSE l.price_total END
                          ) AS gross,
                          COALESCE(BOOL_OR(l.billing_every_periods > 1), FALSE) AS has_longer
                     FROM sale_order_line l
                     JOIN product_product p ON p.id = l.product_id
                     JOIN product_template t ON t.id = p.product_tmpl_id
                    WHERE l.order_id = o.id
                      AND (t.purchase_type = o.purchase_type OR l.billing_each_period)
                   HAVING COUNT(*) > 0
             ) lines
             WHERE o.purchase_type IN %(types)s
            """,
            types=self.env['billpro.purchase.type']._get_perpetual_types(),
        )

    def _get_first_period(self):
        """Return the first and the last day of the first period of order `o`.

        Where staff moved a later one, the first began on the date of the initial invoice of the
        query `billed`. It lasts until the second, which is the payment with that number, or what a
        change of the interval has begun: the first was billed for longer then. A pause gives that
        payment another number; the second was to begin on the day that was moved then.

        :rtype: tuple[SQL, SQL]
        """
        first_day = SQL(
            """
            CASE WHEN o.billing_anchor_number > 0
                 THEN COALESCE(billed.invoice_date, o.date_order::date)
                 ELSE o.billing_anchor_date END
            """
        )
        last_day = SQL(
            """
            GREATEST(%(first_day)s, COALESCE(
                CASE WHEN o.billing_anchor_number > 0 THEN (
                    SELECT e.period_start FROM billpro_billing_event e
                     WHERE e.order_id = o.id AND e.number = 2
                ) END,
                CASE WHEN o.billing_anchor_number > 0 THEN (
                    SELECT c.credited_until + 1 FROM billpro_change c
                     WHERE c.order_id = o.id AND c.interval_unit IS NOT NULL
                       AND c.period_number = 2 AND c.state = 'done'
                ) END,
                CASE WHEN o.billing_anchor_number = 1 THEN o.billing_anchor_date END,
                %(interval_later)s
            ) - 1)
            """,
            first_day=first_day,
            interval_later=self._get_nth_date(first_day, SQL("1")),
        )
        return first_day, last_day

    def _get_initial_invoices(self):
        """Return a query of what the initial invoices bill of the recurring lines, without taxes.

        Their lines are added up invoice by invoice, so that those of all others are not read.

        :rtype: SQL
        """
        return SQL(
            """
            SELECT o.id AS order_id, m.id AS invoice_id, m.invoice_date, m.date, m.amount_untaxed,
                   m.amount_untaxed_signed, lines.net
              FROM account_move m
              JOIN sale_order o ON o.id = m.billing_order_id
             CROSS JOIN LATERAL (
                   SELECT SUM(l.price_subtotal) AS net
                     FROM account_move_line l
                    WHERE l.move_id = m.id
                      AND %(is_recurring)s
                   HAVING COUNT(*) > 0
             ) lines
             WHERE m.move_type = 'out_invoice'
               AND m.state = 'posted'
               AND o.purchase_type IN %(types)s
               AND NOT EXISTS (
                   SELECT FROM billpro_billing_event e WHERE e.invoice_id = m.id
               )
            """,
            is_recurring=self._get_recurring_condition(),
            types=self.env['billpro.purchase.type']._get_perpetual_types(),
        )

    def _get_recurring_condition(self):
        """Return the condition that the line `l` of an initial invoice bills each period.

        :rtype: SQL
        """
        return SQL(
            """
            (
                EXISTS (
                    SELECT FROM product_product p
                      JOIN product_template t ON t.id = p.product_tmpl_id
                     WHERE p.id = l.product_id AND t.purchase_type = o.purchase_type
                )
                OR EXISTS (
                    SELECT FROM sale_order_line_invoice_rel rel
                      JOIN sale_order_line sold ON sold.id = rel.order_line_id
                     WHERE rel.invoice_line_id = l.id AND sold.billing_each_period
                )
            )
            """
        )

    def _get_merged(self):
        """Return the recursive query of what became of merged payments.

        A payment is paired with the one that it was merged into, and with those that this one was
        merged into in turn.

        :rtype: SQL
        """
        return SQL(
            """
            SELECT e.id AS event_id, e.merged_into_id AS into_id
              FROM billpro_billing_event e
             WHERE e.merged_into_id IS NOT NULL
             UNION ALL
            SELECT merged.event_id, e.merged_into_id
              FROM merged
              JOIN billpro_billing_event e ON e.id = merged.into_id
             WHERE e.merged_into_id IS NOT NULL
            """
        )

    def _get_last_merged(self):
        """Return the query, besides `merged`, of the payment that each merged one ended up in.

        :rtype: SQL
        """
        return SQL(
            """
            SELECT merged.event_id, e.id AS into_id, e.status, e.amount, e.invoice_id,
                   SUM(source.credit_amount) OVER (PARTITION BY e.id) AS credit_amount
              FROM merged
              JOIN billpro_billing_event e ON e.id = merged.into_id
              JOIN billpro_billing_event source ON source.id = merged.event_id
             WHERE e.merged_into_id IS NULL
            """
        )

    # === ACTIONS === #

    def action_open_order(self):
        """Open the order of a row."""
        self.ensure_one()
        return {
            'type': 'ir.actions.act_window',
            'res_model': 'sale.order',
            'res_id': self.order_id.id,
            'views': [[False, 'form']],
        }
