"""Template words that every page has."""

from typing import Any

from django import template
from django.utils.safestring import SafeString

from annotation.accounts import is_at_least
from annotation.models import Project, Role, Task
from annotation.rendering import render, turns

register = template.Library()


@register.filter
def leads_something(user) -> bool:
    """Whether the leads' pages are for this user."""
    return is_at_least(user, Role.LEAD)


@register.filter
def reviews_something(user) -> bool:
    """Whether reports are for this user."""
    return is_at_least(user, Role.REVIEWER)


@register.filter
def led_by(project: Project, user) -> bool:
    """Whether this user leads the project."""
    return project.role_of(user) == Role.LEAD


@register.filter
def kind_title(task: Task):
    """The name of the kind of question that a task asks, as people read it."""
    return task.question.TITLE


@register.filter
def last_said(messages: list[dict[str, Any]]) -> str:
    """The text of the last chat message, for lists of many."""
    return turns(messages[-1:])[0].text if messages else ""


@register.filter
def rendered(text: str | None) -> SafeString:
    """Text by a model or a person as safe HTML, by the one renderer."""
    return render(text or "")


@register.inclusion_tag("annotation/turns.html")
def answer(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """An answer: its text, or every turn of it with its role where there is more than one."""
    return {"turns": turns(messages), "labelled": len(messages) > 1}


# A conversation longer than this many characters folds all but its last turn.
LONG_CONVERSATION = 1500


@register.inclusion_tag("annotation/conversation.html")
def conversation(messages: list[dict[str, Any]], tools: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """What was asked: the turns, the last one in full view, earlier ones folded when they are long."""
    shown = turns(messages)
    earlier, last = shown[:-1], shown[-1:]
    long = sum(len(turn.text) for turn in earlier) > LONG_CONVERSATION
    names = [str(tool.get("function", tool).get("name", "?")) for tool in tools or []]
    return {"earlier": earlier, "last": last, "long": long, "tools": names}
