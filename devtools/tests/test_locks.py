import pytest

from devtools import locks


def test_finished_build_counts_for_its_key_only(tmp_path):
    directory = tmp_path / 'built'
    with locks.build(directory, ['a', 1]):
        (directory / 'content').write_text('x')
    assert locks.is_finished(directory, ['a', 1])
    assert not locks.is_finished(directory, ['a', 2])
    assert (directory / 'content').exists()


def test_interrupted_build_starts_over(tmp_path):
    directory = tmp_path / 'built'
    with pytest.raises(KeyboardInterrupt), locks.build(directory, 'key'):
        (directory / 'half').write_text('x')
        raise KeyboardInterrupt
    assert not locks.is_finished(directory, 'key')
    with locks.build(directory, 'key'):
        assert not (directory / 'half').exists()
    assert locks.is_finished(directory, 'key')
