"""Foreign text in Markdown and YAML stays text, as other people's readers see it."""

import pytest
import yaml
from markdown_it import MarkdownIt

from kerastransfer.runs.card import markdown

HOSTILE = (
    *("a`b``c", "`", "``", " x ", "a|b", "\\|", "---", "[x](http://evil.example)"),
    *("<script>alert(1)</script>", "# head", "* item", "![i](http://e.example/p.png)"),
    *("two\nlines", "end\n---\nlicense: mit", "a\u202egpj.exe", "\x1b[31mred", "\x85"),
    *("&amp;", "http://evil.example", "www.evil.example", "~~x~~", "$x^2$", "ü 🙂"),
    *("key: value", "{a: b}", "- x", "'", '"', "%s", "!!python/object:os.system", "@a"),
    *("null", "yes", "1e3", "=1+1", "\ufeff", "\udce9", "x" * 5_000),
)
READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])

PARAGRAPH = ("paragraph_open", "paragraph_close", "inline", "text")


def body(fields):
    return markdown.header(fields).removeprefix("---").removesuffix("---")


def tokens(text):
    for token in READER.parse(text):
        yield token
        yield from token.children or []


def inner(text, kind):
    return [token.content for token in tokens(text) if token.type == kind]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_in_code_is_shown_and_nothing_of_it_is_obeyed(name):
    span = markdown.code(name)
    for text in (
        f"Classes: {span}, {span}.",
        markdown.table(["a", "b"], [[span, "1"]]),
    ):
        spans = inner(text, "code_inline")
        assert len(set(spans)) == 1, text
        if name.isprintable() and len(name) < 200:
            assert spans[0] == name
    kinds = {token.type for token in tokens(f"Classes: {span}.")}
    assert kinds == {
        "paragraph_open",
        "paragraph_close",
        "inline",
        "text",
        "code_inline",
    }
    rows = [t for t in tokens(markdown.table(["a", "b"], [[span, "1"]]))]
    assert sum(t.type == "td_open" for t in rows) == 2


@pytest.mark.parametrize("name", HOSTILE)
def test_running_text_is_shown_and_nothing_of_it_is_obeyed(name):
    text = markdown.plain(name)
    kinds = {token.type for token in tokens(f"It says {text} here")}
    assert kinds <= {
        "paragraph_open",
        "paragraph_close",
        "inline",
        "text",
        "text_special",
    }
    shown = "".join(inner(f"It says {text} here", "text"))
    if name.isprintable() and len(name) < 200:
        assert shown.replace("\u200b", "") == f"It says {name} here"
    assert "http://" not in text and "www." not in text


def test_a_blank_name_is_said_to_be_one():
    assert markdown.code("") == markdown.code("  ") == "(blank)"


@pytest.mark.parametrize("name", HOSTILE)
def test_yaml_gives_back_what_was_put_in(name):
    fields = {"a": name, "list": [name, {"b": name, "c": [1, 0.25]}], "n": None}
    read = yaml.safe_load(
        markdown.header(fields).removeprefix("---").removesuffix("---")
    )
    assert set(read) == {"a", "list", "n"}
    assert read["a"] == read["list"][0] == read["list"][1]["b"]
    assert read["list"][1]["c"] == [1, 0.25]
    if name.isprintable() and len(name) < 200:
        assert read["a"] == name


@pytest.mark.parametrize("value", [5e-5, 1e-6, 0.1, 1.0, 1e20, 0.0])
def test_small_numbers_stay_numbers(value):
    assert yaml.safe_load(body({"x": value}))["x"] == pytest.approx(value)
