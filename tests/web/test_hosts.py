import socket

import pytest

from paddle_eye.web.hosts import is_own


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8501", "127.0.0.1:8501", "192.168.1.7", "[::1]:8501", "::1", socket.gethostname()]
)
def test_addresses_and_the_machine_s_own_name_are_its_own(host):
    assert is_own(host)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8501", "127.0.0.1.evil.example", "localhost.evil", "", "[evil]"]
)
def test_another_s_name_is_not(host):
    assert not is_own(host)


def test_a_name_that_was_said_to_be_right_is():
    assert is_own("Eyes.example:443", ["eyes.example"])
    assert not is_own("other.example", ["eyes.example"])
