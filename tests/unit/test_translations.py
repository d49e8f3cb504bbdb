"""The English translation is complete, compiled, and English."""

import io
import re
from collections import Counter
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

DASHBOARD = Path(__file__).parents[2] / "dashboard"
MESSAGES = DASHBOARD / "translations" / "en" / "LC_MESSAGES"
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]")
CJK = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff]")


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    with (MESSAGES / "messages.po").open("rb") as file:
        return read_po(file, locale="en", abort_invalid=True)


def in_sources() -> dict[str, str]:
    """Return every text of the sources with a place where it stands."""
    with (DASHBOARD / "translations" / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)
    return {
        text: f"{name}:{line}"
        for name, line, text, *_rest in extract_from_dir(str(DASHBOARD), methods, options)
        if text
    }


def test_every_text_of_the_sources_is_translated_with_the_same_placeholders(catalog: Catalog) -> None:
    texts = in_sources()
    assert {Path(place.rpartition(":")[0]).suffix for place in texts.values()} == {".py", ".html"}
    wrong = []
    for text, place in texts.items():
        message = catalog.get(text)
        if message is None or not message.string:
            wrong.append(f"{place}: {text} is not translated")
        elif message.fuzzy:
            wrong.append(f"{place}: {text} is fuzzy")
        elif Counter(PLACEHOLDER.findall(text)) != Counter(PLACEHOLDER.findall(message.string)):
            wrong.append(f"{place}: {text} has other placeholders than {message.string}")
    assert not wrong, "\n".join(wrong)


def test_translations_with_placeholders_can_be_filled_in(catalog: Catalog) -> None:
    """A lone percent sign would fail only when the sentence is shown."""
    for message in catalog:
        names = [found[2:-2] for found in PLACEHOLDER.findall(message.id)]
        if names:
            assert message.string % dict.fromkeys(names, "x"), message.id


def test_the_compiled_file_is_what_the_translations_compile_to(catalog: Catalog) -> None:
    compiled = io.BytesIO()
    write_mo(compiled, catalog)
    assert (MESSAGES / "messages.mo").read_bytes() == compiled.getvalue(), "run pybabel compile"


def test_no_translation_holds_chinese(catalog: Catalog) -> None:
    chinese = [message.string for message in catalog if message.id and CJK.search(message.string)]
    assert not chinese, "\n".join(chinese)
