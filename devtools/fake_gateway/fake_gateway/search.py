"""Stripe's search query language (Stripe documentation, "Search").

A new object is found only after `search_delay` seconds, as at Stripe, where it takes up to a
minute.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from fake_gateway import listing, rendering
from fake_gateway.errors import InvalidRequest
from fake_gateway.parameters import EXPAND, Fields, Integer, Text
from fake_gateway.records import Record, Values
from fake_gateway.store import Session

FIELDS: Fields = {
    'query': Text(required=True),
    'limit': Integer(least=1, most=100),
    'page': Text(),
    **EXPAND,
}
CLAUSE = re.compile(
    r"""(?P<negated>-)?
    (?P<field>\w+)
    (?:\[(?P<quote>["'])(?P<key>.+?)(?P=quote)\])?
    (?P<operator>:|>=|<=|>|<|=)
    (?:(?P<mark>["'])(?P<text>(?:\\.|(?!(?P=mark))[^\\])*)(?P=mark)|(?P<number>\d+)|(?P<null>null))""",
    re.VERBOSE,
)
# `any` or `all`.
Combine = Callable[[Iterable[bool]], bool]
SEARCHABLE = {'amount', 'created', 'currency', 'customer', 'metadata', 'status'}


def page(session: Session, kind: str, url: str, values: Values) -> Record:
    """Return a page of a search.

    :param Session session: What is known.
    :param str kind: The kind of objects.
    :param str url: Where the search is.
    :param dict values: The parameters `query`, `limit` and `page`.
    :return: A search result object.
    :rtype: dict
    """
    clauses, combine = _parse(values['query'])
    newest = session.now - session.store.settings.search_delay
    found = [
        record
        for record in session.all(kind)
        if record['created'] <= newest and combine(_holds(clause, record) for clause in clauses)
    ]
    start = int(values.get('page') or 0)
    end = start + (values.get('limit') or listing.LIMIT)
    version = session.caller.version
    return {
        'object': 'search_result',
        'url': url,
        'data': [rendering.render(session, record, version) for record in found[start:end]],
        'has_more': end < len(found),
        'next_page': str(end) if end < len(found) else None,
    }


def _parse(query: str) -> tuple[list[re.Match[str]], Combine]:
    """Return the clauses of a query, and how they are combined."""
    clauses: list[re.Match[str]] = []
    words: set[str] = set()
    position = 0
    for match in CLAUSE.finditer(query):
        words.add(query[position : match.start()].strip().upper())
        clauses.append(match)
        position = match.end()
    words.discard('')
    right = clauses and not query[position:].strip() and words <= {'AND', 'OR'} and len(words) < 2
    if not right or any(clause['field'] not in SEARCHABLE for clause in clauses):
        raise InvalidRequest(
            "We were unable to parse your search query. Try using the format"
            ' `metadata["key"]:"value"` to query for metadata or key:"value" to query for other'
            " fields.",
            param='query',
        )
    return clauses, any if words == {'OR'} else all


def _holds(clause: re.Match[str], record: Record) -> bool:
    """Return whether a clause is true for an object."""
    value = record.get(clause['field'])
    if clause['key']:
        value = (value or {}).get(clause['key'])
    if clause['null']:
        holds = value is None
    elif clause['operator'] in {':', '='}:
        text = clause['text'] and re.sub(r'\\(.)', r'\1', clause['text'])
        wanted = text if clause['number'] is None else clause['number']
        holds = value is not None and str(value).lower() == wanted.lower()
    else:
        name = {'>': 'gt', '>=': 'gte', '<': 'lt', '<=': 'lte'}[clause['operator']]
        holds = value is not None and listing.COMPARISONS[name](value, int(clause['number']))
    return holds != bool(clause['negated'])
