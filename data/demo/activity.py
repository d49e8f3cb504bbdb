"""What students and teachers did in each term and year of a roster."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.demo.calendar import Term
from data.demo.certifying import Rounds, certify
from data.demo.chance import Array, stream
from data.demo.roster import Roster
from data.demo.uploads import Uploads, draw_uploads
from data.demo.yearly import Performances, draw_performances


@dataclass(frozen=True, slots=True)
class Activity:
    """Uploads and their rounds by term, 多元表現 by school year; whole terms, whenever today is."""

    uploads: dict[Term, Uploads]
    rounds: dict[Term, Rounds]
    performances: dict[int, Performances]


def simulate(roster: Roster, *, seed: int, scale: float = 1.0) -> Activity:
    """Let the terms happen. scale multiplies the number of uploaded items."""
    uploads, rounds = {}, {}
    for term in roster.terms:
        age = roster.age(term.year)
        enrolled, sections = roster.enrolled[term.year], roster.sections[term.year]
        of_term = sections[sections["term"] == term]
        uploads[term] = draw_uploads(
            enrolled, roster.students, roster.classes, of_term, term=term, windows=roster.windows, age=age, scale=scale,
            idle_class=roster.idle_class if term == roster.terms[-1] else -1, rng=stream(seed, "uploads", term.code),
        )  # fmt: skip
        rounds[term] = certify(
            uploads[term], sections["teacher"].to_numpy()[uploads[term].section], enrolled["grade"].to_numpy()[uploads[term].enrolled],
            roster.staff, roster.leaves[term.year], term=term, windows=roster.windows, age=age, rng=stream(seed, "certify", term.code),
        )  # fmt: skip
    performances = {
        year: draw_performances(
            roster.enrolled[year],
            roster.students,
            year=year,
            age=roster.age(year),
            rng=stream(seed, "performances", year),
        )
        for year in roster.years
    }
    return Activity(uploads, rounds, performances)


def count_duties(activity: Activity, *, today: int) -> int:
    """Count the items sent for certification by today, each sending once."""
    return sum(int((rounds.sent_at < today).sum()) for rounds in activity.rounds.values())


def simulate_duties(roster: Roster, *, seed: int, duties: int | None) -> Activity:
    """Let the terms happen; where a number of duties is asked for, scale the uploads so that about as many result."""
    activity = simulate(roster, seed=seed)
    usual = count_duties(activity, today=roster.today)
    if duties is None or usual == 0:
        return activity
    return simulate(roster, seed=seed, scale=duties / usual)


def count_passed(roster: Roster, activity: Activity, *, year: int) -> Array:
    """Count the items of each enrolled student of a year that were passed and released by today."""
    counts = np.zeros(len(roster.enrolled[year]), dtype=int)
    for term, rounds in activity.rounds.items():
        if term.year == year:
            good = rounds.passed & rounds.released & (rounds.decided_at < roster.today)
            counts += np.bincount(activity.uploads[term].enrolled[rounds.item[good]], minlength=len(counts))
    return counts


def count_uploaded(roster: Roster, activity: Activity, *, year: int) -> Array:
    """Count the 多元表現 of each enrolled student of a year uploaded by today."""
    performances = activity.performances[year]
    here = performances.uploaded_at < roster.today
    return np.bincount(performances.enrolled[here], minlength=len(roster.enrolled[year]))


def count_waiting(roster: Roster, activity: Activity) -> Array:
    """Count the items of the last two terms that wait for each member of staff today, whether or not somebody stands in.

    Two terms, since in February the new one is empty while the old one's certification still runs.
    """
    counts = np.zeros(len(roster.staff), dtype=int)
    for term in roster.terms[-2:]:
        rounds, uploads = activity.rounds[term], activity.uploads[term]
        waiting = (rounds.sent_at < roster.today) & (rounds.decided_at >= roster.today)
        teachers = roster.sections[term.year]["teacher"].to_numpy()[uploads.section[rounds.item[waiting]]]
        counts += np.bincount(teachers, minlength=len(counts))
    return counts
