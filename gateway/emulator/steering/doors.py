"""Lists the doors of the steering interface, under `/_emulator/`."""

from typing import Any

from aiohttp import web

from gateway.emulator.graph import answers
from gateway.emulator.state import State
from gateway.emulator.steering import openapi, orders, page, questions
from gateway.emulator.steering.door import PREFIX, Door, door, route


async def _show_page(_: State) -> Any:
    """Show report and state as tables, for people who would rather look than read."""
    return page.answer()


async def _describe(_: State) -> Any:
    """Describe this interface as an OpenAPI document."""
    return openapi.document(DOORS)


DOORS: tuple[Door, ...] = (
    door("GET", "/", _show_page),
    door("GET", "/openapi.json", _describe),
    door("GET", "/state", questions.whole),
    door("GET", "/report", questions.told),
    door("GET", "/history", questions.history),
    door("GET", "/sends", questions.sends),
    door("DELETE", "/sends", orders.forget_sends),
    door("GET", "/violations", questions.violations),
    door("DELETE", "/violations", orders.forget_violations),
    door("POST", "/inbound", orders.write),
    door("POST", "/preferences", orders.prefer),
    door("GET", "/users", questions.users),
    door("POST", "/users/{phone}", orders.change_user),
    door("POST", "/numbers/{phone_number_id}", orders.change_number),
    door("POST", "/templates/{name}", orders.change_templates),
    door("POST", "/restrictions", orders.restrict),
    door("DELETE", "/restrictions", orders.lift_restrictions),
    door("GET", "/faults", questions.faults),
    door("POST", "/faults", orders.arm),
    door("DELETE", "/faults", orders.disarm),
    door("POST", "/knobs", orders.turn),
    door("POST", "/clock", orders.advance),
    door("POST", "/webhooks/flush", orders.flush),
    door("POST", "/webhook_url", orders.set_webhook_url),
    door("POST", "/reset", orders.reset),
    door("POST", "/scenario", orders.play),
)


def routes(state: State) -> list[web.RouteDef]:
    """List the routes of the steering interface; the last one answers what is no door."""
    return [*(route(state, each) for each in DOORS), web.route("*", PREFIX + "{rest:.*}", _nobody)]


async def _nobody(request: web.Request) -> web.StreamResponse:
    if request.path == PREFIX:
        raise web.HTTPFound(PREFIX + "/")
    reason = f"{request.method} {request.path} is no door; see {PREFIX}/openapi.json"
    return answers.json({"error": reason}, 404)
