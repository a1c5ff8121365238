"""The reviewers' queue: what waits, in which order, and the three things that can be done with a judgement, each once."""

import threading

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import connection
from django.urls import reverse

from annotation import desk, reviewing, snapshot, tasks
from annotation.models import Flag, Judgement, Member, Prompt, Review, Role, Sample, Seat, Snapshot, Task


@pytest.fixture
def reviewer(project):
    return person(project, "reviewer", Role.REVIEWER)


def person(project, name, role=Role.RATER):
    user = User.objects.create_user(name)
    Member.objects.create(project=project, user=user, role=role)
    return user


def asked(project, text="Why?", overlap=2, kind="rank"):
    prompt = Prompt.objects.create(project=project, messages=[{"role": "user", "content": text}])
    samples = [Sample.objects.create(prompt=prompt, messages=[{"role": "assistant", "content": t}], model=f"m{t}") for t in "xyz"]
    return tasks.answer_tasks([samples], kind=kind, overlap=overlap)[0]


def order(task):
    return list(task.samples.order_by("pk").values_list("pk", flat=True))


def judge(user, project, ranking):
    """The next seat's task, its answers put in this order (places in the order of their ids)."""
    seat = desk.claim(user, project)
    ids = order(seat.task)
    return desk.fill(seat, user, {"tiers": [[ids[place]] for place in ranking]}, key=desk.key_of(seat))


def ids(project, user, order="oldest", **filters):
    return reviewing.queue(reviewing.waiting(project, user, **filters), order)


def test_judgements_wait_oldest_newest_or_most_disputed_first(project, reviewer, rater):
    other = person(project, "other")
    asked(project, "calm"), asked(project, "disputed")
    calm = [judge(user, project, (0, 1, 2)) for user in (rater, other)]
    first, second = judge(rater, project, (0, 1, 2)), judge(other, project, (2, 1, 0))
    assert ids(project, reviewer, "oldest") == [calm[0].pk, calm[1].pk, first.pk, second.pk]
    assert ids(project, reviewer, "newest") == [second.pk, first.pk, calm[1].pk, calm[0].pk]
    assert ids(project, reviewer, "disputed") == [second.pk, first.pk, calm[1].pk, calm[0].pk]
    reviewing.approve(second, reviewer)
    assert ids(project, reviewer, "disputed") == [first.pk, calm[1].pk, calm[0].pk]


def test_disagreement_is_the_share_of_votes_on_pairs_that_differ(project, rater):
    raters = [rater, *(person(project, name) for name in ("b", "c"))]
    task = asked(project, overlap=3)
    for user, ranking in zip(raters, ((0, 1, 2), (0, 1, 2), (0, 2, 1)), strict=True):
        judge(user, project, ranking)
    found = reviewing.disagreements(reviewing.votes(reviewing.orderings([task.pk])))
    # Of three pairs of answers, two are agreed on by all (3 of 3 pairs of raters), one by 1 of 3: 7 of 9 agree.
    assert found == {task.pk: pytest.approx(2 / 9)}


def test_the_queue_is_filtered_by_rater_kind_and_flag(project, reviewer, rater):
    other = person(project, "other")
    task = asked(project)
    mine, theirs = judge(rater, project, (0, 1, 2)), judge(other, project, (0, 1, 2))
    assert ids(project, reviewer, rater="other") == [theirs.pk]
    assert ids(project, reviewer, kind="rank") == [mine.pk, theirs.pk]
    assert ids(project, reviewer, kind="write") == []
    assert ids(project, reviewer, flagged=True) == []
    Flag.objects.create(task=task, rater=rater, word="unclear")
    assert ids(project, reviewer, flagged=True) == [mine.pk, theirs.pk]


def test_nobody_reviews_their_own(project, reviewer):
    asked(project)
    own = judge(reviewer, project, (0, 1, 2))
    assert ids(project, reviewer) == []
    with pytest.raises(reviewing.Refused, match="your own"):
        reviewing.approve(own, reviewer)


def test_the_second_reviewer_is_told_who_was_first(project, reviewer, rater):
    asked(project)
    judgement = judge(rater, project, (0, 1, 2))
    reviewing.approve(judgement, reviewer)
    with pytest.raises(reviewing.Refused, match="reviewer has reviewed this one before you: approved"):
        reviewing.send_back(judgement, person(project, "late", Role.REVIEWER), "Look again")
    assert Review.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_reviewers_at_the_same_moment_leave_one_review(project, rater):
    asked(project)
    judgement = judge(rater, project, (0, 1, 2))
    reviewers = [person(project, f"r{number}", Role.REVIEWER) for number in range(6)]
    start, told = threading.Barrier(len(reviewers)), []

    def review(user):
        start.wait()
        try:
            reviewing.approve(judgement, user)
        except reviewing.Refused:
            told.append(user)
        connection.close()

    threads = [threading.Thread(target=review, args=(user,)) for user in reviewers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (Review.objects.count(), len(told)) == (1, 5)


def test_returning_needs_a_reason_and_lets_the_rater_answer_again(project, reviewer, rater):
    from annotation import correcting

    asked(project)
    judgement = judge(rater, project, (0, 1, 2))
    with pytest.raises(ValidationError):
        reviewing.send_back(judgement, reviewer, "  ")
    reviewing.send_back(judgement, reviewer, "The third is wrong.")
    assert list(correcting.returned(rater, project)) == [judgement]
    assert ids(project, reviewer) == []


def test_a_ruling_stands_for_what_raters_said_in_snapshots_taken_after_it(project, reviewer, rater, lead):
    other = person(project, "other")
    task = asked(project)
    first, second = judge(rater, project, (0, 1, 2)), judge(other, project, (2, 1, 0))
    before = snapshot.freeze(Snapshot.objects.create(project=project, name="before", created_by=lead))
    a, b, c = order(task)
    ruling = reviewing.rule(first, reviewer, {"tiers": [[b], [a]], "unacceptable": [c]}, comment="B is right.")
    assert (ruling.ruling, ruling.seat.filled is not None, ruling.order) == (True, True, first.order)
    after = snapshot.freeze(Snapshot.objects.create(project=project, name="after", created_by=lead))
    assert list(snapshot.judgements(before).order_by("pk")) == [first, second]
    assert list(snapshot.judgements(after)) == [ruling]
    assert ids(project, reviewer) == []


def test_a_ruling_sent_twice_is_one_and_a_second_reviewer_is_told(project, reviewer, rater):
    task = asked(project)
    judgement = judge(rater, project, (0, 1, 2))
    payload = {"tiers": [order(task)]}
    assert reviewing.rule(judgement, reviewer, payload) == reviewing.rule(judgement, reviewer, payload)
    with pytest.raises(reviewing.Refused, match="reviewer has ruled"):
        reviewing.rule(judgement, person(project, "late", Role.REVIEWER), payload)
    assert Judgement.objects.filter(ruling=True).count() == 1


def test_a_rater_of_the_task_cannot_rule_on_it(project, reviewer, rater):
    task = asked(project)
    judgement = judge(rater, project, (0, 1, 2))
    judge(reviewer, project, (2, 1, 0))
    with pytest.raises(reviewing.Refused, match="raters of this task"):
        reviewing.rule(judgement, reviewer, {"tiers": [order(task)]})
    assert Seat.objects.filter(task=task).count() == 2


def test_a_wrong_ruling_is_refused_and_makes_no_seat(project, reviewer, rater):
    task = asked(project)
    judgement = judge(rater, project, (0, 1, 2))
    with pytest.raises(ValidationError):
        reviewing.rule(judgement, reviewer, {"tiers": [order(task)[:1]]})
    assert Seat.objects.filter(task=task).count() == 2


def test_evaluations_are_not_reviewed(project, reviewer, rater):
    task = asked(project)
    Task.objects.filter(pk=task.pk).update(purpose=Task.Purpose.EVALUATE)
    judge(rater, project, (0, 1, 2))
    assert ids(project, reviewer) == []


def test_the_page_shows_answers_in_the_raters_order_with_what_was_said(client_of, project, reviewer, rater):
    asked(project, "Why <i>?")
    judgement = judge(rater, project, (2, 1, 0))
    shown = client_of(reviewer).get(reverse("review", args=[project.pk]))
    assert [answer.sample.pk for answer in shown.context["said"].answers] == judgement.order
    best = order(judgement.task)[2]
    words = {answer.sample.pk: [word.text for word in answer.words] for answer in shown.context["said"].answers}
    assert words[best] == ["Place 1"]
    assert b"Why &lt;i&gt;?" in shown.content
    assert b">mx<" not in shown.content


def test_one_follows_the_other_and_what_is_put_off_comes_again(client_of, project, reviewer, rater):
    asked(project, "a"), asked(project, "b")
    first, second = judge(rater, project, (0, 1, 2)), judge(rater, project, (0, 1, 2))
    browser, url = client_of(reviewer), reverse("review", args=[project.pk])
    assert browser.get(url, {"order": "oldest"}).context["judgement"] == first
    assert browser.get(url, {"order": "oldest", "after": first.pk}).context["judgement"] == second
    sent = browser.post(reverse("review_judgement", args=[project.pk, first.pk]) + "?order=oldest", {"verdict": "approved"})
    assert sent.url == f"{url}?order=oldest"
    assert browser.get(sent.url).context["judgement"] == second
    refused = browser.post(reverse("review_judgement", args=[project.pk, second.pk]), {"verdict": "returned", "comment": ""})
    assert (refused.status_code, refused.context["judgement"]) == (422, second)
    browser.post(reverse("review_judgement", args=[project.pk, second.pk]), {"verdict": "returned", "comment": "Again"})
    assert b"Every judgement is reviewed" in browser.get(url).content


def test_the_reviewer_answers_the_question_on_its_page(client_of, project, reviewer, rater):
    task = asked(project)
    judgement = judge(rater, project, (0, 1, 2))
    browser, url = client_of(reviewer), reverse("review_ruling", args=[project.pk, judgement.pk])
    assert b'name="tier-A"' in browser.get(url).content
    assert browser.post(url, {"tier-A": "1"}).status_code == 422
    browser.post(url, {"tier-A": "2", "tier-B": "1", "tier-C": "unacceptable", "comment": "So."})
    ruling = Judgement.objects.get(ruling=True)
    grades = {grade.sample_id: grade.value for grade in ruling.grades.filter(aspect="overall")}
    assert [grades[pk] for pk in judgement.order] == [1, 2, 0]
    assert (ruling.comment, ruling.task) == ("So.", task)
    assert browser.get(url).status_code == 302


@pytest.mark.parametrize("query", ["order=nonsense", "kind=nonsense", "after=x", "rater=%00", "after=99999999999999999999999"])
def test_a_queue_that_cannot_be_is_empty(client_of, project, reviewer, rater, query):
    asked(project)
    judge(rater, project, (0, 1, 2))
    assert client_of(reviewer).get(reverse("review", args=[project.pk]) + f"?{query}").context["judgement"] is None


def test_raters_and_strangers_do_not_review(client_of, project, rater):
    asked(project)
    judgement = judge(rater, project, (0, 1, 2))
    for url in (reverse("review", args=[project.pk]), reverse("review_judgement", args=[project.pk, judgement.pk])):
        assert client_of(rater).get(url).status_code == 403
        assert client_of(User.objects.create_user(f"stranger {len(url)}")).get(url).status_code == 404
