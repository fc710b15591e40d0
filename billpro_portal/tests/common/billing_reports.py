from dateutil.relativedelta import relativedelta
from freezegun import freeze_time

from .schedule_actions import ScheduleActionCommon
from .subscription import SubscriptionCommon


class ReportCommon(SubscriptionCommon):
    """Reads reports as the web client does: totals by what they are grouped by."""

    def _totals(self, report, groupby, measures, domain=()):
        """Return what a report shows.

        :param str report: The name of the report's model without `billpro.`.
        :param list[str] groupby: What it is grouped by.
        :param list[str] measures: The fields that are added up.
        :return: The sums by group; single keys and measures without a tuple.
        :rtype: dict
        """
        rows = self.env[f'billpro.{report}'].formatted_read_group(
            list(domain), groupby, [f'{measure}:sum' for measure in measures]
        )

        def key(row):
            values = [
                value[0] if isinstance(value := row[name], (list, tuple)) else value
                for name in groupby
            ]
            return values[0] if len(values) == 1 else tuple(values)

        def total(row):
            values = [round(row[f'{measure}:sum'], 3) for measure in measures]
            return values[0] if len(values) == 1 else tuple(values)

        return {key(row): total(row) for row in rows}

    def _movements(self, order):
        """Return the rows of recurring revenue of an order, month by month."""
        return [
            (row.month.strftime('%Y-%m'), row.movement, row.change, row.mrr)
            for row in self.env['billpro.mrr.report'].search(
                [('order_id', '=', order.id)], order='month'
            )
        ]

    def _pass_months(self, start, count):
        """Let the run collect what is due on the same day of some months that follow."""
        for month in range(1, count + 1):
            with freeze_time(start + relativedelta(months=month)):
                self._run()


class RescheduledCommon(ScheduleActionCommon, ReportCommon):
    """A monthly subscription of 20.00, 24.20 with taxes, from the last day of January on."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with freeze_time('2027-01-31 10:00:00'):
            cls.order = cls._create_active_order()

    def _change(self, today, number, **values):
        """Reschedule a payment as staff do."""
        event = self.order.billing_event_ids.filtered(lambda event: event.number == number)
        with freeze_time(f'{today} 10:00:00'):
            self._reschedule(event, **values)

    def _run_on_days(self, *days):
        for day in days:
            self._run_on(day)

    def _movements_on(self, day):
        self.env.invalidate_all()  # A row of the present month is another one tomorrow.
        with freeze_time(f'{day} 10:00:00'):
            return self._movements(self.order)
