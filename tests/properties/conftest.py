from tests.store.stocked import database, stock

__all__ = ["database", "stock"]
