"""Says who is next in a number's line: classes first, then fair among apps, then first come."""

from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Generic, TypeVar

from gateway.policy.send_class import SendClass

Item = TypeVar("Item")


class LineOrder(Generic[Item]):
    """Items in the order in which they are served.

    A class waits for all classes before it. Within a class the apps take turns, one item each
    (every message costs the same, so turns are deficit round robin with nothing left over); an app
    that joins takes its turn after the others. Within an app the first to come is the first served.
    """

    def __init__(self) -> None:
        self._classes: dict[SendClass, OrderedDict[str, OrderedDict[Item, None]]] = {
            send_class: OrderedDict() for send_class in SendClass
        }
        self._length = 0

    def __len__(self) -> int:
        """Return how many wait."""
        return self._length

    def push(self, item: Item, send_class: SendClass, app_id: str) -> None:
        """Let an item join."""
        self._classes[send_class].setdefault(app_id, OrderedDict())[item] = None
        self._length += 1

    def pop(self) -> Item:
        """Take out who is next; IndexError when nobody waits."""
        for apps in self._classes.values():
            if apps:
                app_id, items = next(iter(apps.items()))
                item, _ = items.popitem(last=False)
                if items:
                    apps.move_to_end(app_id)
                else:
                    del apps[app_id]
                self._length -= 1
                return item
        raise IndexError("nobody waits")

    def remove(self, item: Item, send_class: SendClass, app_id: str) -> None:
        """Take out an item that leaves before its turn; one that is not there changes nothing."""
        items = self._classes[send_class].get(app_id)
        if items is None or item not in items:
            return
        del items[item]
        if not items:
            del self._classes[send_class][app_id]
        self._length -= 1

    def ahead_of(self, send_class: SendClass, app_id: str) -> int:
        """Return how many would be served before an item that joined now, if nobody came after."""
        ahead = 0
        for each, apps in self._classes.items():
            if each is send_class:
                own = len(apps.get(app_id, ()))
                return ahead + sum(
                    own if other == app_id else min(len(items), own + 1)
                    for other, items in apps.items()
                )
            ahead += sum(map(len, apps.values()))
        raise AssertionError("every class has its place")

    def waiting(self, send_class: SendClass) -> int:
        """Return how many of a class wait."""
        return sum(map(len, self._classes[send_class].values()))

    def in_order(self) -> Iterator[Item]:
        """Yield everybody in the order in which they are served if nobody else comes."""
        for apps in self._classes.values():
            turns = deque(iter(list(items)) for items in apps.values())
            while turns:
                items = turns.popleft()
                for item in items:
                    yield item
                    turns.append(items)
                    break
