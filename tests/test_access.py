"""Denied by default: every URL with every role. A route that is not in the table fails the build, and so does a row without one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from annotation import desk, seating
from annotation.models import ApiToken, Flag, Invitation, Member, Project, Prompt, Role, Sample, Snapshot, Task
from evals.models import Evaluation
from training.models import Checkpoint, Corpus, Run
from training.rundir import RunDir

WORDS = {
    "public": """
        login logout set_language join api_link
    """,
    "signed_in": """
        home tokens token_revoke api_schema api_docs api_projects api_recipes
    """,
    "rater": """
        languages change_last change flag api_change api_flag desk next_seat seat submit draft release skip differences
        changes preview api_project api_next_seat api_seat api_judgement api_draft api_release api_skip
    """,
    "reviewer": """
        flags api_flags browse browse_samples browse_judgements browse_prompt evaluations evaluation evaluation_file
        evaluation_json api_prompts api_samples api_tasks api_judgements api_snapshots review review_judgement review_ruling
        quality api_snapshot api_rows api_links api_evaluations api_evaluation
    """,
    "lead": """
        flag_settle api_flag_settle api_scores members member_role member_remove invitation_revoke project_new project
        project_edit import import_check import_commit import_problems tasks tasks_write project_new_preview project_preview
        project_state tasks_answers tasks_release known_answers known_make known_unmake tasks_overlap snapshots snapshot_new
        snapshot snapshot_retry runs recipes run_new run run_live run_stop run_resume run_start run_raters
        checkpoints checkpoint_import checkpoint checkpoint_tokens corpora evaluation_new api_members api_member
        api_invitations api_imports
        api_task_seats api_reference api_corpora api_checkpoints api_runs api_checkpoint api_run api_events api_log api_stop
        api_findings api_resume
    """,
}
TABLE = {name: word for word, names in WORDS.items() for name in names.split()}

ROLES = ("nobody", "stranger", "rater", "reviewer", "lead", "superuser")
ALLOWED = {
    "public": set(ROLES),
    "signed_in": set(ROLES) - {"nobody"},
    Role.RATER: {"rater", "reviewer", "lead", "superuser"},
    Role.REVIEWER: {"reviewer", "lead", "superuser"},
    Role.LEAD: {"lead", "superuser"},
}


@dataclass(frozen=True)
class Route:
    name: str
    pattern: str
    access: str | None
    names: tuple[str, ...]


def routes(resolver: URLResolver | None = None, prefix: str = "") -> list[Route]:
    """Every route of the site but Django admin's, whose own tests are Django's."""
    found = []
    for entry in (resolver or get_resolver()).url_patterns:
        path = prefix + str(entry.pattern)
        if path.startswith("admin/"):
            continue
        if isinstance(entry, URLResolver):
            found += routes(entry, path)
        elif isinstance(entry, URLPattern):
            access = getattr(entry.callback, "access", None)
            found.append(Route(entry.name or path, path, access, tuple(entry.pattern.converters)))
    return found


@pytest.fixture
def people(db) -> dict[str, Client]:
    """A client for each role in one project, and for a stranger who has a role only in another."""
    project = Project.objects.create(name="Ours")
    clients = {"nobody": Client()}
    for role in ROLES[1:]:
        user = User.objects.create_user(role, is_superuser=role == "superuser", is_staff=role == "superuser")
        if role in Role.values:
            Member.objects.create(user=user, project=project, role=role)
        clients[role] = Client()
        clients[role].force_login(user)
    theirs = Project.objects.create(name="Theirs")
    Member.objects.create(user=User.objects.get(username="stranger"), project=theirs, role=Role.LEAD)
    return clients


@pytest.fixture
def things(people) -> dict[str, object]:
    """One of everything that a URL may name, in the project of `people`."""
    project, lead = Project.objects.get(name="Ours"), User.objects.get(username="lead")
    prompt = Prompt.objects.create(project=project, messages=[{"role": "user", "content": "Why?"}])
    sample = Sample.objects.create(prompt=prompt, messages=[{"role": "assistant", "content": "So."}], model="outside")
    task = Task.objects.create(prompt=prompt, kind="write")
    seating.add_seats(task.prompt.project, [(task, 5)])
    run = Run.objects.create(project=project, recipe="pretrain", created_by=lead)
    RunDir.create(run.folder, {"run": run.pk, "recipe": run.recipe, "main": "x", "config": {}, "inputs": {}, "seed": 0})
    invitation, secret = Invitation.issue(project=project, created_by=lead, expires=timezone.now() + timedelta(days=1), places=9)
    return {
        "project_id": project.pk,
        "prompt_id": prompt.pk,
        "sample_id": sample.pk,
        "task_id": task.pk,
        "run_id": run.pk,
        "recipe": "pretrain",
        "secret": secret,
        "invitation_id": invitation.pk,
        "member_id": Member.objects.get(user__username="rater").pk,
        "token_id": ApiToken.issue(user=lead, name="t")[0].pk,
        "snapshot_id": Snapshot.objects.create(project=project, name="s", created_by=lead).pk,
        "checkpoint_id": Checkpoint.objects.create(
            project=project, name="c", role="causal-lm", path="/c", source="a folder", digest="0" * 64
        ).pk,
        "corpus_id": Corpus.objects.create(project=project, name="c", digest="0" * 64, size=1, created_by=lead).pk,
        "evaluation_id": Evaluation.objects.create(project=project, name="e", created_by=lead).pk,
        "flag_id": Flag.objects.create(task=task, rater=lead, word=Flag.Word.UNCLEAR).pk,
        "task": task,
    }


def test_every_route_is_in_the_table_and_wears_its_word():
    assert {route.name: str(route.access) for route in routes()} == TABLE


def let_in(answer: HttpResponse) -> bool:
    """Whether the caller was let in; an incomplete body is refused only after that."""
    sent_to_sign_in = answer.headers.get("Location", "").startswith(f"{reverse('login')}?next=")
    return answer.status_code not in {401, 403, 404} and not sent_to_sign_in


def expected(route: Route, role: str) -> bool:
    """A stranger leads another project: welcome where a URL names nothing of ours, a stranger where it does."""
    if role == "stranger" and route.access in Role.values:
        return not OURS & set(route.names)
    return role in ALLOWED[route.access]


def call(client: Client, url: str) -> HttpResponse:
    """The answer to the first method that the route has."""
    for method in (client.get, client.post, client.put, client.patch):
        if (answer := method(url)).status_code != 405:
            return answer
    raise AssertionError(f"{url} answers no method")


OURS = {
    f"{name}_id"
    for name in (
        "project", "task", "seat", "snapshot", "run", "checkpoint", "evaluation", "member", "invitation", "flag", "judgement",
    )
}  # fmt: skip
# A signed link is its own permission: tests/api/test_api_snapshots.py shows whom it lets in.
ASKED = [route for route in routes() if route.name != "api_link"]


@pytest.mark.parametrize("route", ASKED, ids=[route.name for route in ASKED])
def test_a_route_lets_in_those_whom_its_word_names_and_nobody_else(route, people, things):
    assert {role: asked(route, role, people, things) for role in ROLES} == {role: expected(route, role) for role in ROLES}


def asked(route: Route, role: str, people: dict[str, Client], things: dict[str, object]) -> bool:
    """Whether somebody of this role is let in; what their call changed in the database is undone for the next."""
    with transaction.atomic():
        known = things | own(route, role, people, things["task"])
        url = reverse(route.name, kwargs={name: known[name] for name in route.names})
        answer = let_in(call(people[role], url))
        transaction.set_rollback(True)
    return answer


def own(route: Route, role: str, people: dict[str, Client], task: Task) -> dict[str, object]:
    """What a URL names that must be the caller's own, or that a call uses up: a seat that they hold, a token, an upload."""
    found: dict[str, object] = {}
    user = User.objects.filter(username=role).first()
    if "seat_id" in route.names:
        held = desk.claim(user, task.prompt.project) if role in ALLOWED[Role.RATER] else task.seats.first()
        found["seat_id"] = held.pk
    if "judgement_id" in route.names:
        judge = user if role in ALLOWED[Role.RATER] else User.objects.get(username="rater")
        seat = desk.claim(judge, task.prompt.project)
        found["judgement_id"] = desk.fill(seat, judge, {"text": "So."}, key="judged").pk
    if "upload" in route.names:
        file = SimpleUploadedFile("prompts.jsonl", b'{"prompt": "Why not?"}')
        sent = people["lead"].post(reverse("import", args=[task.prompt.project_id]), {"shape": "prompts", "file": file})
        found["upload"] = sent.url.rstrip("/").split("/")[-1]
    if "token_id" in route.names and user:
        found["token_id"] = ApiToken.issue(user=user, name="mine")[0].pk
    return found
