"""Where a checkpoint or a corpus comes from and what was made of it: it ← run ← inputs, up to the judgements of people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Prefetch

from annotation.models import Sample, Snapshot
from training.models import Checkpoint, Corpus, Run, RunInput

Made = Checkpoint | Corpus  # what a run may have made


@dataclass(frozen=True)
class Node:
    """One thing in a lineage, under the name by which the run below it used it."""

    thing: Run | Checkpoint | Snapshot | Corpus
    name: str = ""
    parents: list[Node] = field(default_factory=list)
    again: bool = False  # drawn elsewhere in the same tree: its parents are not repeated

    @property
    def kind(self) -> str:
        return self.thing._meta.model_name or ""


@dataclass(frozen=True)
class People:
    """Whose judgement stands behind a checkpoint: the snapshots it descends from, and what their manifests count."""

    snapshots: list[Snapshot]
    judgements: int
    raters: int
    simulated: int  # of the judgements: by programs, not people
    licences: list[str]


def inputs_of(runs: Iterable[Run]) -> Any:
    return RunInput.objects.filter(run__in=runs).select_related("snapshot__project", "checkpoint", "corpus").order_by("id")


def ancestry(checkpoint: Checkpoint) -> Node:
    """The tree above a checkpoint; two queries a generation, each thing that a run made expanded once."""
    return _tree(checkpoint, "", _generations([checkpoint]), set())


def ancestry_of_run(run: Run) -> list[Node]:
    """The trees of a run's inputs."""
    inputs = list(inputs_of([run]))
    found = _generations([row.thing for row in inputs])
    drawn: set[Made] = set()
    return [_tree(row.thing, row.name, found, drawn) for row in inputs]


def _generations(things: list[Any]) -> dict[Made, tuple[Run, list[RunInput]]]:
    """For each checkpoint and corpus above that a run made: that run and its inputs."""
    found: dict[Made, tuple[Run, list[RunInput]]] = {}
    level: list[Made] = [one for one in things if isinstance(one, Made) and one.run_id]
    while level:
        made = Run.objects.filter(pk__in=[one.run_id for one in level])
        runs = {run.pk: run for run in made.prefetch_related(Prefetch("inputs", inputs_of(made), to_attr="given"))}
        found |= {one: (runs[one.run_id], runs[one.run_id].given) for one in level}  # type: ignore[attr-defined,index]
        above = {row.thing for run in runs.values() for row in run.given}  # type: ignore[attr-defined]
        level = [one for one in above if isinstance(one, Made) and one.run_id and one not in found]
    return found


def _tree(thing: Any, name: str, found: dict[Made, tuple[Run, list[RunInput]]], drawn: set[Made]) -> Node:
    if thing not in found:
        return Node(thing, name)
    if thing in drawn:
        return Node(thing, name, again=True)
    drawn.add(thing)
    run, inputs = found[thing]
    return Node(thing, name, [Node(run, "", [_tree(row.thing, row.name, found, drawn) for row in inputs])])


def people(nodes: Iterable[Node]) -> People:
    """The snapshots in these trees. Counts are the newest one's of each project, so that nobody is counted twice."""
    behind = [node.thing for node in inherited(nodes)]
    snapshots = {thing.pk: thing for thing in behind if isinstance(thing, Snapshot)}
    ordered = sorted(snapshots.values(), key=lambda snapshot: snapshot.pk)
    newest = {snapshot.project_id: counts(snapshot) for snapshot in ordered}
    licences = {
        row["licence"] for snapshot in ordered for row in (snapshot.manifest or {}).get("licences", []) if row.get("licence")
    }
    licences |= {thing.licence for thing in behind if isinstance(thing, Made) and thing.licence}
    return People(
        ordered,
        sum(count.get("rows", 0) for count in newest.values()),
        sum(count.get("raters", 0) for count in newest.values()),
        sum(count.get("simulated", 0) for count in newest.values()),
        sorted(licences),
    )


def counts(snapshot: Snapshot) -> dict[str, Any]:
    return (snapshot.manifest or {}).get("counts", {})


def inherited(nodes: Iterable[Node]) -> Iterable[Node]:
    """Every node of the trees but those that a run only compared with: nothing of them is in what it made."""
    for node in nodes:
        yield node
        apart = {wanted.name for wanted in node.thing.part.INPUTS if wanted.apart} if isinstance(node.thing, Run) else set()
        yield from inherited(parent for parent in node.parents if parent.name not in apart)


def used_by(checkpoint: Checkpoint) -> list[Run]:
    """The runs that started from this checkpoint, with what they made."""
    return list(
        Run.objects.filter(inputs__checkpoint=checkpoint)
        .distinct()
        .select_related("project")
        .prefetch_related("checkpoints")
        .order_by("-id")
    )


def samples_of(checkpoint: Checkpoint) -> int:
    """How many answers this checkpoint has given in its project."""
    return Sample.objects.filter(model=checkpoint.name, prompt__project=checkpoint.project_id).count()
