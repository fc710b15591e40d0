"""Texts with a number, right in languages that have more than two forms of them."""

from odoo.tools.misc import babel_locale_parse, get_lang


def choose_plural(env, text, count):
    """Return the form of a text that goes with a number in the reader's language.

    A text has a form for each plural of English, as Unicode's CLDR calls them, and its translation
    those of its language: Polish ``one``, ``few``, ``many`` and ``other``, Arabic six::

        "one: every month | other: every %(count)s months"

    What is put in besides numbers and amounts could have a bar itself, and doesn't belong there.

    :param odoo.api.Environment env: The environment of the reader.
    :param str text: The translated text, with the number put in.
    :param int count: The number.
    :rtype: str
    """
    forms = dict(form.split(': ', 1) for form in text.split(' | '))
    plural = babel_locale_parse(get_lang(env).code).plural_form(count)
    return forms.get(plural, forms['other'])
