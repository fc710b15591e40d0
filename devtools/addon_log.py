"""What a server's log says of the addon, and of those that go with it."""

import re

from devtools import paths

LINE = re.compile(
    r"[\d-]+ [\d:,]+ \d+ (?P<level>[A-Z]+) \S+ (?P<logger>[\w.]+): (?P<message>.*?) *$"
)
# How Odoo's own runner logs a test that did not pass.
TEST_OUTCOME = re.compile(r"(FAIL|ERROR|skipped):? (?:Subtest )?(\w+\.\w+)")


def warnings(text: str) -> list[str]:
    """Return the warnings and errors that the addon logged, or one that goes with it.

    :param text: A server's log.
    """
    loggers = tuple(f'odoo.addons.{addon.name}.' for addon in paths.addons())
    found = []
    for line in text.splitlines():
        match = LINE.match(line)
        if (
            match
            and match['level'] in {'WARNING', 'ERROR', 'CRITICAL'}
            and (match['logger'] + '.').startswith(loggers)
            and not TEST_OUTCOME.match(match['message'])
        ):
            found.append(f"Logged by the addon, {match['level']}: {match['message']}")
    return found
