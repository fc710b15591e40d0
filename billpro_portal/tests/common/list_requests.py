"""What the web client asks the server for when it opens a list or a report: inside Odoo."""

from __future__ import annotations

from itertools import product
from typing import Any

from lxml import etree

from odoo import fields
from odoo.api import Environment
from odoo.fields import Domain
from odoo.tools.safe_eval import safe_eval

# The actions of the back office by what their views show.
LISTS = {
    'action_billing_orders': ('list', 'kanban'),
    'action_pending_orders': ('list',),
    'action_billpro_billing_event': ('list', 'calendar'),
    'action_billpro_billing_exception': ('list',),
    'action_billpro_card_expiry': ('list',),
    'action_billpro_billing_run': ('list',),
    'action_billpro_notification': ('list',),
}
REPORTS = {
    f'action_billpro_{name}_report': ('list', 'pivot', 'graph')
    for name in ('attempt', 'cash', 'collection', 'deferral', 'mrr', 'recovery')
}
# What the client shows at once, and how far it counts.
PAGE, COUNT_LIMIT = 80, 10001


class ViewRequest:
    """The request for the data of a view, as the web client makes it with the default filters."""

    def __init__(self, env: Environment, action_name: str, mode: str) -> None:
        """Read the action and its views.

        :param odoo.api.Environment env: The environment of the user who opens it.
        :param str action_name: The action's external identifier without the module.
        :param str mode: `list`, `kanban`, `calendar`, `pivot` or `graph`.
        """
        action = env.ref(f'billpro_portal.{action_name}').sudo()
        self.mode = mode
        self.model = env[action.res_model]
        view_id = next((view_id for view_id, kind in action.views if kind == mode), False)
        search_view_id = action.search_view_id.id
        views = self.model.get_views([(view_id, mode), (search_view_id, 'search')])['views']
        self.arch = etree.fromstring(views[mode]['arch'])
        self.groupby: list[str] = []
        self.domain = Domain(safe_eval(action.domain or '[]', {'uid': env.uid}))
        self._apply_default_filters(
            etree.fromstring(views['search']['arch']), safe_eval(action.context or '{}')
        )
        if not self.groupby and (default := self.arch.get('default_group_by')):
            self.groupby = default.split(',')

    def _apply_default_filters(self, search: etree._Element, context: dict[str, Any]) -> None:
        """Filter and group by what the action chooses.

        :param etree._Element search: The search view.
        :param dict context: The action's context.
        """
        chosen = Domain.FALSE
        for key in context:
            if not key.startswith('search_default_'):
                continue
            node = search.find(f'.//filter[@name="{key.removeprefix("search_default_")}"]')
            if node.get('context'):
                self.groupby.append(safe_eval(node.get('context'))['group_by'])
            elif node.get('domain'):
                chosen |= Domain(safe_eval(node.get('domain')))
        if not chosen.is_false():
            self.domain &= chosen

    def send(self) -> Any:
        """Ask for the data.

        :return: What the server answers.
        :rtype: dict|list
        """
        return getattr(self, f'_send_{self.mode}')()

    def _get_specification(self) -> dict[str, dict[str, Any]]:
        """Return what is read of each record."""
        specification: dict[str, dict[str, Any]] = {}
        for node in self.arch.iter('field'):
            field = self.model._fields[node.get('name')]
            specification[field.name] = {'fields': {'display_name': {}}} if field.relational else {}
        return specification

    def _send_list(self, auto_unfold: bool = False) -> Any:
        order = self.arch.get('default_order') or None
        specification = self._get_specification()
        if not self.groupby:
            return self.model.web_search_read(
                list(self.domain),
                specification,
                limit=PAGE,
                order=order,
                count_limit=COUNT_LIMIT,
            )
        sums = [
            f'{name}:sum'
            for name in specification
            if self.model._fields[name].store and self.model._fields[name].type == 'monetary'
        ]
        return self.model.with_context(read_group_expand=True).web_read_group(
            list(self.domain),
            self.groupby,
            sums,
            limit=PAGE,
            auto_unfold=auto_unfold,
            unfold_read_specification=specification,
            unfold_read_default_limit=int(self.arch.get('limit', PAGE)),
        )

    def _send_kanban(self) -> Any:
        return self._send_list(auto_unfold=True)

    def _send_calendar(self) -> Any:
        date = self.arch.get('date_start')
        today = fields.Date.today()
        month = Domain(date, '>=', fields.Date.start_of(today, 'month'))
        month &= Domain(date, '<=', fields.Date.end_of(today, 'month'))
        return self.model.web_search_read(
            list(self.domain & month), self._get_specification() | {date: {}}
        )

    def _get_measures(self) -> list[str]:
        """Return the aggregates of the measures."""
        return [
            f'{name}:{self.model._fields[name].aggregator}'
            for name in self.arch.xpath('//field[@type="measure"]/@name')
        ]

    def _get_groupbys(self, *kinds: str) -> list[str]:
        """Return what is grouped by, with intervals.

        :param kinds: The types of fields in the view; without, all but measures.
        """
        return [
            ':'.join(filter(None, (node.get('name'), node.get('interval'))))
            for node in self.arch.iter('field')
            if (node.get('type') in kinds if kinds else node.get('type') != 'measure')
        ]

    def _send_pivot(self) -> Any:
        rows, columns = self._get_groupbys('row'), self._get_groupbys('col')
        grouping_sets = [
            rows[:row_count] + columns[:column_count]
            for row_count, column_count in product(range(len(rows) + 1), range(len(columns) + 1))
        ]
        return self.model.formatted_read_grouping_sets(
            list(self.domain), grouping_sets, ['__count', *self._get_measures()]
        )

    def _send_graph(self) -> Any:
        return self.model.formatted_read_group(
            list(self.domain), self._get_groupbys(), ['__count', *self._get_measures()]
        )
