from tests.store.outage import server
from tests.store.stocked import database, stock

__all__ = ["database", "server", "stock"]
