from tests.outbound.fleet import two
from tests.store.stocked import database, stock

__all__ = ["database", "stock", "two"]
