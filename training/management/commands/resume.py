"""Goes on with a run that stopped or failed, from its last whole checkpoint; `--processes N`: in another number of them."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from training import moves
from training.launch import recut
from training.models import Run
from training.schema import ConfigError


class Command(BaseCommand):
    """`manage.py resume`: queues another attempt; steps stay of as many rows, whatever they are cut into."""

    help = __doc__ or ""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("run", type=int, metavar="RUN", help="the run's number")
        parser.add_argument("--processes", type=int, help="as many as it began with if not given")

    def handle(self, *args: Any, **options: Any) -> None:
        run = Run.objects.filter(pk=options["run"]).first()
        if run is None:
            raise CommandError(f"there is no run {options['run']}")
        try:
            changed = recut(run, options["processes"]) if options["processes"] is not None else {}
        except ConfigError as error:
            raise CommandError("\n".join(f"{field}: {sentence}" for field, sentence in error.errors.items())) from None
        if not moves.resume(run, **changed):
            raise CommandError(f"{run} is {run.state}: only a run that stopped or failed can be resumed")
        self.stdout.write(f"{run} queued, attempt {run.attempt}: {run.folder}")
