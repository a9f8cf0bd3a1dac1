"""Addresses in content: every spelling is found, nothing else is changed, and PHP reads what comes out."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any
from urllib.parse import quote

import phpserialize
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegir_components.rewriting.addresses import Rewriter, move
from aegir_components.rewriting.serialised import rewrite

OLD, NEW = "https://www.example.com", "http://copy.example.org"


def rewriter(old: str = OLD, new: str = NEW, *more: str) -> Rewriter:
    return Rewriter(made for former in (old, *more) if (made := move(former, new)) is not None)


R = rewriter()


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("https://www.example.com/a?b#c", "http://copy.example.org/a?b#c"),
        ("HTTP://WWW.Example.com", "http://copy.example.org"),
        (r'{"url":"https:\/\/www.example.com\/a"}', r'{"url":"http:\/\/copy.example.org\/a"}'),
        (r"http:\\\/\\\/www.example.com\\\/a", r"http:\\\/\\\/copy.example.org\\\/a"),
        ("u=https%3A%2F%2Fwww.example.com%2Fa", "u=http%3A%2F%2Fcopy.example.org%2Fa"),
        ("u=http%253a%252f%252fwww.example.com%252fa", "u=http%253a%252f%252fcopy.example.org%252fa"),
        ("https&#58;&#47;&#x2F;www.example.com", "http&#58;&#47;&#x2F;copy.example.org"),
        (r"<a href=\u0022https:\u002f\u002fwww.example.com\u0022", r"<a href=\u0022http:\u002f\u002fcopy.example.org\u0022"),
        ("src=//www.example.com/a.js", "src=//copy.example.org/a.js"),
        ("wss://www.example.com", "ws://copy.example.org"),
        ("https://www.example.com:443/a http://www.example.com:80", "http://copy.example.org/a http://copy.example.org"),
        ("Visit www.example.com. It is", "Visit copy.example.org. It is"),
        ("\u201cwww.example.com\u201d", "\u201ccopy.example.org\u201d"),
        (r"\u201cwww.example.com\u201d", r"\u201ccopy.example.org\u201d"),
        ("a\\nwww.example.com: x", "a\\ncopy.example.org: x"),
        ("&quot;www.example.com&quot;", "&quot;copy.example.org&quot;"),
        ("q=%22www.example.com%22", "q=%22copy.example.org%22"),
        ("www.example.com", "copy.example.org"),
    ],
)  # fmt: skip
def test_an_address_is_replaced_in_its_spelling(text: str, becomes: str) -> None:
    assert becomes == R.text(text.encode()).decode()
    assert becomes == R.text(becomes.encode()).decode(), "once is enough"


@pytest.mark.parametrize(
    "text",
    [
        "info@www.example.com", "info%40www.example.com", "info&#64;www.example.com", "info&#x40;www.example.com",
        "www.example.com.evil.org", "https://www.example.com.evil.org/", "www.example.com%2Eevil.org",
        "notwww.example.com", "not-www.example.com", "shop.www.example.com", "\u00fcwww.example.com",
        "http://www.example.com-x.org", "www.example.company", "www.example.com_x", "https://www.example.com\u00fc",
        "http://www.example.com:8080/", "https://www.example.com:80", "ftp://www.example.com/", "ssh:\\/\\/www.example.com",
        "https://www.example.com@evil.org/", "https://www.example.com:x@evil.org/", "http://u@www.example.com/",
        "/srv/www.example.com/x", "sites/www.example.com/files", "https://example.com", "example.com", "wwwXexample.com",
    ],
)  # fmt: skip
def test_what_only_looks_like_an_address_stays(text: str) -> None:
    assert text == R.text(text.encode()).decode()


def test_a_former_directory_is_part_of_the_address() -> None:
    blog = rewriter("https://old.example.com/blog", "https://new.example.org:8443", "https://old.example.com/blog/wp")
    for text, becomes in {
        "http://old.example.com/blog/wp/x": "https://new.example.org:8443/x",
        r"https:\/\/old.example.com\/blog\/x": r"https:\/\/new.example.org:8443\/x",
        "https%3A%2F%2Fold.example.com%2Fblog%2Fx": "https%3A%2F%2Fnew.example.org%3A8443%2Fx",
        "https://old.example.com/blog": "https://new.example.org:8443",
        "https://old.example.com/blogger": "https://old.example.com/blogger",
        "https://old.example.com/shop": "https://old.example.com/shop",
    }.items():
        assert becomes == blog.text(text.encode()).decode()


def test_at_the_same_host_the_scheme_stays() -> None:
    assert move("http://www.example.com", "https://www.example.com") is None
    assert move("http://www.example.com:80/", "https://www.example.com") is None
    below = rewriter("http://www.example.com/blog", "http://www.example.com")
    assert b"https://www.example.com/x" == below.text(b"https://www.example.com/blog/x")
    for wrong in ("", "localhost", "http://", "not an address.at all", "http://a.b:x", "http://[::1"):
        assert move(wrong, NEW) is None


def php(value: Any) -> bytes:
    """Write a value as PHP does; phpserialize writes no text that is no UTF-8 otherwise."""
    return bytes(phpserialize.dumps(value))


def test_lengths_are_right_at_each_depth() -> None:
    inner = php({"link": f"{OLD}/a", "mail": "info@www.example.com"})
    outer = php({"text": "M\u00fcller", "packed": inner, OLD: 1, "n": None, "f": 1.5, "b": True})
    done = rewrite(outer, R)
    read = phpserialize.loads(done.data)
    assert not done.is_broken
    assert {b"link": f"{NEW}/a".encode(), b"mail": b"info@www.example.com"} == phpserialize.loads(read[b"packed"])
    assert 1 == read[NEW.encode()]
    assert b" \n" + done.data + b"\n" == rewrite(b" \n" + outer + b"\n", R).data


@pytest.mark.parametrize(
    "data",
    [
        b'a:1:{i:0;s:23:"https://www.example.com";',
        b'a:1:{i:0;s:9:"https://www.example.com";}',
        b'a:2:{i:0;s:23:"https://www.example.com";}',
        b'a:1:{i:0;s:23:"https://www.example.com";}}',
        b'a:1:{a:0:{}s:23:"https://www.example.com";}',
        b's:2:"https://www.example.com";',
        b'C:1:"A":23:{https://www.example.com}',
        b'a:1:{i:0;C:1:"A":23:{https://www.example.com}}',
        b'{"a":"s:23:\\"https://www.example.com\\";"}',
        b'log: a:1:{i:0;s:23:"https://www.example.com";} was read',
        b"a%3A0: s:23:%22https%3A%2F%2Fwww.example.com%22",
    ],
)  # fmt: skip
def test_what_cannot_be_read_stays_and_is_reported(data: bytes) -> None:
    done = rewrite(data, R)
    assert (data, True) == (done.data, done.is_broken)
    packed = php({"x": data, "y": OLD})
    around = rewrite(packed, R)
    read = phpserialize.loads(around.data)
    assert (data, NEW.encode(), True) == (read[b"x"], read[b"y"], around.is_broken)
    harmless = data.replace(b"https://www.example.com", b"info@www.example.com%02")
    assert harmless == rewrite(harmless, R).data


def test_objects_references_and_keys_that_would_become_one() -> None:
    thing = b'O:8:"stdClass":2:{s:4:"\0*\0a";s:23:"https://www.example.com";s:1:"b";R:2;}'
    assert thing.replace(b"s:23:", b"s:23:").replace(OLD.encode(), NEW.encode()) == rewrite(thing, R).data
    case = b'a:2:{i:0;E:11:"Suit:Hearts";i:1;s:23:"https://www.example.com";}'
    assert case.replace(OLD.encode(), NEW.encode()) == rewrite(case, R).data
    keys = b'a:2:{s:23:"https://www.example.com";i:1;s:22:"http://www.example.com";i:2;}'
    assert keys == rewrite(keys, R).data


def test_a_value_of_an_attacker_takes_no_time_and_no_stack() -> None:
    data = OLD.encode()
    for _ in range(300):
        data = b's:%d:"%s";' % (len(data), data)
    assert rewrite(data, R).is_broken
    deep = b"a:1:{i:0;" * 100_000 + b'a:1:{i:0;s:23:"https://www.example.com";}' + b"}" * 100_000
    assert len(deep) - len(OLD) + len(NEW) == len(rewrite(deep, R).data)
    for text in (b"http" * 200_000, b"//" * 400_000, b"%25" * 200_000, b"\\" * 400_000):
        assert text + b" http://copy.example.org" == R.text(text + b" https://www.example.com")


WORDS = st.sampled_from(
    [OLD, f"{OLD}/a/b.jpg", "www.example.com", "info@www.example.com", "plain", "M\u00fcller", '"; s:3:"', "\0*\0x"]
)
TEXTS = st.lists(WORDS | st.text(max_size=5), max_size=3).map(" ".join)
KEYS = st.integers(0, 99) | st.text("abc", min_size=1, max_size=3)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | TEXTS,
    lambda inner: st.dictionaries(KEYS, inner, max_size=4) | inner.map(lambda one: php(one).decode()),
    max_leaves=12,
)


def reference(value: Any) -> Any:
    """Rewrite a value as a person would describe it: each text by itself, a packed one inside of its package."""
    if isinstance(value, dict):
        return {key: reference(one) for key, one in value.items()}
    if not isinstance(value, str):
        return value
    try:
        packed = phpserialize.loads(value.encode(), decode_strings=True)
    except (ValueError, IndexError, TypeError):
        packed = None
    if packed is not None and php(packed).decode() == value:
        return php(reference(packed)).decode()
    return R.text(value.encode()).decode()


@given(VALUES)
def test_any_value_is_what_a_reference_makes_of_it(value: Any) -> None:
    packed = php(value)
    done = rewrite(packed, R)
    if not done.is_broken:
        assert php(reference(value)) == done.data
    assert done.data == rewrite(done.data, R).data


@given(st.lists(VALUES, min_size=1, max_size=5))
def test_what_has_no_address_is_not_touched(values: list[Any]) -> None:
    nobody = rewriter("https://nobody.example.net")
    for value in values:
        assert php(value) == rewrite(php(value), nobody).data


@pytest.mark.skipif(shutil.which("php") is None, reason="there is no PHP on this machine")
def test_php_reads_what_comes_out() -> None:
    make = (
        "class K implements Serializable { public $a; function serialize() { return $this->a; } "
        "function unserialize($d) { $this->a = $d; } } enum E: string { case A = 'a'; }"
        "$o = new stdClass; $o->url = 'OLD/x'; $o->self = $o; $o->list = ['OLD', -0.0, 1e100, INF, NAN, true, null, E::A];"
        "$o->nested = serialize(['OLD' => serialize(['a' => 'OLD/\u00fc', 'm' => 'a@www.example.com'])]);"
        "$o->date = new DateTime('2026-01-01'); $o->array = new ArrayObject(['OLD']);"
    )

    def run(program: str, given: bytes = b"") -> bytes:
        done = subprocess.run(["php", "-d", "display_errors=stderr", "-d", "error_reporting=8191", "-r", program],
                              input=given, capture_output=True, timeout=60, check=True)  # fmt: skip
        return done.stdout

    packed = run(f"{make.replace('OLD', OLD)} echo serialize($o);")
    expected = run(f"{make.replace('OLD', NEW)} echo serialize($o);")
    assert expected == rewrite(packed, R).data
    enum = "enum E: string { case A = 'a'; } "
    assert b"ok" == run(
        enum + "$o = unserialize(stream_get_contents(STDIN)); echo $o->self === $o ? 'ok' : 'not';", expected
    )


@given(TEXTS)
def test_json_and_addresses_in_addresses_stay_what_they_are(text: str) -> None:
    plain = R.text(text.encode()).decode()
    block = json.dumps({"a": text}).replace("/", "\\/")
    assert R.text(block.encode()).decode() == json.dumps({"a": plain}).replace("/", "\\/") or "\\u" in block
    if "://" in text and "@" not in text:
        assert quote(f"{NEW}/", safe="") in R.text(quote(f"{OLD}/", safe="").encode()).decode()
