from odoo import models
from odoo.exceptions import UserError

from ..billing.agreement import agreement_text, changes_between, fingerprint, read_agreement


class SaleOrder(models.Model):
    """What a customer agrees to by paying: what the page showed is what is charged.

    Right before they order, consumers must be made aware of goods, total price and duration, and
    the trader must be able to prove it: Directive 2011/83/EU, article 8 (2).
    """

    _inherit = 'sale.order'

    def _get_agreement(self):
        """Return what the customer agrees to: seller, terms, dates, lines and totals.

        :return: Pairs of label and value, in the language of the order's customer whoever looks at
                 them: two of them can be compared.
        :rtype: list[tuple[str, str]]
        """
        self.ensure_one()
        order = self.with_context(lang=self._get_agreement_lang())
        purchase = order._get_purchase()
        return [
            (order.env._("Seller"), order.company_id.name),
            (purchase._get_label(), purchase._get_explanation(order)),
            *((row['label'], row['value']) for row in order._get_terms_today()),
            *(pair for row in order._get_line_rows() for pair in order._get_agreed_line(row)),
            *(
                (row['label'], row['value'])
                for row in order._get_total_rows(order.tax_totals, order.currency_id)
            ),
        ]

    def _get_agreement_lang(self):
        return self.partner_id.lang or self.company_id.partner_id.lang or self.env.user.lang

    def _get_agreed_line(self, row):
        """Return a line of the order as rows of the agreement.

        :param dict row: The line as the pages show it.
        :rtype: list[tuple[str, str]]
        """
        name, description = row['name'], row['description']
        if row['section']:
            return [(name, description)]
        price = ', '.join(filter(None, (row['unit_price'], row['discount'], row['taxes'])))
        pairs = [(name, f'{row["quantity"]} × {price} = {row["subtotal"]}')]
        if description:
            pairs.append((self.env._("Description of “%s”", name), description))
        return pairs

    def _get_shown(self):
        """Return what a page sends back to tell what it showed.

        :rtype: str
        """
        return agreement_text(self._get_agreement())

    def _get_changes_since(self, shown):
        """Return what has changed in the order since it was shown.

        :param str shown: What `_get_shown` returned then.
        :return: A sentence for each change, in the language of the order's customer.
        :rtype: list[str]
        :raise UserError: If no page has sent it.
        """
        self.ensure_one()
        try:
            before = read_agreement(shown)
        except ValueError:
            raise UserError(
                self.env._("Please reload the page and check the order again before you pay.")
            ) from None
        order = self.with_context(lang=self._get_agreement_lang())
        return [
            order._get_change_text(*change)
            for change in changes_between(before, self._get_agreement())
        ]

    def _get_change_text(self, label, before, now):
        """Return in a sentence what has changed.

        :param str label: What the value is of.
        :param str|None before: The value that was shown.
        :param str|None now: The value of today.
        :rtype: str
        """
        if now is None:
            return self.env._("%(label)s: not any more (%(before)s)", label=label, before=before)
        if before is None:
            return self.env._("%(label)s: new, %(now)s", label=label, now=now)
        return self.env._(
            "%(label)s: now %(now)s (before: %(before)s)", label=label, now=now, before=before
        )

    def _check_shown(self, shown):
        """Check that the order is still what was shown.

        :param str shown: What `_get_shown` returned then.
        :raise UserError: If not; the message says what has changed.
        """
        if changes := self._get_changes_since(shown):
            raise UserError(
                self.env._(
                    "This order changed while it was open here, and nothing was charged. Please"
                    " check it again:\n%s",
                    "\n".join(changes),
                )
            )

    # === CONSENT === #

    def _get_consent_key(self):
        """Return what tells a consent from one to another text or to another order.

        :rtype: str
        """
        return f'{self._get_consent()["version"]}-{fingerprint(self._get_agreement())}'

    def _record_consent(self, version, shown, ip_address):
        """Store what the customer agreed to, once for each text and each state of the order.

        :param str version: The version of the text that was shown.
        :param str shown: What `_get_shown` returned for the page.
        :param str ip_address: Where the consent came from.
        :return: What `_get_consent_key` is now.
        :rtype: str
        :raise UserError: If there is no consent, or not to the text and the order of today.
        """
        self.ensure_one()
        consent = self._get_consent()
        if not version:
            raise UserError(self.env._("Please tick the box to agree before you pay."))
        if version != consent['version']:
            raise UserError(
                self.env._(
                    "The terms changed while this page was open. Please reload the page and read"
                    " them again."
                )
            )
        self._check_shown(shown)
        agreement = self._get_agreement()
        agreed = fingerprint(agreement)
        known = {(known.version, known.fingerprint) for known in self.billing_consent_ids}
        if (version, agreed) not in known:
            self.env['billpro.consent'].sudo().create(
                {
                    'order_id': self.id,
                    'partner_id': self.partner_id.id,
                    'text': consent['text'],
                    'version': version,
                    'agreement': '\n'.join(f'{label}: {value}' for label, value in agreement),
                    'fingerprint': agreed,
                    'ip_address': ip_address,
                }
            )
        return f'{version}-{agreed}'
