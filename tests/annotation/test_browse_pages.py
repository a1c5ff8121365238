"""The browser: what its filters find, how its pages go on, what a row opens into, and who may look."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from annotation.models import Flag, Grade, Guidelines, Judgement, Member, Prompt, Review, Role, Sample, Seat, Snapshot, Task

NOON = timezone.make_aware(datetime(2026, 3, 14, 12))


def ask(project, text, **facts):
    return Prompt.objects.create(project=project, messages=[{"role": "user", "content": text}], **facts)


def answered(prompt, text, **facts):
    facts = facts if {"author", "model"} & set(facts) else facts | {"model": "m"}
    return Sample.objects.create(prompt=prompt, messages=[{"role": "assistant", "content": text}], **facts)


def judged(rater, samples, values, purpose="train", **facts):
    """A ranking of the samples by the rater, outside of the desk."""
    task = Task.objects.create(prompt=samples[0].prompt, kind="rank", purpose=purpose)
    task.samples.set(samples)
    seat = Seat.objects.create(project=samples[0].prompt.project, task=task, rater=rater, filled=timezone.now())
    order = [sample.pk for sample in samples]
    judgement = Judgement.objects.create(task=task, seat=seat, rater=rater, key=f"k{task.pk}", order=order, **facts)
    Grade.objects.bulk_create(
        Grade(judgement=judgement, sample=sample, aspect="overall", value=value)
        for sample, value in zip(samples, values, strict=True)
    )
    return judgement


def corrected(judgement):
    return Judgement.objects.create(
        task=judgement.task, seat=judgement.seat, rater=judgement.rater, key=f"again {judgement.key}", supersedes=judgement
    )


@pytest.fixture
def reviewer(project):
    user = User.objects.create_user("reviewer")
    Member.objects.create(project=project, user=user, role=Role.REVIEWER)
    return user


@pytest.fixture
def look(client_of, reviewer, project):
    """`look("browse", q="river")`: what the page of that name shows to a reviewer."""
    client = client_of(reviewer)

    def shown(name, **query):
        response = client.get(reverse(name, args=[project.pk]), query)
        assert response.status_code == 200
        return [row.judgement if name == "browse_judgements" else row for row in response.context["page"].rows]

    return shown


def test_prompts_are_filtered(look, project, rater):
    ebro = ask(project, "River Ebro", language="es", source="handbook", created=NOON)
    peak = ask(project, "A peak", language="en", created=NOON + timedelta(days=1))
    task = judged(rater, [answered(ebro, "Long."), answered(ebro, "Wet.", model="n")], [1, 0], purpose="evaluate").task
    Flag.objects.create(task=task, rater=rater, word="unclear")
    assert look("browse") == [peak, ebro]
    queries = [
        {"q": "river"}, {"language": "es"}, {"source": "handbook"}, {"kind": "rank"}, {"purpose": "evaluate"}, {"model": "n"},
        {"flagged": "on"}, {"until": "2026-03-14"}, {"q": "ebro -peak", "language": "es", "kind": "rank", "purpose": "evaluate"},
    ]  # fmt: skip
    assert [look("browse", **query) for query in queries] == [[ebro]] * len(queries)
    assert look("browse", since="2026-03-15") == [peak]
    assert look("browse", kind="rank", purpose="train") == []
    Flag.objects.update(settled=timezone.now(), settled_by=rater)
    assert look("browse", flagged="on") == []


def test_samples_are_filtered(look, project, rater):
    ebro, peak = ask(project, "River Ebro", language="es", source="handbook"), ask(project, "A peak")
    long, high = answered(ebro, "Nine hundred kilometres", created=NOON), answered(peak, "High", author=rater)
    judged(rater, [long], [1])
    assert look("browse_samples") == [high, long]
    of_long = [
        {"q": "kilometres"}, {"language": "es"}, {"source": "handbook"}, {"model": "m"}, {"kind": "rank"}, {"prompt": ebro.pk},
        {"since": "2026-03-14", "until": "2026-03-14"},
    ]  # fmt: skip
    assert [look("browse_samples", **query) for query in of_long] == [[long]] * len(of_long)
    assert look("browse_samples", author="rater") == [high]


def test_judgements_are_filtered(look, project, rater, lead):
    ebro, peak = ask(project, "River Ebro", language="es", source="handbook"), ask(project, "A peak")
    one = judged(rater, [answered(ebro, "Long."), answered(ebro, "Wet.", model="n")], [3, 0], comment="Hard to say", created=NOON)
    two = judged(lead, [answered(peak, "High."), answered(peak, "Low.")], [1, 0], purpose="evaluate")
    three = corrected(two)
    Flag.objects.create(task=one.task, rater=rater, word="broken")
    assert look("browse_judgements") == [three, two, one]
    of_one = [
        {"q": "hard"}, {"q": "ebro"}, {"language": "es"}, {"source": "handbook"}, {"purpose": "train"}, {"prompt": ebro.pk},
        {"task": one.task_id}, {"rater": "rater"}, {"model": "n"}, {"commented": "on"}, {"flagged": "on"}, {"grade_from": "2"},
        {"grade_from": "1.5", "grade_to": "3", "aspect": "overall"}, {"until": "2026-03-14"},
    ]  # fmt: skip
    assert [look("browse_judgements", **query) for query in of_one] == [[one]] * len(of_one)
    assert look("browse_judgements", standing="in_force") == [three, one]
    assert look("browse_judgements", standing="superseded") == [two]
    assert look("browse_judgements", standing="corrects") == [three]
    assert look("browse_judgements", grade_from="1", grade_to="1") == [two]
    assert look("browse_judgements", aspect="honest") == []


def test_a_day_is_the_readers_own(client_of, reviewer, project):
    late = ask(project, "Late", created=datetime.fromisoformat("2026-03-14T23:30:00+00:00"))
    client, url = client_of(reviewer), reverse("browse", args=[project.pk])
    for zone, days in (("UTC", ["2026-03-14"]), ("Asia/Tokyo", ["2026-03-15"])):
        client.cookies["zone"] = zone
        found = [day for day in ("2026-03-14", "2026-03-15") if client.get(url, {"since": day, "until": day}).context["page"].rows]
        assert found == days
    assert late.pk


@pytest.mark.parametrize(
    "query", [{"since": "yesterday"}, {"until": "9999-12-31"}, {"kind": "guess"}, {"before": "x"}, {"after": 2**70}]
)
def test_a_filter_that_cannot_be_is_named_and_nothing_is_shown(client_of, reviewer, project, query):
    ask(project, "River")
    response = client_of(reviewer).get(reverse("browse", args=[project.pk]), query)
    assert (response.status_code, response.context["page"].rows) == (422, [])
    assert list(response.context["form"].errors) == list(query)


def test_pages_go_on_by_id_while_rows_come_in(client_of, reviewer, project):
    client, url = client_of(reviewer), reverse("browse", args=[project.pk])
    Prompt.objects.bulk_create(
        Prompt(project=project, messages=[{"role": "user", "content": f"River {n}"}], digest=f"{n}") for n in range(120)
    )
    first = client.get(url, {"q": "river"})
    ask(project, "River again")
    page = first.context["page"]
    second = client.get(url, {"q": "river", "before": page.older})
    third = client.get(url, {"q": "river", "before": second.context["page"].older})
    pages = [response.context["page"].rows for response in (first, second, third)]
    assert [str(row) for rows in pages for row in rows] == [f"River {n}" for n in reversed(range(120))]
    assert (third.context["page"].older, first.context["page"].newer) == (None, None)
    back = client.get(url, {"q": "river", "after": third.context["page"].newer})
    assert back.context["page"].rows == pages[1]
    assert f"q=river&amp;before={page.older}" in first.content.decode()


def test_many_rows_are_counted_no_further_than_a_thousand(client_of, reviewer, project, django_assert_num_queries):
    client, url = client_of(reviewer), reverse("browse", args=[project.pk])
    said = [{"role": "user", "content": "x"}]
    Prompt.objects.bulk_create(Prompt(project=project, messages=said, digest=f"{n}") for n in range(1001))
    with django_assert_num_queries(8) as asked:
        assert b"more than 1000 found" in client.get(url).content
    assert not [query for query in asked.captured_queries if "OFFSET" in query["sql"]]


def test_a_page_of_judgements_asks_few_questions(client_of, reviewer, project, rater, django_assert_num_queries):
    for n in range(30):
        prompt = ask(project, f"Question {n}")
        judged(rater, [answered(prompt, "a"), answered(prompt, "b", author=rater)], [1, 0], comment="So.")
    client = client_of(reviewer)
    with django_assert_num_queries(10):
        response = client.get(reverse("browse_judgements", args=[project.pk]), {"q": "question", "model": "m"})
    assert len(response.context["page"].rows) == 30


def test_a_prompt_opens_into_all_that_came_of_it(client_of, reviewer, project, rater, lead, django_assert_max_num_queries):
    guidelines = Guidelines.objects.create(project=project, version=1, text="Be kind.")
    prompt = ask(project, "River?", language="en", source="handbook")
    by_model, by_hand = answered(prompt, "The Ebro."), answered(prompt, "The Tagus.", author=rater)
    given = judged(rater, [by_hand, by_model], [0, 1], seconds=12.5, comment="**Clear**", guidelines=guidelines)
    later = corrected(given)
    Review.objects.create(judgement=given, reviewer=reviewer, verdict="returned", comment="Look again.")
    Flag.objects.create(task=given.task, rater=rater, word="unsafe", comment="Deep water")
    options = {"last_prompt": prompt.pk, "last_judgement": given.pk}
    Snapshot.objects.create(project=project, name="v1", options=options, manifest={}, created_by=lead)
    url = reverse("browse_prompt", args=[project.pk, prompt.pk])
    client = client_of(reviewer)
    with django_assert_max_num_queries(17):
        html = client.get(url, {"judgement": given.pk}).content.decode()
    said = ["River?", "The Ebro.", "The Tagus.", "by rater", "12.5 s", "<strong>Clear</strong>", "guidelines 1", "Look again."]
    said += ["Unsafe", "Deep water", f"superseded by {later.pk}", f"corrects {given.pk}", "1 of 1 judged", "v1"]
    assert [words for words in said if words not in html] == []
    assert reverse("snapshot", args=[Snapshot.objects.get().pk]) not in html
    assert reverse("snapshot", args=[Snapshot.objects.get().pk]) in client_of(lead).get(url).content.decode()
    fragment = client_of(reviewer).get(url, headers={"HX-Request": "true"}).content.decode()
    assert "The Ebro." in fragment
    assert "<html" not in fragment


def test_answers_stand_in_the_order_in_which_the_rater_saw_them(client_of, reviewer, project, rater):
    prompt = ask(project, "River?")
    first, second = answered(prompt, "a"), answered(prompt, "b", model="n")
    judged(rater, [second, first], [2, 0])
    row = client_of(reviewer).get(reverse("browse_judgements", args=[project.pk])).context["page"].rows[0]
    assert [(answer.letter, answer.sample, [grade.value for grade in answer.grades]) for answer in row.answers] == [
        ("A", second, [2.0]), ("B", first, [0.0]),
    ]  # fmt: skip


def test_a_snapshot_taken_between_a_judgement_and_its_correction_holds_the_first(client_of, reviewer, project, rater, lead):
    prompt = ask(project, "River?")
    given = judged(rater, [answered(prompt, "a"), answered(prompt, "b", model="n")], [1, 0])
    later = corrected(given)
    for name, last in (("before", given.pk), ("after", later.pk)):
        options = {"last_prompt": prompt.pk, "last_judgement": last}
        Snapshot.objects.create(project=project, name=name, options=options, manifest={}, created_by=lead)
    about = client_of(reviewer).get(reverse("browse_prompt", args=[project.pk, prompt.pk])).context["about"]
    assert [(row.judgement, [snapshot.name for snapshot in row.snapshots]) for row in about.judgements] == [
        (later, ["after"]), (given, ["before"]),
    ]  # fmt: skip


def test_hostile_text_is_shown_as_text(client_of, reviewer, project, rater):
    prompt = ask(project, "<script>alert(1)</script>", source="<b>bold</b>")
    judged(rater, [answered(prompt, "<img src=x onerror=alert(1)>", model="<i>m</i>")], [1], comment="<script>alert(2)</script>")
    pages = [reverse(name, args=[project.pk]) for name in ("browse", "browse_samples", "browse_judgements")]
    for url in [*pages, reverse("browse_prompt", args=[project.pk, prompt.pk])]:
        html = client_of(reviewer).get(url, {"q": ""}).content.decode()
        assert not [tag for tag in ("<script>alert", "<b>bold", "<i>m", "<img src=x") if tag in html]
    assert b"<script>alert" not in client_of(reviewer).get(pages[0], {"q": '"><script>alert(3)</script>'}).content


@pytest.mark.parametrize("name", ["browse", "browse_samples", "browse_judgements"])
def test_another_projects_rows_stay_there(client_of, project, rater, name):
    prompt = ask(project, "River?")
    judged(rater, [answered(prompt, "a")], [1])
    stranger = User.objects.create_user("stranger")
    elsewhere = type(project).objects.create(name="Elsewhere")
    Member.objects.create(project=elsewhere, user=stranger, role=Role.LEAD)
    page = client_of(stranger)
    assert page.get(reverse(name, args=[elsewhere.pk]), {"q": "river"}).context["page"].rows == []
    assert page.get(reverse("browse_prompt", args=[elsewhere.pk, prompt.pk])).status_code == 404
    assert client_of(rater).get(reverse(name, args=[project.pk])).status_code == 403


def test_a_reviewer_is_offered_no_page_that_is_for_leads(client_of, reviewer, lead, project):
    leads_only = reverse("members", args=[project.pk])
    url = reverse("browse", args=[project.pk])
    assert leads_only not in client_of(reviewer).get(url).content.decode()
    assert leads_only in client_of(lead).get(url).content.decode()
    assert url in client_of(reviewer).get(reverse("home")).content.decode()
