from freezegun import freeze_time

from .usage import UsageCommon


class UsagePeriodCommon(UsageCommon):
    """Usage that is sent, and periods that close, at moments."""

    def _run_at(self, moment):
        """Let the charge run do what is due at a moment."""
        with freeze_time(moment):
            self._run()

    def _send(self, moment, *records):
        """Send records at a moment; return their statuses."""
        with freeze_time(moment):
            answers = self.Record.ingest(list(records))
        self.env.invalidate_all()
        return [answer['status'] for answer in answers]

    def _get_lines(self, invoice):
        """Return what an invoice says: text, quantity, price and amount."""
        return [
            (line.name, line.quantity, line.price_unit, line.price_subtotal)
            for line in invoice.invoice_line_ids
        ]
