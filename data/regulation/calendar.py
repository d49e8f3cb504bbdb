"""Taiwan's working days."""

from __future__ import annotations

from functools import cache

import holidays
import numpy as np


@cache
def working_calendar() -> np.busdaycalendar:
    """Return Monday to Friday without public holidays, 2018 to 2040. Made-up working Saturdays are not school days."""
    days = holidays.country_holidays("TW", years=range(2018, 2041))
    return np.busdaycalendar(holidays=sorted(np.datetime64(day, "D") for day in days))
