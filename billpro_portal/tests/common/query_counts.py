"""How many records tell whether what is done with them costs a query for each."""

# Odoo reads a thousand records at once.
MANY = 1000
