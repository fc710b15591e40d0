"""Billing decisions in plain Python: no database, no Odoo import."""
