"""Holds what changes about numbers, templates, restrictions and limits while the emulator runs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.emulator import identity, world

# Source: COEX, 26 Jun 2026 (R§5.1).
_COEXISTENCE_MPS = 20


@dataclass(slots=True)
class Registration:
    """How a number came to be registered, as far as it matters later (R§1.1, R§7.7)."""

    is_verified: bool = True
    pin: str | None = None
    attempts: list[float] = field(default_factory=list)
    blocked_until: float = 0.0


@dataclass(slots=True)
class Group:
    """A group and the digits of who is in it (R§1.9)."""

    id: str
    phone_number_id: str
    subject: str
    description: str
    created_at: float
    participants: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Number:
    """A business number as it is now; instants are seconds since 1970."""

    id: str
    display_phone_number: str
    waba_id: str
    portfolio_id: str | None
    regime: world.Regime
    own_limit: int | None
    throughput: int
    verified_name: str
    quality_rating: str
    status: str = "CONNECTED"
    restricted_until: float | None = None
    flagged_until: float | None = None
    spam_limited_until: float = 0.0
    maintenance_until: float = 0.0
    is_test_number: bool = False
    is_on_biz_app: bool = False
    is_registered: bool = True
    registration: Registration = field(default_factory=Registration)
    settings: dict[str, Any] = field(default_factory=dict)
    blocked_users: dict[str, str] = field(default_factory=dict)
    profile: dict[str, Any] = field(default_factory=dict)
    digits: str = ""
    calling_code: str = ""
    pool_id: str = ""
    scope: str = ""

    def __post_init__(self) -> None:
        self.digits = identity.digits_of(self.display_phone_number)
        self.calling_code = identity.calling_code_of(self.display_phone_number)
        self.scope = self.portfolio_id or self.id
        self.pool_id = self.scope if self.regime == "portfolio" else self.id


@dataclass(slots=True)
class Template:
    """A template as it is now; instants are seconds since 1970.

    `pauses` counts those for quality. `paused_until` None is a pause that only a person ends.
    """

    id: str
    waba_id: str
    name: str
    language: str
    category: str
    status: str
    components: list[dict[str, Any]]
    parameter_format: str = "POSITIONAL"
    quality: str = "UNKNOWN"
    quality_at: float = 0.0
    pauses: int = 0
    message_send_ttl_seconds: int | None = None
    appeal: float = 0.8
    paused_until: float | None = None
    unpaused_at: float = 0.0
    category_to_be: str | None = None


@dataclass(frozen=True, slots=True)
class Restriction:
    """What Meta forbids a WABA for a while."""

    waba_id: str
    restriction_type: str
    expires_at: float


TemplateKey = tuple[str, str, str]


def template_key(waba_id: str, name: str, language: str) -> TemplateKey:
    """Build the key of a template; `en-US` and `en_US` are one language (R§12.1 row 23)."""
    return waba_id, name, language.replace("-", "_").lower()


class Registry:
    """Finds numbers, templates, tokens and restrictions by Meta's ids."""

    def __init__(self, start: world.World) -> None:
        self.tokens = {token.token: frozenset(token.waba_ids) for token in start.tokens}
        self.token_ends = {
            token.token: token.expires_at for token in start.tokens if token.expires_at is not None
        }
        self.groups: dict[str, Group] = {}
        self.portfolio_limits = {each.id: each.messaging_limit for each in start.portfolios}
        self.verified = {each.id for each in start.portfolios if each.verified}
        self.wabas = {each.id: each for each in start.wabas}
        self.numbers = {each.phone_number_id: _number(each) for each in start.numbers}
        self.templates: dict[TemplateKey, Template] = {}
        self.templates_by_id: dict[str, Template] = {}
        self.restrictions: list[Restriction] = []
        self.subscribed: set[str] = set()
        self.waba_ids = {each.waba_id for each in start.numbers}
        self.waba_ids |= {each.waba_id for each in start.templates} | self.wabas.keys()
        for each in start.tokens:
            self.waba_ids.update(each.waba_ids)
        for template in start.templates:
            self.add_template(_template(template))

    def add_template(self, template: Template) -> None:
        """Make a template known, replacing one of the same name and language."""
        key = template_key(template.waba_id, template.name, template.language)
        self.templates[key] = template
        self.templates_by_id[template.id] = template

    def remove_template(self, template: Template) -> None:
        """Forget a template."""
        del self.templates[template_key(template.waba_id, template.name, template.language)]
        self.templates_by_id.pop(template.id, None)

    def template(self, waba_id: str, name: str, language: str) -> Template | None:
        """Find a template of a WABA."""
        return self.templates.get(template_key(waba_id, name, language))

    def numbers_of(self, waba_id: str) -> list[Number]:
        """List the numbers of a WABA."""
        return [number for number in self.numbers.values() if number.waba_id == waba_id]

    def templates_of(self, waba_id: str) -> list[Template]:
        """List the templates of a WABA."""
        return [each for each in self.templates.values() if each.waba_id == waba_id]

    def waba(self, waba_id: str) -> world.Waba:
        """Describe a WABA; an ordinary one unless the world says otherwise."""
        found = self.wabas.get(waba_id)
        if found is None:
            found = self.wabas[waba_id] = world.Waba(id=waba_id)
        return found

    def wabas_of_pool(self, pool_id: str) -> list[str]:
        """List the WABAs whose numbers share a pool."""
        return sorted({each.waba_id for each in self.numbers.values() if each.pool_id == pool_id})

    def limit_of(self, number: Number) -> int | None:
        """Give the messaging limit that holds for a number; None is unlimited."""
        if number.regime == "portfolio":
            return self.portfolio_limits[number.pool_id]
        return number.own_limit

    def restrictions_of(self, waba_id: str, now: float) -> Sequence[Restriction]:
        """List the restrictions of a WABA that have not expired."""
        if not self.restrictions:
            return ()
        return [
            each for each in self.restrictions if each.waba_id == waba_id and each.expires_at > now
        ]


def _number(start: world.Number) -> Number:
    return Number(
        id=start.phone_number_id,
        display_phone_number=start.display_phone_number,
        waba_id=start.waba_id,
        portfolio_id=start.portfolio_id,
        regime=start.regime,
        own_limit=start.messaging_limit,
        throughput=_COEXISTENCE_MPS if start.is_on_biz_app else start.throughput,
        verified_name=start.verified_name,
        quality_rating=start.quality_rating,
        is_test_number=start.is_test_number,
        is_on_biz_app=start.is_on_biz_app,
        is_registered=start.is_registered,
        registration=Registration(is_verified=start.is_verified),
    )


def _template(start: world.Template) -> Template:
    return Template(
        id=start.id,
        waba_id=start.waba_id,
        name=start.name,
        language=start.language,
        category=start.category,
        status=start.status,
        components=list(start.components),
        parameter_format=start.parameter_format,
        quality=start.quality,
        message_send_ttl_seconds=start.message_send_ttl_seconds,
        appeal=start.appeal,
    )
