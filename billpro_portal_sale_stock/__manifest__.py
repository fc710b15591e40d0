{
    'name': "BillPro Order Portal: Goods",
    'summary': "Subscriptions deliver each period what it charges",
    'version': '19.0.0.1.0',
    'category': 'Sales/Sales',
    'author': "BillPro Portal contributors",
    'website': "https://github.com/billpro-portal/billpro_portal",
    'license': 'LGPL-3',
    'depends': ['billpro_portal', 'sale_stock'],
    'auto_install': True,
    'data': ['data/ir_cron_data.xml', 'views/billing_event_views.xml'],
}
