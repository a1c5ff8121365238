"""What a cleaning run leaves: a corpus of known origin, and a page that shows hostile examples as the text they are."""

from __future__ import annotations

import hashlib

import pytest
from django.urls import reverse

from tests.training.rows import a_checkpoint, a_corpus, a_folder, a_run, a_snapshot
from training import cleaned, lineage, outcomes
from training.models import Corpus, Event
from training.reading import read_events

HOSTILE = "<script>alert(1)</script>\u202egnihtyna"
TEXT = "Había una vez.\n\nOnce upon a time.\n\n"


@pytest.fixture
def run(project, lead):
    origin = a_corpus(project, lead, language="es", source="the library", licence="CC0-1.0")
    run = a_run(project, lead, "clean", {"corpus": origin}, state="succeeded", config={"language": "", "apply": True})
    (run.folder / "out").mkdir(parents=True)
    return run


def written(run, text: str = TEXT) -> None:
    (run.folder / "out" / "corpus.txt").write_text(text, encoding="utf-8")


def row(rule: str, **changes):
    nothing = {"rule": rule, "found": 0, "removed": 0, "changed": 0, "characters": 0, "whys": {}, "examples": []}
    return nothing | changes


def told(run, *rows, **changes) -> None:
    counts = {"read": {"documents": 90, "characters": 90_000}, "kept": {"documents": 80, "characters": 70_000}}
    Event.objects.create(
        run=run, attempt=1, kind="cleaning", data=counts | {"applied": False, "done": True, "rules": rows} | changes
    )


@pytest.fixture
def page(client_of, lead, run):
    return lambda: client_of(lead).get(reverse("run", args=[run.pk])).content.decode()


def test_what_is_left_becomes_a_corpus_with_its_origin(run, lead):
    written(run)
    made = outcomes.corpus(run)
    assert (made.run, made.project, made.created_by) == (run, run.project, lead)
    assert (made.name, made.language, made.source, made.licence) == ("tales-clean", "es", "the library", "CC0-1.0")
    assert (made.size, made.digest) == (len(TEXT.encode()), hashlib.sha256(TEXT.encode()).hexdigest())
    assert made.path.read_text(encoding="utf-8") == TEXT
    assert outcomes.corpus(run) == made
    assert Corpus.objects.filter(run=run).count() == 1


def test_it_is_called_as_the_run_and_is_in_the_languages_that_were_kept(run, project, lead):
    a_corpus(project, lead, name="clean tales")
    run.name, run.config = "clean tales", {"language": "en,es"}
    written(run)
    made = outcomes.corpus(run)
    assert (made.name, made.language) == ("clean tales-2", "en,es")


def test_a_trial_makes_none(run):
    assert outcomes.corpus(run) is None
    assert Corpus.objects.count() == 1


def test_the_lineage_of_a_model_goes_through_the_cleaning_and_leaves_out_what_was_only_compared(run, project, lead):
    evaluation = a_snapshot(project, lead, "evaluation", 40, 3)
    run.inputs.create(name="against_prompts", snapshot=evaluation)
    written(run)
    clean = outcomes.corpus(run)
    base = a_checkpoint(project, "base", run=a_run(project, lead, "pretrain", {"corpus": clean}, state="succeeded"))
    tree = lineage.ancestry(base)
    (pretrain,) = tree.parents
    (through,) = pretrain.parents
    assert (through.thing, through.parents[0].thing) == (clean, run)
    assert [node.thing.name for node in through.parents[0].parents] == ["tales", "evaluation"]
    people = lineage.people([tree])
    assert (people.snapshots, people.judgements, people.licences) == ([], 0, ["CC0-1.0"])


def test_the_page_shows_rules_whys_and_examples_as_text(page, run):
    examples = [{"why": "gopher_short_doc", "shown": HOSTILE}]
    told(run, row("gopher", found=7, removed=5, characters=1234, whys={"gopher_short_doc": 7}, examples=examples), row("near"))
    html = page()
    assert "What each rule would remove" in html
    assert "This was a trial: nothing was removed and no corpus was made." in html
    assert f"{reverse('run_new', args=['clean'])}?like={run.pk}&amp;config-apply=true&amp;config-limit=" in html
    assert "fewer than 50 words" in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;⟨U+202E⟩gnihtyna" in html
    assert HOSTILE not in html


def test_of_the_figures_that_a_run_tells_the_newest_are_read(run):
    folder = a_folder(run)
    for found in (1, 2, 3):
        folder.event("cleaning", done=found == 3, applied=True, read={}, kept={}, rules=[row("near", found=found)])
    assert read_events(run)
    assert run.events.filter(kind="cleaning").count() == 1
    report = cleaned.report(run)
    assert (report.done, [one.found for one in report.rows]) == (True, [3])


def test_the_page_of_a_made_corpus_links_it(page, run):
    written(run)
    made = outcomes.corpus(run)
    told(run, row("personal", found=3, changed=3, characters=12, whys={"EMAIL": 4}), applied=True)
    html = page()
    assert "What each rule removed" in html
    assert "This was a trial" not in html
    assert f"{reverse('corpora')}#corpus-{made.pk}" in html


def test_other_runs_show_no_rules(client_of, project, lead):
    other = a_run(project, lead, "sft", state="succeeded")
    assert "cleaned" not in client_of(lead).get(reverse("run", args=[other.pk])).content.decode()


def test_the_form_to_clean_after_a_trial_is_filled_and_applies(client_of, run, lead):
    run.config = {"language": "es", "limit": 500, "apply": False}
    run.save()
    url = f"{reverse('run_new', args=['clean'])}?like={run.pk}&config-apply=true&config-limit="
    form = client_of(lead).get(url).context["form"]
    assert (form["config-limit"].value(), form["config-language"].value()) == ("", "es")
    assert "checked" in str(form["config-apply"])
