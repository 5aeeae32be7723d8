"""The head of every page: what a browser may run and load."""

from __future__ import annotations

import base64
import hashlib
import re

from popsim.html import html_head


def test_the_policy_allows_the_style_sheet_and_images_within_the_page_alone():
    style = "body{color:red}"
    head = html_head("A <title>", style)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', head)[1]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert rules == {
        "default-src": "'none'", "img-src": "data:", "style-src": f"'sha256-{digest}'", "base-uri": "'none'",
        "form-action": "'none'",
    }  # fmt: skip
    assert head.index("Content-Security-Policy") < head.index("<style>"), "it holds for what comes after it"
    assert f"<style>{style}</style>" in head, "the hash is that of the text between the tags"
    assert "A &lt;title&gt;" in head
