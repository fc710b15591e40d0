{
    'name': "Order Portal: Fake Gateway",
    'summary': "Points Stripe payments to the development gateway; for development databases only",
    'category': 'Hidden/Tools',
    'version': '19.0.1.0.0',
    'author': "BillPro Portal contributors",
    'license': 'LGPL-3',
    'depends': ['billpro_portal', 'payment_stripe'],
    'data': ['views/payment_stripe_templates.xml'],
    'installable': True,
}
