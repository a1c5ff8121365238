"""Queues a run, checked: the one door behind the admin, the pages, the REST API and `manage.py train`."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from annotation.models import Project, Snapshot
from annotation.parts import names, part
from training import schema
from training.models import Checkpoint, Corpus, Event, Run, RunInput
from training.online import Online
from training.schedule import Schedule
from training.schema import ConfigError, Input

if TYPE_CHECKING:
    from django.contrib.auth.models import User

Thing = Snapshot | Checkpoint | Corpus
MODELS: dict[str, type[Thing]] = {"snapshot": Snapshot, "checkpoint": Checkpoint, "corpus": Corpus}
RESOURCES = {"processes": (1, 64), "retries": (0, 100)}  # what an engine may be asked for: smallest, largest


def launch(
    *,
    user: User,
    project: Project,
    recipe: str,
    config: Mapping[str, Any],
    inputs: Mapping[str, Thing],
    seed: int = 0,
    engine: str = "local",
    resources: Mapping[str, Any] | None = None,
    name: str = "",
    preflight: bool = False,
) -> Run:
    """A queued run; with `preflight` one that only looks for what would be wrong with it.

    Raises ConfigError, whose `errors` name every bad field: of the config, an input, or `recipe`, `engine`, `seed`, `name`,
    `processes`, `retries`.
    """
    _known(recipe, engine)
    module, asked = part("RECIPES", recipe), dict(resources or {})
    check: Callable[[set[str]], dict[str, str]] = getattr(module, "check_inputs", lambda _names: {})
    errors = check(set(inputs)) | _about(seed, name) | _resource_errors(asked) | input_errors(module.INPUTS, inputs, project)
    try:
        checked = schema.as_dict(schema.parse(module.Config, dict(config)))
    except ConfigError as error:
        raise ConfigError(error.errors | errors) from None
    if errors:
        raise ConfigError(errors)
    with transaction.atomic():
        about = {"recipe": recipe, "name": name, "config": checked, "seed": seed, "engine": engine, "preflight": preflight}
        run = Run.objects.create(project=project, resources=asked, created_by=user, **about)
        RunInput.objects.bulk_create(RunInput(run=run, name=key, **{_kind(thing): thing}) for key, thing in inputs.items())
        Event.objects.create(run=run, attempt=1, kind="state", data={"from": "", "to": run.state, "why": ""})
    return run


def specification(run: Run) -> dict[str, Any]:
    """What `run.json` says: all that a trainer knows of its run."""
    inputs = {row.name: row.thing for row in run.inputs.select_related("snapshot", "checkpoint", "corpus")}
    return {
        "run": run.pk,
        "recipe": run.recipe,
        "main": settings.RECIPES[run.recipe],
        "config": run.config,
        "inputs": {name: str(place(thing)) for name, thing in inputs.items()},
        "input_names": {name: thing.name for name, thing in inputs.items()},
        "seed": run.seed,
        "resources": run.resources,
        **({"preflight": True} if run.preflight else {}),
    }


def again(run: Run, *, user: User, preflight: bool) -> Run:
    """Queues the same run anew: same recipe, config, inputs, seed. Raises ConfigError where it is no longer possible."""
    return launch(
        user=user,
        project=run.project,
        recipe=run.recipe,
        config=run.config,
        inputs={row.name: row.thing for row in run.inputs.select_related(*MODELS)},
        seed=run.seed,
        engine=run.engine,
        resources=run.resources,
        name=run.name,
        preflight=preflight,
    )


def recut(run: Run, processes: int) -> dict[str, Any]:
    """`config` and `resources` with which so many processes go on with a run, in steps of as many rows. Raises ConfigError."""
    recipe, config, resources = run.part.Config, run.config, {**run.resources, "processes": processes}
    if not issubclass(recipe, Schedule) or issubclass(recipe, Online):
        raise ConfigError({"processes": _("%(recipe)s goes on only in as many as it began with") % {"recipe": run.recipe}})
    if errors := _resource_errors(resources):
        raise ConfigError(errors)
    rows = config["batch_size"] * config["accumulation"] * run.resources.get("processes", 1)
    share, over = divmod(rows, processes)
    if over:
        raise ConfigError({"processes": _("must divide the %(rows)d rows of a step") % {"rows": rows}})
    batch = max(size for size in range(1, config["batch_size"] + 1) if share % size == 0)
    parallel = config["parallel"] if processes > 1 else "ddp"
    return {
        "config": {**config, "batch_size": batch, "accumulation": share // batch, "parallel": parallel},
        "resources": resources,
    }


def place(thing: Thing) -> Path:
    """Where an input is on disk: a folder, of a corpus a text file."""
    if isinstance(thing, Snapshot):
        return thing.folder.resolve()
    return Path(thing.path).resolve()


# What is wrong with it ----------------------------------------------------------------------------------------------------


def _known(recipe: str, engine: str) -> None:
    errors = {}
    if recipe not in names("RECIPES"):
        errors["recipe"] = _unknown(recipe, names("RECIPES"))
    if engine not in names("ENGINES"):
        errors["engine"] = _unknown(engine, names("ENGINES"))
    if errors:
        raise ConfigError(errors)


def _unknown(given: str, known: list[str]) -> str:
    near = difflib.get_close_matches(str(given), known, n=1, cutoff=0.5)
    if near:
        return _("there is no %(given)r; did you mean %(near)r?") % {"given": given, "near": near[0]}
    return _("there is no %(given)r; there are: %(known)s") % {"given": given, "known": ", ".join(known) or _("none")}


def _about(seed: Any, name: str) -> dict[str, str]:
    errors = {}
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**31:
        errors["seed"] = _("must be a whole number from 0 to 2147483647")
    if len(name) > 120:
        errors["name"] = _("must be at most 120 characters")
    return errors


def _resource_errors(asked: dict[str, Any]) -> dict[str, str]:
    errors = {key: _unknown(key, list(RESOURCES)) for key in asked if key not in RESOURCES}
    for key, (low, high) in RESOURCES.items():
        value = asked.get(key, low)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            errors[key] = _("must be a whole number from %(low)d to %(high)d") % {"low": low, "high": high}
    return errors


def input_errors(wanted: tuple[Input, ...], given: Mapping[str, Thing], project: Project) -> dict[str, str]:
    """What is wrong with the inputs, by their names: missing, unknown, of another kind, role or project, not there."""
    known = {want.name: want for want in wanted}
    errors = {name: _unknown(name, list(known)) for name in given if name not in known}
    for name, want in known.items():
        thing = given.get(name)
        if thing is None and want.required:
            errors[name] = _("a %(kind)s is needed: %(help)s") % {"kind": want.kind, "help": _(want.help)}
        elif thing is not None and (error := _thing_error(want, thing, project)):
            errors[name] = error
    return errors


def _thing_error(want: Input, thing: Thing, project: Project) -> str:
    if not isinstance(thing, MODELS[want.kind]):
        return _("must be a %(kind)s, not a %(given)s") % {"kind": want.kind, "given": _kind(thing)}
    if thing.project_id != project.pk:
        return _("%(thing)s belongs to another project") % {"thing": thing}
    if isinstance(thing, Checkpoint) and want.role and thing.role != want.role:
        return _("must be a checkpoint of role %(role)s; %(thing)s is a %(given)s") % {
            "role": want.role,
            "thing": thing,
            "given": thing.role,
        }
    if isinstance(thing, Snapshot) and not thing.frozen:
        return _("%(thing)s is not frozen yet: wait for it, or read its error") % {"thing": thing}
    if not place(thing).exists():
        return _("its files are gone from %(path)s") % {"path": place(thing)}
    return ""


def _kind(thing: Thing) -> str:
    return next((kind for kind, model in MODELS.items() if isinstance(thing, model)), type(thing).__name__)
