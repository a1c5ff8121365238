"""What a run needs from the database besides its inputs, written into its folder before it starts: a trainer has no database."""

from __future__ import annotations

import json

from annotation.models import Sample
from training.models import Run
from training.rundir import staged

MATERIAL = "material"
CHUNK = 500


def waiting_answers(run: Run) -> None:
    """`material/answers.jsonl`: the answers that the project's open tasks show, each with what it answers. Written once a run."""
    folder = run.folder / MATERIAL
    if folder.exists():
        return
    shown = Sample.objects.filter(tasks__seats__project=run.project_id, tasks__seats__filled=None).distinct()
    rows = shown.order_by("pk").values_list("pk", "prompt__messages", "prompt__tools", "messages")
    with staged(folder) as made, open(made / "answers.jsonl", "w", encoding="utf-8") as file:
        for sample, prompt, tools, messages in rows.iterator(CHUNK):
            line = {"sample_id": sample, "prompt": prompt, "tools": tools, "messages": messages}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
