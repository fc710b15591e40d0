{
    'name': "BillPro Order Portal: Online Shop",
    'summary': "Subscriptions, instalments and metered products sold in the shop by their terms",
    'version': '19.0.0.1.0',
    'category': 'Website/Website',
    'author': "BillPro Portal contributors",
    'website': "https://github.com/billpro-portal/billpro_portal",
    'license': 'LGPL-3',
    'auto_install': True,
    'depends': ['billpro_portal', 'website_sale'],
    'data': ['views/shop_templates.xml'],
    'assets': {
        'web.assets_tests': ['billpro_portal_website_sale/static/tests/tours/*.js'],
    },
}
