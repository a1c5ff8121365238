"""Two hundred raters who behave as badly as people and browsers do, while workers are killed; then everything is counted.

    python -m bench.crowd [--db sqlite|postgresql] [--raters 200] [--tasks 1000] [--overlap 3] [--kills 12] [--seed 0]

Each rater works through htmx or without it until nothing is left: forms sent twice at the same moment, old forms sent again from
a forgotten tab, seats given back or skipped, holds that lapse in somebody's hands, and workers killed with SIGKILL. The
last line is JSON. Five counts must be 0: `over_overlap`, judgements of a task beyond its seats; `doubled`, seats with two first
judgements and raters with two judgements of a task; `lost`, acknowledged judgements that are not there; `sent_home`, raters
who were told that nothing is left while a seat was free for them; `errors`, pages that answered with a server's error.
"""

from __future__ import annotations

import argparse
import asyncio
import html
import json
import random
import time
from collections import Counter
from typing import Any

import psutil

from bench.databases import KINDS, database
from bench.servers import gunicorn

LAPSING = 0.03  # of the seats in hand, each half second


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", choices=KINDS, default="sqlite")
    for name, default in {"raters": 200, "tasks": 1000, "overlap": 3, "kills": 12, "seed": 0}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    with database(options.db), gunicorn() as (port, master):
        print(json.dumps(asyncio.run(measured(options, port, master))))


async def measured(options: argparse.Namespace, port: int, master: psutil.Process) -> dict[str, Any]:
    from asgiref.sync import sync_to_async

    project, people = await sync_to_async(prepared)(options, port)
    began, over = time.monotonic(), asyncio.Event()
    troubles = [asyncio.create_task(work) for work in (kill(master, options.kills, over), lapse(project, over))]
    counts: Counter[str] = Counter(sent_home=0, errors=0)
    await asyncio.gather(*(life(person, project, counts) for person in people))
    over.set()
    killed, lapsed = await asyncio.gather(*troubles)
    told = {"db": options.db, "raters": options.raters, "tasks": options.tasks, "overlap": options.overlap}
    faults = await sync_to_async(count)(project, people)
    seconds = round(time.monotonic() - began, 1)
    return {**told, "seconds": seconds, "kills": killed, "lapsed": lapsed, **dict(sorted(counts.items())), **faults}


def prepared(options: argparse.Namespace, port: int) -> tuple[Any, list[Any]]:
    from bench import bulk
    from bench.rater import signed_in

    project = bulk.a_project("crowd", tasks=options.tasks, answers=3, overlap=options.overlap)
    users = bulk.raters(project, options.raters)
    people = [signed_in(user, project, port, htmx=number % 4 > 0) for number, user in enumerate(users)]
    for number, (person, user) in enumerate(zip(people, users, strict=True)):
        person.user = user
        person.draws.seed(f"{options.seed}/{number}")
    return project, people


async def kill(master: psutil.Process, kills: int, over: asyncio.Event) -> int:
    """SIGKILL to one worker after another; gunicorn starts a new one for each."""
    done = 0
    while done < kills and not over.is_set():
        await asyncio.sleep(random.uniform(1, 3))
        if workers := master.children():
            random.choice(workers).kill()
            done += 1
    return done


async def lapse(project: Any, over: asyncio.Event) -> int:
    """Lets some holds lapse, as if their raters had been away for too long."""
    from asgiref.sync import sync_to_async

    done = 0
    while not over.is_set():
        await asyncio.sleep(0.5)
        done += await sync_to_async(lapsed)(project)
    return done


def lapsed(project: Any) -> int:
    from datetime import timedelta

    from django.utils import timezone

    from annotation.models import Seat

    held = Seat.objects.in_project(project).filter(rater__isnull=False, filled=None).values_list("pk", flat=True)
    chosen = [pk for pk in held if random.random() < LAPSING]
    return Seat.objects.filter(pk__in=chosen, filled=None).update(held_until=timezone.now() - timedelta(seconds=1))


async def life(person: Any, project: Any, counts: Counter[str]) -> None:
    """One rater, from the first question until the desk says, twice over, that nothing is left."""
    old: dict[str, str] = {}
    while await there_is_work(person, project, counts):
        action, fields = form_of(person)
        whim = person.draws.random()
        if whim < 0.05 and old:
            await send(person, old.pop("action"), old, counts, "stale")
        if whim < 0.10:
            await leave(person, action, fields, counts, "skip" if whim < 0.04 else "release")
        elif whim < 0.25:
            both = (send(person, action, fields, counts, "sent_twice"), send(twin(person), action, fields, counts, "again"))
            await asyncio.gather(*both)
        else:
            await send(person, action, fields, counts, "sent")
        old = {"action": action, **fields}
        await asyncio.sleep(person.draws.uniform(0, 0.05))


def form_of(person: Any) -> tuple[str, dict[str, str]]:
    from bench.rater import FORM, HIDDEN, OPTION, SELECT

    form = FORM.search(person.page)
    fields = {name: html.unescape(value) for name, value in HIDDEN.findall(form[0])}
    fields |= {found[1]: person.draws.choice(OPTION.findall(found[0])) for found in SELECT.finditer(form[0])}
    return html.unescape(form[1]), fields | {"comment": "", "seconds": "20"}


def twin(person: Any) -> Any:
    """The same person in a second tab: another connection with the same session."""
    from dataclasses import replace

    return replace(person, wire=replace(person.wire, streams=None), acknowledged=person.acknowledged)


async def send(person: Any, action: str, fields: dict[str, str], counts: Counter[str], what: str) -> None:
    """Sends a form; an answer that says "saved" is an acknowledgement, whatever happens to the server afterwards."""
    counts[what] += 1
    try:
        reply = await person.wire.post(action, fields, **person._htmx(action))
    except (OSError, asyncio.IncompleteReadError):
        counts["broken_off"] += 1
        return
    if reply.status in (302, 200):
        person.acknowledged.append(fields["key"])
    else:
        counts[f"answered_{reply.status}"] += 1
        counts["errors"] += reply.status >= 500


async def leave(person: Any, action: str, fields: dict[str, str], counts: Counter[str], way: str) -> None:
    counts[way] += 1
    token = {"csrfmiddlewaretoken": fields["csrfmiddlewaretoken"], "reason": "I would rather not."}
    try:
        await person.wire.post(action.replace("submit", way), token)
    except (OSError, asyncio.IncompleteReadError):
        counts["broken_off"] += 1


async def there_is_work(person: Any, project: Any, counts: Counter[str]) -> bool:
    """Whether the rater now has a question on the page. Told "nothing is left", they look twice whether that is true."""
    from asgiref.sync import sync_to_async

    from bench.rater import Trouble

    for _attempt in range(200):
        try:
            free = None
            await person.start()
            if person.asked:
                return True
            free = await sync_to_async(open_to)(person, project)
            await person.start()
        except (OSError, asyncio.IncompleteReadError):
            counts["broken_off"] += 1
            await asyncio.sleep(0.2)
            continue
        except Trouble as trouble:  # The hold lapsed between the redirect and the page: 409. Anything else is a fault.
            counts["lost_on_the_way" if "409" in str(trouble) else "errors"] += 1
            continue
        if person.asked:
            return True
        if free & await sync_to_async(open_to)(person, project):
            counts["sent_home"] += 1
        if not await sync_to_async(anything_open)(person, project):
            return False
        await asyncio.sleep(0.3)  # what others hold may yet come free
    counts["gave_up"] += 1
    return False


def open_to(person: Any, project: Any) -> set[tuple[int, Any]]:
    """Seats that this rater could be given now, each with its last sitting: one that was taken and lapsed meanwhile is another."""
    from annotation.models import Seat

    return set(Seat.objects.free().in_project(project).never_seen_by(person.user).values_list("pk", "held_since"))


def anything_open(person: Any, project: Any) -> bool:
    """Whether any seat, held ones included, may yet come to this rater."""
    from annotation.models import Seat

    return Seat.objects.in_project(project).filter(filled=None).never_seen_by(person.user).exists()


def count(project: Any, people: list[Any]) -> dict[str, int]:
    from django.db.models import Count, F

    from annotation.models import Judgement, Seat, Task

    first = Judgement.objects.filter(task__prompt__project=project, supersedes=None)
    there = set(first.values_list("key", flat=True))
    tasks = Task.objects.filter(prompt__project=project)
    judged = tasks.annotate(wanted=Count("seats", distinct=True), made=Count("judgements", distinct=True))
    twice = [first.values(field).annotate(n=Count("pk")).filter(n__gt=1).count() for field in ("seat",)]
    twice.append(first.values("task", "rater").annotate(n=Count("pk")).filter(n__gt=1).count())
    return {
        "judgements": len(there),
        "acknowledged": len({key for person in people for key in person.acknowledged}),
        "seats_left_open": Seat.objects.in_project(project).filter(filled=None).count(),
        "over_overlap": judged.filter(made__gt=F("wanted")).count(),
        "doubled": sum(twice),
        "lost": len({key for person in people for key in person.acknowledged} - there),
    }


if __name__ == "__main__":
    main()
