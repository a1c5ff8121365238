"""Many rows at once: a project with any number of tasks, and the past of a rater, written by the database itself.

What they say is not put into the search index: a million tasks would take an hour over it, and no rater at the desk reads it.

`INSERT … SELECT` from a series of numbers, on both databases. Seats made in this way are right for a measurement only: in the
product `annotation/desk.py` alone writes them, and it keeps promises that nothing checks here.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django.contrib.auth.models import User
from django.core.management.color import no_style
from django.db import connection, models, transaction
from django.db.models import Max
from django.utils import timezone

from annotation.models import Grade, Guidelines, Judgement, Member, Project, Prompt, Role, Sample, Seat, Task
from bench import texts


def a_project(name: str, *, tasks: int, answers: int, overlap: int) -> Project:
    """An open project of `tasks` rank tasks that show `answers` answers each, with guidelines; nobody has judged yet."""
    _unsearched()
    project = Project.objects.create(name=name, overlap=overlap)
    Guidelines.objects.create(project=project, version=1, text=texts.GUIDELINES)
    prompt, sample, task, seat, shown = (_last(model) for model in (Prompt, Sample, Task, Seat, Task.samples.through))
    each, answer = {"n": tasks}, {"n": tasks, "k": answers}
    insert(
        Prompt,
        each,
        id=f"{prompt} + n",
        project_id=project.pk,
        messages=_said("user", texts.QUESTION),
        digest=_digest(f"{prompt} + n"),
    )
    insert(
        Sample,
        answer,
        id=f"{sample} + (n - 1) * {answers} + k",
        prompt_id=f"{prompt} + n",
        messages=_said("assistant", texts.ANSWER),
        model="'model-' || k",
    )
    insert(Task, each, id=f"{task} + n", prompt_id=f"{prompt} + n", kind="'rank'")
    insert(
        Task.samples.through,
        answer,
        id=f"{shown} + (n - 1) * {answers} + k",
        task_id=f"{task} + n",
        sample_id=f"{sample} + (n - 1) * {answers} + k",
    )
    insert(
        Seat,
        {"n": tasks, "k": overlap},
        id=f"{seat} + (n - 1) * {overlap} + k",
        project_id=project.pk,
        task_id=f"{task} + n",
        order=_ids(f"{sample} + (n - 1) * {answers}", answers),
    )
    _settle()
    return project


def raters(project: Project, count: int) -> list[User]:
    """So many new raters of the project; they cannot sign in with a password."""
    first = _last(User) + 1
    names = [f"{project.name}-{number}" for number in range(first, first + count)]
    users = User.objects.bulk_create(User(username=name, password="!") for name in names)
    Member.objects.bulk_create(Member(user=user, project=project, role=Role.RATER) for user in users)
    return users


def judged(project: Project, rater: User, count: int) -> None:
    """The rater has judged the first `count` tasks of the project: one seat of each is filled, with its judgement and grades."""
    now, guidelines = timezone.now(), project.guidelines
    first = Seat.objects.filter(project=project).values("task_id").annotate(seat=models.Min("pk")).order_by("task_id")[:count]
    seats = Seat.objects.filter(pk__in=models.Subquery(first.values("seat")))
    seats.update(rater=rater, held_since=now, filled=now, guidelines=guidelines)
    seat, task = Seat.objects.in_project(project).aggregate(first=models.Min("pk"), task=models.Min("task_id")).values()
    last, grade, answers, overlap = _last(Judgement), _last(Grade), len(Seat.objects.get(pk=seat).order), project.overlap
    sample = Sample.objects.filter(prompt__project=project).aggregate(first=models.Min("pk"))["first"]
    insert(
        Judgement,
        {"n": count},
        id=f"{last} + n",
        task_id=f"{task} + n - 1",
        seat_id=f"{seat} + (n - 1) * {overlap}",
        rater_id=rater.pk,
        guidelines_id=guidelines and guidelines.pk,
        key=f"'past-' || ({last} + n)",
        order=_ids(f"{sample} + (n - 1) * {answers} - 1", answers),
        seconds="30 + n % 60",
    )
    for aspect, value in (("overall", "(n + k) % 3"), ("acceptable", "1")):
        insert(
            Grade,
            {"n": count, "k": answers},
            id=f"{grade} + (n - 1) * {answers} + k",
            judgement_id=f"{last} + n",
            sample_id=f"{sample} + (n - 1) * {answers} + k - 1",
            aspect=f"'{aspect}'",
            value=value,
        )
        grade += count * answers
    _settle()


def insert(model: type[models.Model], series: dict[str, int], /, **values: Any) -> None:
    """One row for each combination of the numbers from 1 to what `series` says; a column is an SQL expression over them.

    Columns that are not named get the default of their field.
    """
    fields = model._meta.concrete_fields
    unknown = set(values) - {field.attname for field in fields}
    assert not unknown, f"{model.__name__} has no {unknown}"
    given = [_expression(field, values.get(field.attname)) for field in fields]
    columns = ", ".join(connection.ops.quote_name(field.column) for field in fields)
    asked = ", ".join(expression for expression, _parameters in given)
    source = " CROSS JOIN ".join(f"({_numbers(name, count)}) AS of_{name}" for name, count in series.items())
    table = connection.ops.quote_name(model._meta.db_table)
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL session_replication_role = replica")  # foreign keys are not looked up row by row
        sql = f"INSERT INTO {table} ({columns}) SELECT {asked} FROM {source}"
        cursor.execute(sql, [parameter for _expression, parameters in given for parameter in parameters])


def _expression(field: models.Field, given: Any) -> tuple[str, list[Any]]:
    if given is None:
        return "%s", [field.get_db_prep_save(field.get_default(), connection)]
    cast = field.db_type(connection) if connection.vendor == "postgresql" else None
    text = str(given).replace("%", "%%")
    return (f"CAST({text} AS {cast.replace('serial', 'int')})" if cast else text), []


def _unsearched() -> None:
    """From here on this database keeps no words of prompts and samples; those of judgements, which raters write, it keeps."""
    with connection.cursor() as cursor:
        for table in ("annotation_prompt", "annotation_sample"):
            if connection.vendor == "postgresql":
                cursor.execute(f"ALTER TABLE {table} ALTER COLUMN words DROP EXPRESSION IF EXISTS")
            else:
                cursor.execute(f"DROP TRIGGER IF EXISTS {table}_words_insert")


def _numbers(name: str, count: int) -> str:
    if connection.vendor == "postgresql":
        return f"SELECT {name} FROM generate_series(1, {count}) AS {name}"
    return (
        f"WITH RECURSIVE numbers({name}) AS (SELECT 1 UNION ALL SELECT {name} + 1 FROM numbers WHERE {name} < {count}) "
        f"SELECT {name} FROM numbers"
    )


def _said(role: str, text: str) -> str:
    """The JSON of one chat message, {n} and {k} in it filled with the row's numbers."""
    quoted = (
        json.dumps(text, ensure_ascii=False)[1:-1].replace("'", "''").replace("{n}", "' || n || '").replace("{k}", "' || k || '")
    )
    return f"""'[{{"role": "{role}", "content": "{quoted}"}}]'"""


def _ids(before: str, count: int) -> str:
    """A JSON list of `count` ids that follow `before`, begun at another one in each row: answers stand at no fixed place."""
    return "'[' || " + " || ', ' || ".join(f"({before} + 1 + (n + {k}) % {count})" for k in range(count)) + " || ']'"


def _digest(number: str) -> str:
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        connection.connection.create_function("md5", 1, lambda text: hashlib.md5(text.encode()).hexdigest(), deterministic=True)
    text = f"md5(CAST({number} AS text))"
    return f"{text} || {text}"


def _last(model: type[models.Model]) -> int:
    return model._default_manager.aggregate(last=Max("pk"))["last"] or 0


def _settle() -> None:
    """The next row that Django writes gets a free id, and the planner knows how many rows there are."""
    tables = [Prompt, Sample, Task, Seat, Task.samples.through, Judgement, Grade]
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), tables):
            cursor.execute(statement)
        if connection.vendor == "postgresql":
            cursor.execute("ANALYZE")  # what autovacuum would do within a minute; nobody does it for SQLite
