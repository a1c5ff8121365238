"""Queues a run of a recipe. `manage.py train RECIPE --help` lists the recipe's inputs and options."""

from __future__ import annotations

import argparse
import textwrap
import time
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, DjangoHelpFormatter
from tqdm import tqdm

from annotation.models import Project, Role
from annotation.parts import names, part
from training import schema, supervisor
from training.launch import MODELS, Thing, launch
from training.models import Run
from training.schema import ConfigError


class Help(DjangoHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Django's order of options, and the recipe's own lines as they are."""


class Command(BaseCommand):
    help = __doc__ or ""
    about = ""  # the recipe's inputs and options, for --help

    def run_from_argv(self, argv: list[str]) -> None:
        self.about = next((describe(word) for word in argv[2:3] if word in names("RECIPES")), "")
        super().run_from_argv(argv)

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.formatter_class = Help
        parser.epilog = self.about
        parser.add_argument("recipe", metavar="RECIPE", help=f"one of: {', '.join(names('RECIPES'))}")
        parser.add_argument("--project", required=True, metavar="P", help="name or id of the project")
        for flag, form, what in (
            ("--input", "NAME=THING", "an input, by its name or id; repeat for each"),
            ("--set", "OPTION=VALUE", "an option of the recipe; repeat for each"),
        ):
            parser.add_argument(flag, action="append", type=_pair, default=[], metavar=form, help=what)
        parser.add_argument("--seed", type=int, default=0, help="of every random choice (default: 0)")
        parser.add_argument(
            "--engine", default="local", help=f"where it runs, one of: {', '.join(names('ENGINES'))} (default: local)"
        )
        parser.add_argument("--processes", type=int, default=1, help="trainer processes (default: 1)")
        parser.add_argument("--name", default="", help="what its checkpoint will be called")
        parser.add_argument("--user", metavar="NAME", help="in whose name (default: a lead of the project)")
        parser.add_argument(
            "--wait", action="store_true", help="stay until it has ended, starting and following it here; fails when the run does"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        run = queued(**options)
        self.stdout.write(f"run {run.pk} queued: {run.folder}")
        if options["wait"]:
            self._wait(run)

    def _wait(self, run: Run) -> None:
        """Does the supervisor's work meanwhile: two of them are harmless, and without any the run would never start."""
        with tqdm(desc=str(run), unit=" steps", disable=None) as bar:
            while not run.ended:
                supervisor.tick()
                run.refresh_from_db()
                _show(bar, run)
                time.sleep(0.5)
        last = run.events.filter(kind="state").order_by("-id").first()
        why = last.data["why"] if last else ""
        if run.state != Run.State.SUCCEEDED:
            raise CommandError(f"run {run.pk} {run.state}: {why}")
        made = run.checkpoints.first()
        self.stdout.write(f"run {run.pk} succeeded{f': checkpoint {made.name} at {made.path}' if made else ''}")


def describe(recipe: str) -> str:
    """The inputs and options of a recipe, as --help shows them."""
    module = part("RECIPES", recipe)
    lines = [module.TITLE, "", "inputs (--input NAME=THING):"]
    for given in module.INPUTS:
        kind = f"{given.role} {given.kind}".strip() + ("" if given.required else ", optional")
        lines += _entry(f"{given.name} ({kind})", given.help)
    lines += ["", "options (--set OPTION=VALUE):"]
    for option in schema.options(module.Config):
        about = " | ".join(option.choices) or option.type.__name__
        unit = f" {option.unit}" if option.unit else ""
        lines += _entry(f"{option.name}={option.default}{unit} ({about})", option.help)
    return "\n".join(lines)


def _entry(head: str, text: str) -> list[str]:
    return [f"  {head}", *textwrap.wrap(text, 100, initial_indent="      ", subsequent_indent="      ")]


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{text!r} must be NAME=VALUE")
    return name, value


def queued(
    *,
    recipe: str,
    project: str,
    seed: int,
    engine: str,
    processes: int,
    name: str,
    user: str | None,
    preflight: bool = False,
    **options: Any,
) -> Run:
    """The run that a command line describes. Raises CommandError with a sentence for each thing that is wrong with it."""
    if recipe not in names("RECIPES"):
        raise CommandError(f"there is no recipe {recipe!r}; there are: {', '.join(names('RECIPES'))}")
    home = _project(project)
    try:
        return launch(
            user=_user(home, user),
            project=home,
            recipe=recipe,
            config=dict(options["set"]),
            inputs=_inputs(recipe, home, options["input"]),
            seed=seed,
            engine=engine,
            resources={"processes": processes},
            name=name,
            preflight=preflight,
        )
    except ConfigError as error:
        raise CommandError("\n".join(f"{field}: {sentence}" for field, sentence in error.errors.items())) from None


def _project(given: str) -> Project:
    found = _named(Project.objects.all(), given)
    if found is None:
        raise CommandError(f"there is no project {given!r}")
    return found


def _user(project: Project, given: str | None) -> User:
    users = User.objects.filter(is_active=True)
    if given:
        found = users.filter(username=given).first()
    else:
        leads = users.filter(memberships__project=project, memberships__role=Role.LEAD)
        found = leads.order_by("pk").first() or users.filter(is_superuser=True).order_by("pk").first()
    if found is None:
        raise CommandError(f"there is no user {given!r}" if given else f"{project} has no lead: name a user with --user")
    return found


def _inputs(recipe: str, project: Project, given: list[tuple[str, str]]) -> dict[str, Thing]:
    """The things named on the command line. An input that the recipe does not know is refused with the names that it knows."""
    kinds = {known.name: known.kind for known in part("RECIPES", recipe).INPUTS}
    things: dict[str, Thing] = {}
    for name, word in given:
        if name not in kinds:
            raise ConfigError({name: f"{recipe} has no such input; it has: {', '.join(kinds) or 'none'}"})
        thing = _named(MODELS[kinds[name]].objects.filter(project=project), word)
        if thing is None:
            raise ConfigError({name: f"there is no {kinds[name]} {word!r} in {project}"})
        things[name] = thing
    return things


def _named(rows: Any, word: str) -> Any:
    """By name, or else by id."""
    return rows.filter(name=word).first() or (rows.filter(pk=int(word)).first() if word.isdecimal() else None)


def _show(bar: Any, run: Run) -> None:
    bar.set_postfix_str(run.get_state_display(), refresh=False)
    if event := run.events.filter(kind="progress").order_by("-id").first():
        bar.unit, bar.total, bar.n = f" {event.data.get('unit', 'steps')}", event.data["total"], event.data["done"]
    bar.refresh()
