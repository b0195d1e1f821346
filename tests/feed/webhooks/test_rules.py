"""Which URLs and addresses may be called, and what follows from an answer."""

import ipaddress
from datetime import timedelta

import pytest

from dml.core.errors import DmlError
from dml.feed.webhooks import rules
from dml.feed.webhooks.rules import Target, Verdict, WebhookUrlRefused


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://example.org", Target("https", "example.org", 443, "/")),
        ("https://Example.org./a?b=c", Target("https", "example.org", 443, "/a?b=c")),
        ("https://example.org:8443/", Target("https", "example.org", 8443, "/")),
        ("https://8.8.8.8/x", Target("https", "8.8.8.8", 443, "/x")),
        ("https://[2606:4700::1]/", Target("https", "2606:4700::1", 443, "/")),
        ("https://xn--bcher-kva.example/", Target("https", "xn--bcher-kva.example", 443, "/")),
    ],
)
def test_a_url_is_read_into_what_is_called(url: str, target: Target) -> None:
    assert rules.read_url(url, to_loopback=False) == target


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org",
        "ftp://example.org",
        "example.org",
        "https://",
        "https:///path",
        "https://user@example.org",
        "https://user:secret@example.org",
        "https://example.org@127.0.0.1/",
        "https://example.org/#part",
        "https://example.org/a b",
        "https://example.org\\@127.0.0.1/",
        "https://exämple.org",
        "https://example.org:0",
        "https://example.org:99999",
        "https://example.org:port",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://1.2.3/",
        "https://1.2.3.4.5/",
        "https://example.0x7f/",
        "https://[::1%25eth0]/",
        "https://[fe80::1%eth0]/",
        "https://[127.0.0.1]/",
        "https://[::1",
        "https://-x.org/",
        "https://a\u0000b.org/",
        "https://" + "a." * 200 + "org/",
    ],
)
@pytest.mark.parametrize("to_loopback", [False, True])
def test_a_url_that_may_not_be_called_is_refused(url: str, *, to_loopback: bool) -> None:
    if to_loopback and url == "http://example.org":
        return  # Its addresses decide.
    with pytest.raises(WebhookUrlRefused) as refused:
        rules.read_url(url, to_loopback=to_loopback)
    assert refused.value.facts["why"]


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", "0.1.2.3", "::", "255.255.255.255"),
        *("10.0.0.1", "172.16.0.1", "192.168.1.1", "fd00::1", "fc00::1", "fec0::1"),
        *("169.254.169.254", "fe80::1", "fd00:ec2::254", "100.100.100.200", "168.63.129.16"),
        *("100.64.0.1", "192.0.0.192", "198.18.0.1", "192.88.99.1", "240.0.0.1"),
        *("224.0.0.1", "239.255.255.250", "ff02::1", "ff0e::1"),
        *("::ffff:127.0.0.1", "::ffff:8.8.8.8", "::7f00:1", "::8.8.8.8"),
        *("64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "2002:7f00:1::", "2001::1"),
        *("192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1", "100::1"),
        *("4000::1", "5f00::1"),
    ],
)
def test_no_address_but_a_public_one_may_be_called(address: str) -> None:
    read = ipaddress.ip_address(address)
    assert not rules.may_be_called(read, scheme="https", to_loopback=False)
    at_home = address in ("127.0.0.1", "127.9.9.9", "::1")
    for scheme in ("http", "https"):
        assert rules.may_be_called(read, scheme=scheme, to_loopback=True) == at_home


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:4700::1", "2a00:1450::1"])
def test_a_public_address_may_be_called_by_https_alone(address: str) -> None:
    read = ipaddress.ip_address(address)
    assert rules.may_be_called(read, scheme="https", to_loopback=False)
    assert not rules.may_be_called(read, scheme="http", to_loopback=True)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_a_2xx_is_taken_whenever_it_comes(status: int) -> None:
    assert rules.judge(status, 1) is rules.judge(status, 99) is Verdict.TAKEN


@pytest.mark.parametrize("status", [None, 100, 301, 302, 307, 400, 401, 404, 429, 500, 503])
def test_all_else_is_tried_again_ten_times(status: int | None) -> None:
    verdicts = [rules.judge(status, it) for it in range(1, 12)]
    assert verdicts == [Verdict.AGAIN] * 10 + [Verdict.DISABLE]


def test_410_is_never_tried_again() -> None:
    assert rules.judge(410, 1) is Verdict.DISABLE


def test_attempts_take_three_days_and_spread() -> None:
    whole = sum((rules.delay_after(it, 0.5) for it in range(1, 11)), timedelta())
    assert timedelta(days=2, hours=20) < whole < timedelta(days=3, hours=4)
    assert rules.delay_after(5, 0.0) == timedelta(hours=2) * 0.8
    assert rules.delay_after(5, 1.0) == timedelta(hours=2) * 1.2


def test_a_limit_says_how_many() -> None:
    rules.require_few(19)
    with pytest.raises(DmlError, match="as many webhooks"):
        rules.require_few(20)
    rules.require_few_waiting(9_999)
    with pytest.raises(rules.TooManyWaiting):
        rules.require_few_waiting(10_000)
