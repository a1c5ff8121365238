"""The pages of checkpoints: figures, files, lineage up to the people, and what a lead may do with one."""

from __future__ import annotations

import pytest
from django.urls import reverse

from annotation.models import Project
from evals.models import Evaluation
from tests.training.rows import a_checkpoint, a_corpus, a_run, a_snapshot, answers
from training import lineage, sources
from training.models import Run


@pytest.fixture
def page(client_of, lead, project):
    return client_of(lead)


@pytest.fixture
def family(project, lead):
    """corpus → base → sft (first snapshot) → dpo (second snapshot), with what each came from."""
    corpus = a_corpus(project, lead, licence="CC-BY-4.0")
    first, second = a_snapshot(project, lead, "first", 40, 3), a_snapshot(project, lead, "second", 90, 5)
    base = a_checkpoint(project, "base", run=a_run(project, lead, "pretrain", {"corpus": corpus}, state="succeeded"))
    sft = a_checkpoint(project, "sft", run=a_run(project, lead, "sft", {"model": base, "dataset": first}, state="succeeded"))
    dpo = a_checkpoint(project, "dpo", run=a_run(project, lead, "dpo", {"model": sft, "dataset": second}, state="succeeded"))
    return {"corpus": corpus, "first": first, "second": second, "base": base, "sft": sft, "dpo": dpo}


def test_the_lineage_of_a_checkpoint_reaches_its_corpus_and_snapshots(family):
    tree = lineage.ancestry(family["dpo"])
    assert [str(node.thing) for node in lineage.inherited([tree])] == [
        "dpo", str(family["dpo"].run), "sft", str(family["sft"].run), "base", str(family["base"].run), "tales",
        str(family["first"]), str(family["second"]),
    ]  # fmt: skip


def test_the_people_behind_a_checkpoint_are_counted_once(family):
    people = lineage.people([lineage.ancestry(family["dpo"])])
    assert (people.judgements, people.raters) == (90, 5)
    assert people.snapshots == [family["first"], family["second"]]
    assert people.licences == ["CC-BY-4.0", "CC0-1.0"]


def test_a_checkpoint_reached_twice_is_expanded_once(project, lead, family):
    both = a_run(project, lead, "ppo", {"model": family["sft"], "reference": family["sft"]})
    first, second = lineage.ancestry_of_run(both)
    assert (len(first.parents), second.parents, second.again) == (1, [], True)


def test_lineage_asks_a_fixed_number_of_questions_a_generation(family, django_assert_max_num_queries):
    with django_assert_max_num_queries(8):
        lineage.ancestry(family["dpo"])


def test_the_page_shows_figures_people_files_and_descendants(page, project, lead, family, crisol_home):
    folder = crisol_home / "checkpoints" / "sft"
    (folder / "more").mkdir()
    (folder / "model.safetensors").write_bytes(b"0" * 2048)
    (folder / "more" / "card.json").write_text("{}")
    sft = family["sft"]
    sft.path, sft.card = str(folder), {"parameters": 1_250_000, "figures": {"valid_loss": 1.25}}
    sft.save()
    answers(project, a_run(project, lead, "sample", {"model": sft}), "sft", {"one?": ["a", "b"]})
    evaluation = Evaluation.objects.create(project=project, name="Round one", created_by=lead)
    evaluation.checkpoints.add(sft)
    html = page.get(reverse("checkpoint", args=[sft.pk])).content.decode()
    for text in (
        "1.25M",
        "valid_loss",
        "model.safetensors",
        "2.0\xa0KB",
        "more/card.json",
        "2 samples",
        "1 evaluation",
        "Round one",
        "40 judgements",
        "CC0-1.0",
    ):
        assert text in html
    assert reverse("run", args=[family["dpo"].run_id]) in html
    assert reverse("checkpoint", args=[family["dpo"].pk]) in html


@pytest.mark.parametrize(
    ("role", "recipes"),
    [
        ("causal-lm", ["sample", "sft", "dpo", "ppo", "reward", "evaluate"]),
        ("reward", ["ppo", "evaluate"]),
        ("tokenizer", ["pretrain"]),
    ],
)
def test_a_checkpoint_offers_the_recipes_of_its_role(page, project, role, recipes):
    one = a_checkpoint(project, "one", role=role)
    html = page.get(reverse("checkpoint", args=[one.pk])).content.decode()
    offered = [f'href="{reverse("run_new", args=[recipe])}?checkpoint={one.pk}"' for recipe in recipes]
    assert [link in html for link in offered] == [True] * len(recipes)


def test_a_checkpoint_whose_folder_is_gone_says_so(page, project):
    one = a_checkpoint(project, "lost", path="/nowhere")
    assert "not there any more" in page.get(reverse("checkpoint", args=[one.pk])).content.decode()


def test_checkpoints_of_another_project_answer_404(page, lead):
    other = Project.objects.create(name="Elsewhere")
    one = a_checkpoint(other, "foreign")
    assert page.get(reverse("checkpoint", args=[one.pk])).status_code == 404
    assert "foreign" not in page.get(reverse("checkpoints")).content.decode()


def test_the_list_can_show_one_role(page, project):
    a_checkpoint(project, "base"), a_checkpoint(project, "judge", role="reward")
    html = page.get(reverse("checkpoints"), {"role": "reward"}).content.decode()
    assert ("judge" in html, ">base<" in html) == (True, False)


def test_a_rater_sees_no_checkpoints(client_of, rater, project):
    for name in ("checkpoints", "checkpoint_import", "corpora"):
        assert client_of(rater).get(reverse(name)).status_code == 403


@pytest.fixture
def imports(crisol_home, monkeypatch):
    monkeypatch.delenv("CRISOL_IMPORT_ROOTS", raising=False)
    monkeypatch.setenv("CRISOL_HOME", str(crisol_home))
    model = crisol_home / "imports" / "tiny"
    model.mkdir(parents=True)
    (model / "config.json").write_text("{}")
    return crisol_home / "imports"


def importing(source: str) -> dict[str, str]:
    return {"config-source": source, "config-revision": "", "config-licence": "MIT", "name": "tiny", "seed": "0", "processes": "1"}


def test_a_folder_under_the_root_is_offered_and_imported_by_a_run(page, project, imports):
    url = reverse("checkpoint_import")
    assert str(imports / "tiny") in page.get(url).content.decode()
    page.post(url, importing(str(imports / "tiny")))
    run = Run.objects.get()
    assert (run.recipe, run.config["source"], run.name) == ("fetch", str(imports / "tiny"), "tiny")


def test_a_name_on_the_hub_is_imported_by_a_run(page, project, imports):
    page.post(reverse("checkpoint_import"), importing("owner/model"))
    assert Run.objects.get().config["source"] == "owner/model"


@pytest.mark.parametrize("source", ["/etc", "{root}/../..", "{root}", "~/models", "{root}/absent", "", "./tiny"])
def test_a_folder_elsewhere_is_refused_at_its_field(page, project, imports, source):
    response = page.post(reverse("checkpoint_import"), importing(source.format(root=imports)))
    assert response.status_code == 422
    assert list(response.context["form"].errors) == ["config-source"]
    assert not Run.objects.exists()


def test_a_link_out_of_the_root_is_refused(imports, tmp_path):
    (tmp_path / "secret").mkdir()
    (imports / "door").symlink_to(tmp_path / "secret")
    with pytest.raises(ValueError, match="folder under"):
        sources.local_folder(str(imports / "door"))


def test_other_roots_come_from_the_environment(monkeypatch, tmp_path):
    (tmp_path / "a" / "m").mkdir(parents=True)
    monkeypatch.setenv("CRISOL_IMPORT_ROOTS", f"{tmp_path / 'a'}, {tmp_path / 'b'}")
    assert sources.roots() == [tmp_path / "a", tmp_path / "b"]
    assert sources.local_folder(str(tmp_path / "a" / "m")) == tmp_path / "a" / "m"
