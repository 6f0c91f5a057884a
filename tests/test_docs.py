"""The pages in docs/ say what the code does."""

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_table_of_settings_is_made_from_their_declarations():
    table = runpy.run_path(str(ROOT / "tools" / "settings_table.py"))["table"]
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert page == table(), "python tools/settings_table.py > docs/settings.md"


def test_the_glossary_has_each_word_once():
    page = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1].strip() for line in page.splitlines() if "|" in line]
    words = [word for word in rows if word not in ("word", "---")]
    assert len(words) == len(set(words)) >= 16
