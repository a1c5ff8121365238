"""`manage.py snapshot PROJECT`: freezes a project's judgements at once and prints where they are."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation import frozen, snapshot
from annotation.management.find import project_named
from annotation.models import Member, Project, Role, Snapshot


class Command(BaseCommand):
    help = (
        "Freezes the prompts and the judgements in force of a project into prompts.jsonl, rows.jsonl and manifest.json, split by "
        "prompt into train, validation and test. Prints the folder and what it holds."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("project", help="name or number of the project")
        parser.add_argument("--name", help="of the snapshot; by default v1, v2, …")
        for name, share in snapshot.DEFAULTS.items():
            parser.add_argument(f"--{name}", type=float, default=share, help=f"share of the prompts, of 1 (default {share})")
        parser.add_argument("--reliability", action="store_true", help="add soft labels: weights, and how sure preferences are")

    def handle(self, **options: Any) -> None:
        project = project_named(options["project"])
        name = options["name"] or f"v{project.snapshots.count() + 1}"
        if Snapshot.objects.filter(project=project, name=name).exists():
            raise CommandError(f"{project} has a snapshot {name!r}: give another --name")
        try:
            soft = {"reliability": True} if options["reliability"] else {}
            shares = snapshot.options({key: options[key] for key in snapshot.DEFAULTS} | soft)
            taken = Snapshot.objects.create(project=project, name=name, options=shares, created_by=_owner(project))
            snapshot.freeze(taken)
        except (ValueError, OSError) as error:
            raise CommandError(str(error)) from None
        counts = (taken.manifest or {})["counts"]
        splits = ", ".join(f"{split} {counts['by_split'][split]}" for split in frozen.SPLITS)
        self.stdout.write(
            f"{taken.folder}\n{counts['prompts']} prompts, {counts['rows']} judgements ({splits}), {counts['raters']} raters"
        )


def _owner(project: Project) -> User:
    """On whose account a snapshot of the command line goes: the first lead, else the first superuser."""
    lead = Member.objects.filter(project=project, role=Role.LEAD).select_related("user").order_by("pk").first()
    owner = lead.user if lead else User.objects.filter(is_superuser=True).order_by("pk").first()
    if owner is None:
        raise CommandError(f"{project} has no lead: make one with manage.py user NAME --role lead --project {str(project)!r}")
    return owner
