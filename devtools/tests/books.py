"""What `odoo_orders` has sold."""


def check_what_was_sold(books):
    """Every purchase type, a decline and a refund are among it."""
    assert [row[1] for row in books['sale.order']].count('sale') == 14
    assert {row[1] for row in books['payment.transaction']} == {'done', 'error', 'cancel'}
    assert {row[3] for row in books['payment.transaction']} >= {'online_direct', 'refund'}
    assert [row[2] for row in books['account.move'] if 'INV' in str(row[0])] == ['paid'] * 16


def added(before, after):
    """Return the rows that were added, where all others are as before."""
    for model, rows in before.items():
        assert after[model][: len(rows)] == rows, model
    return {model: rows[len(before[model]) :] for model, rows in after.items()}
