{
    'name': "Order Portal: Other Providers",
    'summary': "Tests of what is said of Odoo's other providers; for test databases only",
    'category': 'Hidden/Tools',
    'version': '19.0.1.0.0',
    'author': "BillPro Portal contributors",
    'license': 'LGPL-3',
    'depends': [
        'billpro_portal',
        'payment_adyen',
        'payment_authorize',
        'payment_flutterwave',
        'payment_mercado_pago',
        'payment_razorpay',
        'payment_worldline',
        'payment_xendit',
    ],
    'installable': True,
}
