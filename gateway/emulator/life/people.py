"""Knows the people at the other end: who they are, and what is out of the ordinary about them."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from gateway.emulator import world


@dataclass(slots=True)
class Person:
    """One person as now; what each trait means is told in `world.User`.

    `blocked` are the ids of the numbers the person has blocked, one by one.
    """

    phone: str
    name: str = "Example User"
    not_on_whatsapp: bool = False
    blocked_business: bool = False
    offline: bool = False
    marketing_stopped: bool = False
    in_experiment: bool = False
    capped: bool = False
    username_only: bool = False
    blocked: set[str] = field(default_factory=set)

    def has_blocked(self, phone_number_id: str) -> bool:
        """Whether messages of this number stay `sent` for ever."""
        return self.blocked_business or phone_number_id in self.blocked


class People:
    """Everybody who has a phone; only those with a trait of their own are remembered.

    `population` None is a still world: nobody reacts to what they are sent.
    """

    def __init__(self, users: Iterable[world.User], population: world.Population | None) -> None:
        self.population = population
        self._known = {each.phone: Person(**each.model_dump()) for each in users}

    def get(self, phone: str) -> Person | None:
        """Find a person with traits; None is an ordinary one."""
        return self._known.get(phone)

    def know(self, phone: str) -> Person:
        """Find a person, who is remembered from now on."""
        return self._known.setdefault(phone, Person(phone))

    def move(self, old: str, new: str) -> None:
        """Let a person take all but the number along to another phone; the old one is dead."""
        person = self.know(old)
        blocked = set(person.blocked)
        self._known[new] = replace(person, phone=new, blocked=blocked)
        self._known[old] = Person(old, person.name, not_on_whatsapp=True)

    def known(self) -> list[Person]:
        """List the remembered ones."""
        return list(self._known.values())
