"""The head of every page: what a browser may run and load."""

from __future__ import annotations

import base64
import hashlib
import re

from popsim.html import html_head, html_table


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


def test_a_page_with_a_script_may_run_that_one_alone():
    script = "console.log(1)"
    policy = re.search(r'content="(default-src[^"]+)"', html_head("x", "", script))[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in policy and "unsafe" not in policy


def test_the_empty_corner_of_a_table_is_no_header():
    table = html_table("", ["", "a"], [("row", 1)])
    assert '<td></td><th scope="col">a</th>' in table and '<th scope="col"></th>' not in table
