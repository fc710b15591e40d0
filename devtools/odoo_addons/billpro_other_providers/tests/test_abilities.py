import os

from odoo.tests import TransactionCase, tagged

from devtools import paths

DOCUMENT = paths.CHECKOUT / 'docs/administration.md'
BEGIN = '<!-- providers: written by ./dev providers --write -->'
END = '<!-- end of providers -->'
COLUMNS = (
    'provider',
    'stored cards',
    'refund',
    'capture',
    'release',
    'asked by number',
    'lost answer',
    'kinds of declines',
    'expiry of cards',
)
# Whose answers are no module's of Odoo that stores cards.
HIDDEN = {'custom', 'demo'}


@tagged('post_install', '-at_install')
class TestAbilities(TransactionCase):
    """The table in the documentation says what the providers' models and Odoo's modules say."""

    def test_the_table_in_the_documentation(self):
        drawn = self._draw()
        text = DOCUMENT.read_text(encoding='utf-8')
        before, _begin, rest = text.partition(BEGIN)
        present, _end, after = rest.partition(END)
        if paths.WRITE_ABILITIES in os.environ:
            DOCUMENT.write_text(f'{before}{BEGIN}\n\n{drawn}\n\n{END}{after}', encoding='utf-8')
            return
        self.assertEqual(present.strip(), drawn, "./dev providers --write draws it anew.")

    def _draw(self):
        rows = [COLUMNS, ('---',) * len(COLUMNS)]
        for code, seam in self.env['billpro.provider']._get_providers().items():
            provider = self.env['payment.provider'].search([('code', '=', code)], limit=1)
            if provider and code not in HIDDEN:
                rows.append(self._describe(provider, seam))
        return '\n'.join(f'| {" | ".join(row)} |' for row in rows)

    def _describe(self, provider, seam):
        captures = provider.support_manual_capture
        refunds = {'partial': "yes, in part, too", 'full_only': "as a whole only"}
        return (
            provider.name,
            "yes" if provider.support_tokenization else "–",
            refunds.get(provider.support_refund, "–"),
            ("yes, in part, too" if seam._captures_in_part else "as a whole only")
            if captures
            else "–",
            "yes" if captures and seam._releases else "–",
            "yes" if seam._tells_outcomes else "–",
            self._describe_lost(seam),
            "yes" if self._has(seam, '_reported_decline_of', '_decline_of') else "–",
            "yes" if self._has(seam, '_prepare_card_values', '_prepare_token_values') else "–",
        )

    @staticmethod
    def _describe_lost(seam):
        ways = []
        if seam._repeatable_operations:
            repeated = {'offline': "charges", 'refund': "refunds", 'capture': "captures"}
            names = [name for key, name in repeated.items() if key in seam._repeatable_operations]
            ways.append(f"{', '.join(names)}: sent again under their key for {seam._key_hours} h")
        if seam._finds_requests:
            ways.append("found by the reference")
        return '; '.join([*ways, "a person is asked"])

    def _has(self, seam, *names):
        base = type(self.env['billpro.provider'])
        return any(getattr(type(seam), name) is not getattr(base, name) for name in names)
