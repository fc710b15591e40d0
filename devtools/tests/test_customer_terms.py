import polib
import pytest

from devtools.customer_terms import find_problems, is_for_customers, refresh

PAGE = 'model_terms:ir.ui.view,arch_db:billpro_portal.order_page'
FORM = 'model_terms:ir.ui.view,arch_db:billpro_portal.sale_order_view_form'
SELECTION = 'model:ir.model.fields.selection,name:billpro_portal.selection'


def save(path, *entries):
    """Save a file of translations.

    :param Path path: The file.
    :param entries: A text, its translation and its place for each.
    :return: The file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    catalogue = polib.POFile()
    for text, translated, place in entries:
        catalogue.append(polib.POEntry(msgid=text, msgstr=translated, occurrences=[(place, '')]))
    catalogue.save(str(path))
    return path


def find_in(folder, text, translated, place=PAGE, flags=()):
    """Return what is wrong with the translation of one text."""
    template = save(folder / 'billpro_portal/i18n/billpro_portal.pot', (text, "", place))
    translation = save(folder / 'billpro_portal/i18n/de.po', (text, translated, place))
    catalogue = polib.pofile(str(translation))
    catalogue[0].flags.extend(flags)
    catalogue.save()
    return find_problems(template, translation)


@pytest.mark.parametrize(
    ('place', 'expected'),
    [
        (PAGE, True),
        (FORM, False),
        ('model_terms:ir.ui.view,arch_db:billpro_portal.card_form', True),
        ('model_terms:ir.ui.view,arch_db:billpro_portal.sms_template_preview_form', False),
        ('code:addons/billpro_portal/controllers/checkout.py', True),
        ('code:addons/billpro_portal/models/pages/order_page.py', True),
        ('code:addons/billpro_portal/models/payouts/payout.py', False),
        ('code:addons/billpro_portal/static/src/interactions/checkout.js', True),
        ('model:mail.template,subject:billpro_portal.mail_template_receipt', True),
        ('model:mail.template,name:billpro_portal.mail_template_receipt', False),
        ('model:sms.template,body:billpro_portal.sms_template_order', True),
        (f'{SELECTION}__payment_token__card_state__expired', True),
        (f'{SELECTION}__sale_order__billing_status__active', False),
    ],
)
def test_customers_read_pages_and_messages(place, expected):
    assert is_for_customers('billpro_portal', place) is expected


def test_what_customers_read_must_be_translated(tmp_path):
    assert find_in(tmp_path, "Pay %(amount)s\nnow", "") == [
        "billpro_portal/de.po: customers read it, and it isn't translated: “Pay %(amount)s now”"
    ]


def test_what_staff_read_may_be_missing(tmp_path):
    assert find_in(tmp_path, "Capture", "", FORM) == []


def test_a_text_without_an_entry_is_missing(tmp_path):
    folder = tmp_path / 'billpro_portal/i18n'
    template = save(folder / 'billpro_portal.pot', ("Pay", "", PAGE), ("Capture", "", FORM))
    [problem] = find_problems(template, save(folder / 'de.po'))
    assert problem.endswith("it isn't translated: “Pay”")


def test_a_fuzzy_text_is_found(tmp_path):
    [problem] = find_in(tmp_path, "Pay", "Bezahlen", flags=['fuzzy'])
    assert problem == "billpro_portal/de.po: is fuzzy: “Pay”"


@pytest.mark.parametrize('place', [PAGE, FORM])
@pytest.mark.parametrize(
    ('text', 'translated'),
    [
        ("%(amount)s on %(day)s", "%(amount)s am %(tag)s"),
        ("%s days", "Tage"),
        ("for {{ object.name }}", "für {{ objekt.name }}"),
        ("<b>Now</b>", "Jetzt"),
        ('<a href="/a" title="To">x</a>', '<a href="/b" title="Zu">x</a>'),
    ],
)
def test_lost_parts_are_found(tmp_path, place, text, translated):
    [problem] = find_in(tmp_path, text, translated, place)
    assert problem.startswith("billpro_portal/de.po: its placeholders or tags differ: “")


@pytest.mark.parametrize(
    ('text', 'translated'),
    [
        ("%(amount)s on %(day)s", "Am %(day)s: %(amount)s"),
        ("80% of it", "80 % davon"),
        ('<a href="/a" title="To">x</a>', '<a href="/a" title="Zu">x</a>'),
    ],
)
def test_parts_may_move(tmp_path, text, translated):
    assert find_in(tmp_path, text, translated) == []


def test_a_translation_follows_its_template(tmp_path):
    template = save(tmp_path / 'addon.pot', ("New", "", PAGE), ("Pay", "", FORM))
    translation = save(tmp_path / 'de.po', ("Pay", "Bezahlen", PAGE), ("Old", "Alt", PAGE))
    refresh(template, translation)
    followed = [
        (entry.msgid, entry.msgstr, entry.occurrences) for entry in polib.pofile(str(translation))
    ]
    assert followed == [("New", "", [(PAGE, '')]), ("Pay", "Bezahlen", [(FORM, '')])]
