"""What a lead reads of the quality of a project's judgements: how far raters agree, and of each rater what can be measured."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from statistics import median

from annotation.models import Project
from annotation.quality import bias, preferences, ranking
from annotation.quality.agreement import Alpha, krippendorff, rank_alpha
from annotation.quality.orderings import Votes, votes
from annotation.quality.preferences import Ceiling, Share
from annotation.quality.ranking import Reliability
from annotation.quality.rows import Given, Rows, latest, rows_of

LATEST = 20_000


@dataclass(frozen=True)
class RaterQuality:
    """One rater. None where nothing can be said: no times, no orders of answers, no task in common with others."""

    rater: int
    name: str
    judgements: int
    seconds: float | None
    agreement: Share | None
    reliability: Reliability | None
    position: Share | None
    length: Share | None


@dataclass(frozen=True)
class Summary:
    """Of the latest judgements of a project, `partial` where there are older ones too; busiest raters first.

    `alpha` and the shares are of orders of answers, `aspects` the ordinal alpha of each other aspect (None: nobody differed, or
    nobody judged the same). `converged` false: the reliabilities' intervals are not to be trusted.
    """

    judgements: int
    tasks: int
    partial: bool
    alpha: Alpha | None
    aspects: dict[str, Alpha | None]
    agreement: Share
    ceiling: Ceiling
    position: Share
    length: Share
    converged: bool
    raters: list[RaterQuality]


def summary(project: Project, limit: int = LATEST) -> Summary:
    """The quality of the newest `limit` judgements made to train."""
    rows = rows_of(project, limit)
    ballots = votes(rows.orderings)
    fit = ranking.fit(rows.orderings)
    return Summary(
        judgements=len(rows.judgements),
        tasks=len({given.task for given in rows.judgements}),
        partial=latest(project, limit + 1).count() > limit,
        alpha=rank_alpha(rows.orderings),
        aspects={
            name: krippendorff(found.unit, found.value, "ordinal", clusters=found.task) for name, found in rows.aspects.items()
        },
        agreement=preferences.pairwise_agreement(ballots),
        ceiling=preferences.ceiling(ballots),
        position=bias.position(ballots),
        length=bias.length(ballots, rows.lengths),
        converged=fit.converged,
        raters=_raters(rows, ballots, fit.raters),
    )


def _raters(rows: Rows, ballots: Votes, reliabilities: dict[int, Reliability]) -> list[RaterQuality]:
    agreement = preferences.agreement_of_each(ballots)
    position, length = bias.position_of_each(ballots), bias.length_of_each(ballots, rows.lengths)
    given: dict[int, list[Given]] = defaultdict(list)
    for judgement in rows.judgements:
        given[judgement.rater].append(judgement)
    found = [
        RaterQuality(
            rater,
            rows.names[rater],
            len(made),
            _median([judgement.seconds for judgement in made if judgement.seconds is not None]),
            agreement.get(rater),
            reliabilities.get(rater),
            position.get(rater),
            length.get(rater),
        )
        for rater, made in given.items()
    ]
    return sorted(found, key=lambda row: (-row.judgements, row.name))


def _median(seconds: list[float]) -> float | None:
    return median(seconds) if seconds else None
