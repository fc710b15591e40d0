import pytest

from devtools import lint


@pytest.mark.parametrize(
    ('line', 'is_foreign'),
    [
        # In two parts, as the check reads this file, too.
        ("--index-url https:" + "//registry.invalid/simple", True),
        ("deb http:" + "//mirror.invalid/debian sid main", True),
        ("address = f'http://{HOST}:{port}'", False),
        ("curl http://127.0.0.1:8069/web", False),
        ("website = https://aurora.example.com", False),
    ],
)
def test_hosts_to_fetch_from_are_found(line, is_foreign):
    assert bool(lint.FOREIGN_ADDRESS.search(line)) == is_foreign
