"""The company of the tests: made by one function, found by the test classes.

It is made once in a database that is kept for tests, or else in the transaction of each class.
"""

import json
from unittest.mock import patch

from passlib.context import CryptContext

from odoo import SUPERUSER_ID, Command
from odoo.models import BaseModel
from odoo.tests import TransactionCase, new_test_user

from odoo.addons.account_payment.tests.common import AccountPaymentCommon
from odoo.addons.base.models.res_users import ResUsersPatchedInTest
from odoo.addons.base.tests.common import BaseCommon

# The module in the external ids of what belongs to the company. Their names are those of the
# attributes of the test classes: `desk`, `company_data.default_tax_sale`.
MODULE = 'billpro_portal_tests'
# The system parameter that tells what attributes there are.
ATTRIBUTES = f'{MODULE}.attributes'
# For users of the tests: to write the mail that invites one takes longer than to make one. Whoever
# makes the company outside of a test must not send it.
NOT_INVITED = {'no_reset_password': True}
QUICK_HASHES = CryptContext(['pbkdf2_sha512', 'plaintext'], pbkdf2_sha512__rounds=1)


def make(env):
    """Make the company with all that the test classes find in it; committing is for the caller.

    :param odoo.api.Environment env: An environment of the database, which has no such company.
    """
    maker = type('Maker', (_Maker,), {'env': env(user=SUPERUSER_ID, context={}, su=True)})
    inherited = set(vars(maker))
    # As in any test, passwords are not worth seconds of hashing.
    with patch.object(ResUsersPatchedInTest, '_crypt_context', lambda _users: QUICK_HASHES):
        maker.setUpClass()
    _remember(
        maker.env,
        {name: value for name, value in vars(maker).items() if name not in inherited},
    )
    maker.env.flush_all()


def _remember(env, attributes):
    """Keep the attributes of a class: records by external ids, other values as they are.

    :param odoo.api.Environment env: The superuser's environment.
    :param dict attributes: Recordsets, dictionaries of them, and other values by name.
    """
    sets, values = {}, {}
    for name, value in attributes.items():
        if isinstance(value, BaseModel):
            sets[name] = value
        elif isinstance(value, dict):
            sets.update({f'{name}.{key}': records for key, records in value.items()})
        else:
            values[name] = value
    env['ir.model.data'].create(
        [
            {
                'module': MODULE,
                'name': _get_id(name, index),
                'model': records._name,
                'res_id': record.id,
                'noupdate': True,
            }
            for name, records in sets.items()
            for index, record in enumerate(records)
        ]
    )
    sizes = {name: [records._name, len(records)] for name, records in sets.items()}
    env['ir.config_parameter'].set_param(ATTRIBUTES, json.dumps([sizes, values]))


def _find(env):
    """Return the attributes of the test classes, none if the company was not made.

    :param odoo.api.Environment env: The superuser's environment.
    :rtype: dict
    """
    kept = env['ir.config_parameter'].get_param(ATTRIBUTES)
    if not kept:
        return {}
    sizes, attributes = json.loads(kept)
    rows = env['ir.model.data'].search_read([('module', '=', MODULE)], ['name', 'res_id'])
    ids = {row['name']: row['res_id'] for row in rows}
    for name, (model, size) in sizes.items():
        records = env[model].browse([ids[_get_id(name, index)] for index in range(size)])
        attribute, _dot, key = name.partition('.')
        if key:
            attributes.setdefault(attribute, {})[key] = records
        else:
            attributes[attribute] = records
    return attributes


def _get_id(name, index):
    """Return the name in the external id of a record.

    :param str name: The attribute that has the record.
    :param int index: Its place among those of the attribute.
    :rtype: str
    """
    return f'{name}.{index}' if index else name


class CompanyCommon(AccountPaymentCommon):
    """A company with accounting, the Demo provider, products, customers and staff."""

    @classmethod
    def setUpClass(cls):
        """Override of `AccountPaymentCommon`: what it makes is found in the company, too."""
        super(BaseCommon, cls).setUpClass()
        attributes = _find(cls.env)
        if not attributes:
            make(cls.env)
            attributes = _find(cls.env)
        company = attributes['company']
        # Rights are tested with users of their own. Odoo would tell the salesperson by mail of each
        # order and invoice, which is Odoo's affair and takes a twentieth of the time.
        cls.env = cls.env(
            context={
                'allowed_company_ids': company.ids,
                'mail_auto_subscribe_no_notify': True,
            }
        )
        for name, value in attributes.items():
            setattr(cls, name, _with_env(value, cls.env))

    @classmethod
    def _create_demo_provider(cls, company):
        """Return a published Demo provider of a company, with a journal of its own."""
        provider = cls.env.ref('payment.payment_provider_demo').copy({'company_id': company.id})
        provider.write({'state': 'test', 'is_published': True, 'allow_tokenization': True})
        cls.env['payment.provider'].search(
            [('company_id', '=', company.id), ('id', '!=', provider.id)]
        ).write({'state': 'disabled', 'is_published': False})
        return provider

    @classmethod
    def _create_vat(cls, name, percent):
        return cls.env['account.tax'].create(
            {
                'name': name,
                'amount': percent,
                'type_tax_use': 'sale',
                'company_id': cls.company.id,
                'price_include_override': 'tax_excluded',
                'tax_group_id': cls.env['account.tax.group']
                .create({'name': name, 'company_id': cls.company.id})
                .id,
            }
        )

    @classmethod
    def _create_sold_product(cls, name, price, taxes, purchase_type='single'):
        return cls.env['product.product'].create(
            {
                'name': name,
                'list_price': price,
                'taxes_id': [Command.set(taxes.ids)],
                'purchase_type': purchase_type,
                'company_id': cls.company.id,
            }
        )


def _with_env(value, env):
    """Return what an attribute is in another environment."""
    if isinstance(value, dict):
        return {key: _with_env(each, env) for key, each in value.items()}
    return value.with_env(env) if isinstance(value, BaseModel) else value


class _GivenEnvironment(TransactionCase):
    """The beginning of a class that works in somebody else's transaction."""

    @classmethod
    def setUpClass(cls):  # pylint: disable=method-required-super
        """Override of `TransactionCase`: what it opens and patches is for the caller."""


class _Maker(CompanyCommon, _GivenEnvironment):
    """What makes the company: it has the attributes that the test classes find."""

    @classmethod
    def setUpClass(cls):
        """Override of `CompanyCommon`: make what Odoo's classes make, and what ours need."""
        super(CompanyCommon, cls).setUpClass()
        cls.company = cls.env.company
        # Rights are tested with users of their own.
        cls.env = cls.env(
            user=SUPERUSER_ID, context={'allowed_company_ids': cls.company.ids}, su=True
        )
        cls.company = cls.company.with_env(cls.env)
        cls.company.write(
            {
                'name': "Aurora Studio",
                'street': "1 Rue Royale",
                'city': "Brussels",
                'zip': "1000",
                'country_id': cls.env.ref('base.be').id,
                'vat': 'BE0477472701',
                'company_details': "<p>Aurora Studio<br/>BE0477472701</p>",
                'email': 'hello@aurora.example.com',
                'billing_credit_statement': "A bank does, as lender.",
                'billing_terms_url': 'https://aurora.example.com/terms',
                'billing_privacy_url': 'https://aurora.example.com/privacy',
            }
        )
        cls.company.partner_id.lang = 'en_US'
        cls.provider = cls._create_demo_provider(cls.company)
        cls.payment_method = cls.provider.payment_method_ids
        cls.tax_21 = cls._create_vat("VAT 21%", 21)
        cls.tax_6 = cls._create_vat("VAT 6%", 6)
        cls.tax_12 = cls._create_vat("VAT 12%", 12)
        cls.customer = cls.env['res.partner'].create(
            {
                'name': "Anna Peeters",
                'email': 'anna.peeters@customer.example.com',
                'phone': '0470 12 34 56',
                'street': "12 Linden Street",
                'city': "Ghent",
                'zip': "9000",
                'country_id': cls.env.ref('base.be').id,
                'lang': 'en_US',
            }
        )
        cls.other_customer = cls.env['res.partner'].create(
            {'name': "Bart Claes", 'email': 'bart.claes@customer.example.com'}
        )
        cls.desk = cls._create_sold_product("Standing desk", 100.0, cls.tax_21)
        cls.book = cls._create_sold_product("Handbook", 33.33, cls.tax_6)
        cls.meal = cls._create_sold_product("Lunch", 12.34, cls.tax_12)
        cls.gym = cls._create_sold_product("Gym membership", 20.0, cls.tax_21, 'subscription')
        cls.fee = cls._create_sold_product("Sign-up fee", 10.0, cls.tax_21)
        staff_env = cls.env(context={**cls.env.context, **NOT_INVITED})
        cls.salesperson = new_test_user(
            staff_env,
            login='salesperson',
            groups='sales_team.group_sale_salesman_all_leads',
            company_id=cls.company.id,
        )
        cls.billing_manager = new_test_user(
            staff_env,
            login='billing_manager',
            groups='billpro_portal.group_billing_manager,sales_team.group_sale_salesman_all_leads',
            company_id=cls.company.id,
        )
