from tests.outbound.fleet import three, two
from tests.outbound.office import office
from tests.store.stocked import database, stock

__all__ = ["database", "office", "stock", "three", "two"]
