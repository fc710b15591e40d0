import re
from pathlib import Path

import polib
from lxml import html

from odoo.tests import tagged

from ..common.instalment import InstalmentCommon
from ..common.nightly import some
from ..common.self_service_http import SelfServiceHttpCommon

TRANSLATIONS = Path(__file__).parents[2] / 'i18n'
# The first one is read for each change, all of them at night.
LANGUAGES = sorted(path.stem for path in TRANSLATIONS.glob('*.po'))
# What a text has of others: what is put in, and tags.
OTHERS = re.compile(r'%\(\w+\)s|%s|\{\{.*?\}\}|<[^>]*>', re.DOTALL)
# Of fewer words, an English text can be a part of another one, or a name.
FEWEST_WORDS = 3


@tagged('post_install', '-at_install')
class TestLanguages(SelfServiceHttpCommon, InstalmentCommon):
    """What customers get in each language that the addon speaks has no English sentence of ours."""

    def _speak(self, language):
        """Install a language, and have the customer read it."""
        code = f'{language}_{language.upper()}'  # Also that of its region: `de_DE`.
        self.env['res.lang']._activate_lang(code)
        self.env['ir.module.module']._load_module_terms(['billpro_portal'], [code])
        # Another test may have had the pages in this language before it was loaded.
        self.registry.clear_cache('templates')
        self.customer.lang = code
        self.env.flush_all()

    def _get_sentences(self, language):
        """Return the English sentences that are translated, and parts of them beside others."""
        sentences = set()
        for entry in polib.pofile(str(TRANSLATIONS / f'{language}.po')):
            translated = ' '.join(entry.msgstr.split())
            parts = (' '.join(part.split()) for part in OTHERS.split(entry.msgid))
            sentences |= {
                part
                for part in parts
                if len(part.split()) >= FEWEST_WORDS and translated and part not in translated
            }
        return sentences

    def _read_page(self, order, suffix):
        """Return what a page says, or the document that is made into a PDF."""
        response = self.url_open(self._link(order, suffix))
        self.assertEqual(response.status_code, 200)
        tree = html.fromstring(response.content)
        self.assertEqual(tree.get('lang'), self.customer.lang.replace('_', '-'))
        texts = tree.xpath('//main//text()[not(ancestor::script or ancestor::style)]')
        return ' '.join([*texts, *tree.xpath('//main//@aria-label | //main//@placeholder')])

    def _read_messages(self, records):
        """Return what the mails and text messages about records say, by the template's name."""
        data = self.env['ir.model.data'].search(
            [('module', '=', 'billpro_portal'), ('model', 'in', ('mail.template', 'sms.template'))]
        )
        for reference in data:
            template = self.env[reference.model].browse(reference.res_id)
            record = records[template.model]
            for field in ('subject', 'body_html', 'body'):
                if field in template._fields:
                    written = template._render_field(field, record.ids, compute_lang=True)
                    yield f'{reference.name}.{field}', re.sub(r'<[^>]+>', ' ', written[record.id])

    def test_customers_read_no_english(self):
        to_pay = self._create_order((self.course, 1))
        paid = self._create_paid_order((self.desk, 1))
        refund = self._refund(paid, 21)
        receipt = refund.source_transaction_id
        for order in (to_pay, paid):
            order._portal_ensure_token()
        records = {
            'sale.order': self.order,
            'payment.transaction': receipt,
            'billpro.billing.event': self.order.billing_event_ids[:1],
            'billpro.notification': self.order.billing_notification_ids[:1],
        }
        for language in some(LANGUAGES):
            self._speak(language)
            texts = dict(self._read_messages(records))
            self.assertGreater(len(texts), 30)
            texts |= {
                f'{name}{suffix}': self._read_page(order, suffix)
                for name, order, suffix in (
                    ('declined', self.order, ''),
                    ('declined', self.order, '/cancel'),
                    ('declined', self.order, '/documents'),
                    ('declined', self.order, '/details'),
                    ('to pay', to_pay, ''),
                    ('paid', paid, ''),
                    ('paid', paid, f'/payment/{receipt.id}'),
                    ('paid', paid, '/document/summary'),
                    ('paid', paid, f'/document/receipt/{receipt.id}'),
                )
            }
            sentences = self._get_sentences(language)
            self.assertGreater(len(sentences), 500)
            for name, text in texts.items():
                with self.subTest(name, language=language):
                    text = ' '.join(text.split())
                    self.assertEqual([part for part in sentences if part in text], [])
