"""An account, made or changed from the command line."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from annotation.models import Member, Project, Role


class Command(BaseCommand):
    help = (
        "Creates the account NAME, or changes it: password, role in a project, superuser. "
        "Example: manage.py user ana --password '…' --role lead --project River --create-project"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the user name")
        parser.add_argument("--password", help="the password; needed for a new account, an existing one keeps its own without it")
        parser.add_argument("--role", choices=Role.values, help="their role in --project (default: rater)")
        parser.add_argument("--project", help="name or number of the project that they join")
        parser.add_argument("--create-project", action="store_true", help="create --project if there is none of that name")
        parser.add_argument("--superuser", action="store_true", help="may do everything, and sees the admin pages")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        if (options["role"] or options["create_project"]) and not options["project"]:
            raise CommandError("--role and --create-project need --project NAME.")
        user, created = self._account(options)
        words = ["created" if created else "changed"]
        if options["project"]:
            member = self._membership(user, options)
            words.append(f"{member.role} in {member.project}")
        if user.is_superuser:
            words.append("superuser")
        self.stdout.write(f"{user.username}: {', '.join(words)}")

    def _account(self, options: dict[str, Any]) -> tuple[User, bool]:
        user = User.objects.filter(username=options["name"]).first()
        created, user = user is None, user or User(username=options["name"])
        if created and not options["password"]:
            raise CommandError(f"there is no account {options['name']!r} yet: give it a --password.")
        if options["superuser"]:
            user.is_superuser = user.is_staff = True
        self._set_password(user, options["password"])
        user.save()
        return user, created

    def _set_password(self, user: User, password: str | None) -> None:
        try:
            if password:
                validate_password(password, user)
                user.set_password(password)
            user.full_clean(exclude=["password"])
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error

    def _membership(self, user: User, options: dict[str, Any]) -> Member:
        project = self._project(options["project"], options["create_project"])
        given = {"role": options["role"]} if options["role"] else {}
        member, _created = Member.objects.update_or_create(
            user=user, project=project, defaults=given, create_defaults={"role": Role.RATER, **given}
        )
        return member

    def _project(self, name: str, create: bool) -> Project:
        project = Project.objects.filter(name=name).first()
        if project is None and name.isdecimal():
            project = Project.objects.filter(pk=int(name)).first()
        if project is None and create:
            project = Project.objects.create(name=name)
        if project is None:
            known = ", ".join(Project.objects.order_by("name").values_list("name", flat=True)[:20]) or "none"
            raise CommandError(f"there is no project {name!r}; there are: {known}. --create-project makes it.")
        return project
