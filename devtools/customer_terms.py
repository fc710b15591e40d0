"""Translations of what customers read: complete, and with the placeholders of the English text.

Run as a program, it needs no more than polib: `check` prints what is wrong with translations, and
`refresh` has them follow their addon's template.
"""

import re
import sys
from collections import Counter
from fnmatch import fnmatch
from pathlib import Path

import polib

# Files of an addon whose texts customers read. One that speaks to staff as well counts whole: what
# it says moves from one to the other without a new text.
CODE = {
    'billpro_portal': (
        'controllers/*',
        'models/accounting/account_move.py',
        'models/accounting/payment_transaction.py',
        'models/cancellation/sale_order.py',
        'models/capture/sale_order.py',
        'models/cards/payment_token.py',
        'models/cards/sale_order.py',
        'models/changes/*',
        'models/charging/sale_order.py',
        'models/checkout/purchase_type.py',
        'models/checkout/sale_order.py',
        'models/declarations/*',
        'models/law/*',
        'models/lifecycle/billing_event.py',
        'models/lifecycle/purchase_type.py',
        'models/notices/sale_order.py',
        'models/notices/sale_order_line.py',
        'models/orders/sale_order.py',
        'models/pages/*',
        'models/purchase/*',
        'models/recovery/*',
        'models/schedule/*',
        'models/usage/billing_event.py',
        'models/usage/sale_order.py',
        'models/usage/sale_order_line.py',
        'models/usage/usage_charge.py',
        'models/usage/usage_line.py',
        'models/usage/usage_period.py',
        'static/src/*',
    ),
    'billpro_portal_website_sale': ('controllers/*', 'models/*'),
}
# Fields of records, and single records of them.
RECORDS = (
    'billpro.cancel.reason,name:*',
    'ir.actions.report,print_report_name:*',
    'ir.model.fields.selection,name:*.selection__payment_token__card_state__*',
    'mail.template,body_html:*',
    'mail.template,subject:*',
    'sms.template,body:*',
)
# All other views are templates of pages, mails and PDFs.
STAFF_VIEWS = ('*_view_*', '*.sms_template_preview_form')

# What Python, Odoo's templates and mails put in.
PLACEHOLDER = re.compile(r'%\(\w+\)[sd]|%[sd%]|\{\{.*?\}\}', re.DOTALL)
TAG = re.compile(r'</?\w[^<>]*>')
# A text with a form for each plural, as `models/lifecycle/plurals.py` takes it apart.
PLURAL = re.compile(r'one: .* \| other: ', re.DOTALL)
PLURALS = frozenset({'zero', 'one', 'two', 'few', 'many', 'other'})
DIFFERENT = "its placeholders or tags differ"
# Attributes of tags that are texts themselves.
TEXT_ATTRIBUTE = re.compile(r'\b(alt|aria-label|placeholder|title)="[^"]*"')


def is_for_customers(addon: str, occurrence: str) -> bool:
    """Tell whether customers read a text where it occurs.

    :param addon: The name of the addon.
    :param occurrence: The place, as a template of translations notes it.
    """
    kind, _, place = occurrence.partition(':')
    if kind == 'code':
        path = place.removeprefix(f'addons/{addon}/')
        return any(fnmatch(path, pattern) for pattern in CODE.get(addon, ()))
    if place.startswith('ir.ui.view,'):
        return not any(fnmatch(place, pattern) for pattern in STAFF_VIEWS)
    return any(fnmatch(place, pattern) for pattern in RECORDS)


def find_problems(template: Path, translation: Path) -> list[str]:
    """Return what is missing or wrong in a translation.

    Texts for staff may be missing: they are read in English then.

    :param template: The template of the addon.
    :param translation: The translation.
    :return: A line for each text.
    """
    translated = {entry.msgid: entry for entry in polib.pofile(str(translation))}
    problems = []
    for entry in polib.pofile(str(template)):
        own = translated.get(entry.msgid)
        problem = ""
        if own is None or not own.msgstr:
            if any(is_for_customers(template.stem, place) for place, _line in entry.occurrences):
                problem = "customers read it, and it isn't translated"
        elif own.fuzzy:
            problem = "is fuzzy"
        elif PLURAL.match(entry.msgid):
            problem = _find_plural_problem(entry.msgid, own.msgstr)
        elif _find_parts(own.msgstr) != _find_parts(entry.msgid):
            problem = DIFFERENT
        if problem:
            problems.append(
                f"{template.parent.parent.name}/{translation.name}: {problem}: "
                f"“{' '.join(entry.msgid.split())}”"
            )
    return problems


def _find_plural_problem(text: str, translated: str) -> str:
    """Return what is wrong with the forms of a text for each plural.

    A form may say "once" instead of the number, and a language may have more forms than English.

    :param text: The text.
    :param translated: Its translation.
    """
    forms = dict(form.partition(': ')[::2] for form in translated.split(' | '))
    if not {'other'} <= forms.keys() <= PLURALS:
        return "has not the forms of plurals that it should"
    parts = set(_find_parts(text))
    if set(_find_parts(forms['other'])) != parts:
        return DIFFERENT
    return "" if set(_find_parts(translated)) <= parts else DIFFERENT


def _find_parts(text: str) -> Counter[str]:
    """Return what a text and its translation have in common.

    :param text: The text.
    """
    tags = [TEXT_ATTRIBUTE.sub(r'\1', tag) for tag in TAG.findall(text)]
    return Counter([*PLACEHOLDER.findall(TAG.sub('', text)), *tags])


def refresh(template: Path, translation: Path) -> None:
    """Have a translation follow its template: its texts, their order and their places.

    :param template: The template of the addon.
    :param translation: The translation, which keeps what it translates.
    """
    old = polib.pofile(str(translation))
    translated = {entry.msgid: entry for entry in old}
    new = polib.POFile()
    new.header, new.metadata = old.header, old.metadata
    for entry in polib.pofile(str(template)):
        if own := translated.get(entry.msgid):
            entry.msgstr, entry.flags = own.msgstr, own.flags
        new.append(entry)
    new.save(str(translation))


def main(command: str, *templates: str) -> None:
    """Do what is asked for with all translations of some templates.

    :param command: `check` or `refresh`.
    :param templates: The files of the templates.
    """
    for template in map(Path, templates):
        for translation in sorted(template.parent.glob('*.po')):
            if command == 'refresh':
                refresh(template, translation)
            else:
                print("\n".join(find_problems(template, translation)))


if __name__ == '__main__':
    main(*sys.argv[1:])
