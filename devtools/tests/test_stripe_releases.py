from devtools import stripe_releases


def test_the_oldest_release_is_that_of_the_manifest():
    """Who raises the one raises the other."""
    assert f'stripe=={stripe_releases.oldest()} ' in stripe_releases.LOCK.read_text()
