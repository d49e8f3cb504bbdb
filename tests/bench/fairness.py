"""How often the funnel accuses a school without a laggard, and how often it finds teachers who are twice as slow."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.metrics.funnel import assess

TEACHERS = 80
ON_TIME = 0.9  # of a usual teacher's items
ITEMS = 60  # of each teacher who is twice as slow
SLOW = 3
FALSE_ALARM_GOAL, POWER_GOAL = 0.05, 0.8


def slow_share(on_time: float) -> float:
    """Return the share in time of one who takes twice as long: with exponential waits, the square root of the misses."""
    return 1 - float(np.sqrt(1 - on_time))


def simulate(schools: int, *, slow: int, seed: int) -> tuple[float, float]:
    """Return the share of schools with any flag among the usual teachers, and the share of slow teachers flagged low."""
    random = np.random.default_rng(seed)
    accused, found = 0, 0
    for _ in range(schools):
        decided = np.maximum(1, random.lognormal(3.6, 0.9, TEACHERS).astype(int))  # a few have hundreds, some a handful
        share = np.full(TEACHERS, ON_TIME)
        decided[:slow], share[:slow] = ITEMS, slow_share(ON_TIME)
        on_time = random.binomial(decided, share)
        table = assess(pd.DataFrame({"on_time": on_time, "late": decided - on_time, "overdue": 0}))
        flags = table["flag"].to_numpy()
        accused += bool((flags[slow:] != "").any())
        found += int((flags[:slow] == "low").sum())
    return accused / schools, found / (schools * slow) if slow else float("nan")


def main(schools: int = 1_000) -> None:
    """Print both shares with their goals."""
    alarms, _ = simulate(schools, slow=0, seed=1)
    _, power = simulate(schools, slow=SLOW, seed=2)
    said = f"{schools:,} schools of {TEACHERS} teachers"
    print(
        f"{'funnel: schools without a laggard with any flag':58s} {100 * alarms:6.1f} %   goal ≤ {100 * FALSE_ALARM_GOAL:.0f} %   ({said})"
    )
    print(
        f"{'funnel: teachers twice as slow, 60 items, flagged low':58s} {100 * power:6.1f} %   goal ≥ {100 * POWER_GOAL:.0f} %   ({said}, {SLOW} of them slow)"
    )


if __name__ == "__main__":
    main()
