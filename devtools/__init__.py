"""The working environment behind `./dev`: Odoo, PostgreSQL, databases, tests and checks.

Only the standard library is imported here, so that it runs on a machine that has nothing else.
"""
