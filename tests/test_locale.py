"""The site in Spanish: nothing untranslated, nothing stale, no placeholder lost, and the compiled catalogue is the written one."""

from __future__ import annotations

import ast
import gettext
import re
import shutil
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import reverse

from annotation import desk
from annotation.models import Guidelines, Project, Prompt, Sample
from annotation.tasks import answer_tasks, write_tasks

ROOT = Path(settings.BASE_DIR)
SPANISH = ROOT / "locale" / "es" / "LC_MESSAGES"
READ = ("annotation", "config", "evals", "locale", "templates", "training", "manage.py")  # what makemessages reads
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%%|</?\w+>|`[^`]+`")
ENGLISH = re.compile(
    r"\b(the|of|and|your?|is|are|answers?|response|submit|skip|saved?|draft|sign|in|out|user|password|projects|desk|guidelines|rank|write"
    r"|tier|best|unacceptable|placed|left|comment|keyboard|close|preview|start|continue|account|back|why|characters|letters)\b",
    re.IGNORECASE,
)

Entry = dict[str, str]


def entries(text: str) -> list[Entry]:
    """The entries of a .po, header included: keyword (`msgid`, `msgstr[0]`, …) to text; flags under `#,`."""
    found = []
    for block in text.strip().split("\n\n"):
        entry: Entry = {}
        keyword = ""
        for line in block.splitlines():
            if line.startswith("#"):
                entry[line[:2]] = line
                continue
            named, literal = re.fullmatch(r'(?:(msg\S+) )?(".*")', line).groups()
            keyword = named or keyword
            entry[keyword] = entry.get(keyword, "") + ast.literal_eval(literal)
        found.append(entry)
    return found


def words_of(entry: Entry) -> tuple[str, str, str]:
    return entry.get("msgctxt", ""), entry["msgid"], entry.get("msgid_plural", "")


@pytest.fixture(scope="module")
def catalogue() -> list[Entry]:
    """Every entry but the header."""
    return entries((SPANISH / "django.po").read_text(encoding="utf-8"))[1:]


def pairs(entry: Entry) -> list[tuple[str, str]]:
    """Each English form beside its Spanish one."""
    if "msgid_plural" in entry:
        return [(entry["msgid"], entry["msgstr[0]"]), (entry["msgid_plural"], entry["msgstr[1]"])]
    return [(entry["msgid"], entry["msgstr"])]


def test_every_sentence_has_its_translation(catalogue):
    assert [entry for entry in catalogue if "fuzzy" in entry.get("#,", "") or "#~" in entry] == []
    assert [english for entry in catalogue for english, spanish in pairs(entry) if not spanish.strip()] == []


def test_every_placeholder_is_in_its_translation(catalogue):
    kept = [(english, spanish) for entry in catalogue for english, spanish in pairs(entry)]
    assert [
        spanish for english, spanish in kept if Counter(PLACEHOLDER.findall(english)) != Counter(PLACEHOLDER.findall(spanish))
    ] == []


def test_the_compiled_catalogue_is_the_written_one(catalogue):
    with (SPANISH / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    assert compiled.info()["plural-forms"] == "nplurals=2; plural=(n != 1);"
    stale = []
    for entry in catalogue:
        context, one, many = words_of(entry)
        key = f"{context}\x04{one}" if context else one
        wanted = [spanish for _, spanish in pairs(entry)]
        found = [compiled.ngettext(key, many, 1), compiled.ngettext(key, many, 2)] if many else [compiled.gettext(key)]
        stale += [one] if found != wanted else []
    assert stale == []


@pytest.mark.skipif(not shutil.which("xgettext"), reason="xgettext is not installed: sentences cannot be gathered from the code")
def test_every_sentence_of_the_code_is_in_the_catalogue(catalogue, tmp_path):
    for name in READ:
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, tmp_path / name)
    subprocess.run([sys.executable, "manage.py", "makemessages", "-l", "es"], cwd=tmp_path, check=True, capture_output=True)
    gathered = entries((tmp_path / "locale/es/LC_MESSAGES/django.po").read_text(encoding="utf-8"))[1:]
    assert set(map(words_of, gathered)) == set(map(words_of, catalogue))


class Shown(HTMLParser):
    """What a page says: its text and the attributes that are read out, shown, or put on the page by a script."""

    def __init__(self, page: str):
        super().__init__()
        self.said: list[str] = []
        self.silent = False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.silent = tag in ("script", "style", "kbd") or dict(attrs).get("lang") == "en"
        told = ("aria-label", "title", "placeholder", "alt", "data-confirm", "data-empty", "data-count", "data-copied")
        self.said += [
            value for name, value in attrs if value and (name in told or name.startswith(("data-say", "data-sav", "data-uns")))
        ]

    def handle_endtag(self, tag):
        self.silent = False

    def handle_data(self, data):
        if not self.silent:
            self.said.append(data)


def english_in(page: str) -> set[str]:
    return {word for text in Shown(page).said for word in ENGLISH.findall(text)}


@pytest.fixture
def spanish_project(project) -> Project:
    """A project whose own words are Spanish, with a question to write and one to rank."""
    Project.objects.filter(pk=project.pk).update(name="Río")
    Guidelines.objects.create(project=project, version=1, text="Sé breve.")
    return project


@pytest.fixture
def get(rater, client_of):
    """`get(name, *args)`: a page as the rater reads it in Spanish."""
    client = client_of(rater)
    return lambda name, *args: client.get(reverse(name, args=args), headers={"accept-language": "es"}).content.decode()


def asked(project: Project) -> Prompt:
    return Prompt.objects.create(project=project, messages=[{"role": "user", "content": "Nombra un río."}])


def test_a_rater_who_writes_reads_no_english(spanish_project, rater, get):
    write_tasks([asked(spanish_project)], overlap=1)
    for page in (get("home"), get("desk", spanish_project.pk), get("seat", desk.claim(rater, spanish_project).pk)):
        assert english_in(page) == set()
    assert "Escribe la respuesta ideal" in page


def test_a_rater_who_ranks_reads_no_english(spanish_project, rater, get):
    prompt = asked(spanish_project)
    said = [[{"role": "assistant", "content": text}] for text in ("El Ebro.", "El Duero.")]
    answer_tasks(
        [[Sample.objects.create(prompt=prompt, messages=messages, model="m") for messages in said]], kind="rank", overlap=1
    )
    page = get("seat", desk.claim(rater, spanish_project).pk)
    assert english_in(page) == set()
    assert "Ordena las respuestas" in page


def test_the_door_speaks_the_language_of_the_browser(client, db):
    page = client.get(reverse("login"), headers={"accept-language": "es-AR,es;q=0.9"}).content.decode()
    assert english_in(page) == set()
    assert "Iniciar sesión" in page


def test_settings_of_recipes_are_explained_in_spanish(spanish_project, lead, client_of):
    url = reverse("run_new", args=["sft"]) + f"?project={spanish_project.pk}"
    page = client_of(lead).get(url, headers={"accept-language": "es"}).content.decode()
    assert "Los gradientes más largos se recortan a esta longitud." in page
