"""Says what is wrong with a run before it costs anything: `preflight RECIPE` with the arguments of `train`, or `preflight RUN`."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import CommandError

from annotation.parts import names
from training import preflight_page
from training.launch import again
from training.management.commands import train
from training.models import Run
from training.preflight.severity import SEVERITIES, STOP


class Command(train.Command):
    """`manage.py preflight`: waits for the findings and prints them; fails where one of them says stop."""

    help = __doc__ or ""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        for action in parser._actions:
            if action.dest == "recipe":
                action.metavar, action.help = "RECIPE|RUN", f"{action.help}; or the number of a run"
            if action.dest == "project":
                action.required = False
            if action.dest == "wait":
                action.help = "it always waits"

    def handle(self, *args: Any, **options: Any) -> None:
        run = self._queue(**options)
        self.stdout.write(f"{run} queued: {run.folder}")
        self._wait(run)
        found = preflight_page.report(run)["findings"]
        for one in found:
            self._say(one)
        counts = ", ".join(f"{sum(one['severity'] == word for one in found)} {word}" for word in SEVERITIES)
        if any(one["severity"] == STOP for one in found):
            raise CommandError(f"{len(found)} findings: {counts}")
        self.stdout.write(f"{len(found)} findings: {counts}")

    def _queue(self, **options: Any) -> Run:
        word = options["recipe"]
        if not word.isdecimal() or word in names("RECIPES"):
            if not options["project"]:
                raise CommandError("name the project: --project P")
            return train.queued(preflight=True, **options)
        run = Run.objects.filter(pk=int(word)).first()
        if run is None:
            raise CommandError(f"there is no run {word}")
        return again(run, user=run.created_by, preflight=True)

    def _say(self, found: dict[str, Any]) -> None:
        what, why, todo = preflight_page.sentences(found)
        ids = ", ".join(map(str, found["ids"][:20])) + (" …" if len(found["ids"]) > 20 else "")
        where = f"\n  {found['unit']} {ids}" if ids else ""
        self.stdout.write(f"{found['severity'].upper()} {found['check']}: {what}{where}\n  {why}\n  → {todo}\n")
