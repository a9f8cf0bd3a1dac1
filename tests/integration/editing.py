"""What an editor sends: images, by the applications' own forms."""

from __future__ import annotations

import html
import re
import struct
import zlib

from tests.integration.logins import Browser


def png(width: int, height: int) -> bytes:
    """Make an image with some noise in it."""
    rows = b"".join(b"\0" + bytes((x * 7 + y) % 256 for x in range(width * 3)) for y in range(height))
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )


def upload_to_drupal(browser: Browser, field: str, button: str, title: str) -> tuple[str, str]:
    """Upload an image by the form of a new article; give the paths of its style and of the image."""
    path = "/node/add/article"
    page = browser.get(path)[1]
    # A page may have other forms, such as the one for a search, which come before.
    fields = ("form_build_id", "form_token", "form_id")
    form = {key: re.findall(rf'name="{key}" value="([^"]+)"', page)[-1] for key in fields}
    status, page = browser.send(path, {**form, title: "A page", button: "Upload"}, field, "three.png", png(300, 200))
    assert 200 == status
    found = re.search(r'src="(?:http://[^/"]+)?(/sites/[^"]+/styles/[^"]+three[^"]*)"', page)
    assert found is not None, page[:2000]
    style = html.unescape(found[1])
    return style, re.sub(r"/styles/[^/]+/public", "", style).partition("?")[0]


def upload_to_backdrop(browser: Browser, title: str, text: str) -> tuple[str, str]:
    """Write a post with an image, as the form of a new post sends it; give the paths of the image's style and of the image."""
    path, fields = "/node/add/post", ("form_build_id", "form_token", "form_id")
    page = browser.get(path)[1]
    form = {key: re.findall(rf'name="{key}" value="([^"]+)"', page)[-1] for key in fields}
    button = {"field_image_und_0_upload_button": "Upload"}
    status, page = browser.send(
        path, {**form, "title": title, **button}, "files[field_image_und_0]", "three.png", png(300, 200)
    )
    assert 200 == status
    found = re.search(r'src="(?:https?://[^/"]+)?(/sites/[^"]+/styles/[^"]+three[^"]*)"', page)
    assert found is not None, page[:2000]
    image = dict(re.findall(r'name="(field_image\[und\]\[0\]\[[a-z]+\])" value="([^"]*)"', page))
    form = {key: re.findall(rf'name="{key}" value="([^"]+)"', page)[-1] for key in fields}
    body = {"body[und][0][value]": text, "body[und][0][format]": "filtered_html"}
    status, page = browser.get(
        path, {**form, **image, **body, "title": title, "status": "1", "promote": "1", "op": "Save"}
    )
    assert 302 == status, page[:2000]
    style = html.unescape(found[1])
    return style, re.sub(r"/styles/[^/]+/public", "", style).partition("?")[0]
