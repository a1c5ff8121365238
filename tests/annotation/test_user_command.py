"""`manage.py user` creates and changes accounts, and says what is wrong."""

from __future__ import annotations

from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from annotation.models import Project, Role

PASSWORD = "a river of nine words"


def user(*arguments: str) -> str:
    out = StringIO()
    call_command("user", *arguments, stdout=out)
    return out.getvalue()


def test_an_account_is_created_with_its_role(project):
    assert user("ana", "--password", PASSWORD, "--role", "lead", "--project", "River") == "ana: created, lead in River\n"
    ana = User.objects.get(username="ana")
    assert ana.check_password(PASSWORD)
    assert project.role_of(ana) == Role.LEAD


def test_an_account_is_changed_and_keeps_what_was_not_named(project):
    user("ana", "--password", PASSWORD, "--role", "lead", "--project", "River")
    assert user("ana", "--project", str(project.pk), "--superuser") == "ana: changed, lead in River, superuser\n"
    assert User.objects.get(username="ana").check_password(PASSWORD)


def test_a_project_is_created_when_asked_for(db):
    user("ana", "--password", PASSWORD, "--project", "Sea", "--create-project")
    assert Project.objects.get(name="Sea").members.get().role == Role.RATER


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ana"], "give it a --password"),
        (["ana", "--password", "1234"], "too short"),
        (["a na", "--password", PASSWORD], "valid username"),
        (["ana", "--password", PASSWORD, "--role", "lead"], "need --project"),
        (["ana", "--password", PASSWORD, "--project", "Rivr"], "there are: River. --create-project makes it"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_left_behind(project, arguments, words):
    with pytest.raises(CommandError, match=words):
        user(*arguments)
    assert not User.objects.filter(username__startswith="a").exists()
