"""What was known before an import: the ledger of an earlier version of the data, for comparing."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from dashboard.services.hand_ins import ServiceError
from dashboard.services.store import Store
from data.db import writing
from data.instants import TAIPEI
from data.ledger import Ledger, build
from data.models import Import
from data.queries import load_frames
from data.regulation.calendar import working_calendar
from data.rosters.problems import RefusedError
from data.rosters.undo import take_back_since
from data.school import read_settings


class _LookedAtError(Exception):
    """Nothing of what was done for a look stays."""


def ledger_before(store: Store, batch_id: str) -> tuple[Ledger, datetime]:
    """Return the ledger as it was before a batch was committed, and when that was. Raises ServiceError with the reason.

    The batch and all that came later are taken back in a transaction that is thrown away, so that nobody else sees it.
    """
    try:
        with writing(store.engine) as connection:
            at = connection.execute(select(func.min(Import.imported_at)).where(Import.batch_id == batch_id)).scalar()
            take_back_since(connection, batch_id)
            ledger = build(load_frames(connection), read_settings(connection), calendar=working_calendar())
            raise _LookedAtError
    except RefusedError as error:
        raise ServiceError(error.problems[0].message) from None
    except OperationalError:
        raise ServiceError("資料庫正由另一個匯入使用，請稍候再試一次") from None
    except _LookedAtError:
        return ledger, (at or datetime.now(TAIPEI)).astimezone(TAIPEI)
