"""Makes an API token for a user and prints it, this once. Programs send it as `Authorization: Bearer TOKEN`."""

from __future__ import annotations

import argparse
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from annotation.people import ApiToken, Scope, every_scope


def scopes(text: str) -> list[str]:
    """Scopes separated by commas."""
    given = [word.strip() for word in text.split(",") if word.strip()]
    if unknown := set(given) - set(Scope.values):
        raise argparse.ArgumentTypeError(f"no scope {', '.join(sorted(unknown))}; there are: {', '.join(Scope.values)}")
    return given


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("username", metavar="NAME", help="the user as whom the token acts")
        parser.add_argument(
            "--scopes",
            type=scopes,
            default=every_scope(),
            help=f"what it may do, separated by commas (default: {','.join(Scope.values)})",
        )
        parser.add_argument("--label", default="command line", help="its name on the tokens page (default: command line)")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(f"there is no user {options['username']!r}; make one with `manage.py user {options['username']}`")
        _token, secret = ApiToken.issue(user=user, name=options["label"], scopes=options["scopes"])
        self.stdout.write(secret)
