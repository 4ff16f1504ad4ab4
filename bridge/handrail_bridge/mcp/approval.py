"""The person at the MCP client is asked by elicitation, where the cell allows that road.

The question is made from the card of what waits, which the bridge words, and goes to the
client, not into the model's tool result. The answer comes back beside the tool's arguments, which
is all that a model writes. It is told to the bridge over the operator's socket, so that only a
server of the operator's own user can pass it on.
"""

from __future__ import annotations

import asyncio
import getpass
import json
import secrets
from collections import OrderedDict
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

import mcp_types as types
from handrail_drivers.errors import InvalidRequest, PermitRefused, Refused, UnknownName
from mcp.server.context import ServerRequestContext

from handrail_bridge.agents.results import Waiting
from handrail_bridge.client.operator_client import OperatorClient
from handrail_bridge.reports import ELICITATION, Card, Decision, Permit

KEY = "approval"
OPEN = 32  # questions at a time
NAME = 60  # characters of a client's name
SCHEMA: types.ElicitRequestedSchema = {
    "type": "object",
    "properties": {
        "approve": {
            "type": "boolean",
            "title": "Let it be done",
            "description": "only if you have looked at the cell",
            "default": False,
        }
    },
    "required": ["approve"],
}
Context = ServerRequestContext[Any, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """What a person is asked: about one card, in the course of one call."""

    card: Card
    handle: str
    tool: str
    arguments: str  # as JSON

    def request(self) -> types.ElicitRequest:
        """Return it as MCP asks it."""
        return types.ElicitRequest(params=_form(worded(self.card)))


class Asked(Exception):
    """Ends a call that the client has to make again with a person's answer."""

    def __init__(self, question: Question) -> None:
        super().__init__()
        self.question = question


class Person:
    """Whoever sits at the MCP client. ``operator`` is a client on the operator's socket."""

    def __init__(self, operator: OperatorClient) -> None:
        self._operator = operator
        self._open: OrderedDict[str, Question] = OrderedDict()

    async def asked(self, waiting: Waiting, tool: str, arguments: Any, context: Context) -> None:
        """Ask about what waits, unless somebody has decided already or does so meanwhile.

        Raises:
            Asked: the question goes out with the call's answer (protocol 2026-07-28 on).
            PermitRefused: the operator has refused it meanwhile, or nobody answers.
            Refused: the client cannot ask.
        """
        card = await self._card(waiting)
        if card is None:
            return
        _require_elicitation(context, card)
        question = Question(card, waiting.handle, tool, json.dumps(arguments))
        if not context.session.can_send_request:
            raise Asked(question)
        asking = context.session.elicit_form(
            worded(card), SCHEMA, related_request_id=context.request_id
        )
        answer = await _unless(asking, self._operator.approval(waiting.permit))
        if answer is not None:
            await self.decided(question, answer, context)

    def put(self, question: Question) -> types.InputRequiredResult:
        """Return the answer that has the client ask; the state is good once."""
        state = secrets.token_urlsafe(24)
        self._open[state] = question
        if len(self._open) > OPEN:
            self._open.popitem(last=False)
        return types.InputRequiredResult(
            input_requests={KEY: question.request()}, request_state=state
        )

    async def answered(self, params: types.CallToolRequestParams, context: Context) -> str:
        """Take the answer that a repeated call brings; return the handle of what waits.

        Raises:
            InvalidRequest: it answers no question of this call.
        """
        question = self._open.pop(params.request_state or "", None)
        call = params.name, json.dumps(params.arguments or {})
        if question is None or call != (question.tool, question.arguments):
            raise InvalidRequest(
                "The answer belongs to no question of this call.",
                field="requestState",
                hint="make the call again, without an answer",
            )
        answer = (params.input_responses or {}).get(KEY)
        await self.decided(question, answer, context)
        return question.handle

    async def decided(self, question: Question, answer: object, context: Context) -> None:
        """Tell the bridge; whatever is no plain yes is a no, whoever else has said yes.

        Raises:
            PermitRefused: it is a no, and too late to end the permit.
        """
        said = _is_yes(answer)
        decision = Decision(
            question.card.number,
            question.card.trajectory_digest,
            said,
            f"{getpass.getuser()} at MCP client {_client(context)}",
            "" if said else f"answered {getattr(answer, 'action', 'nothing')}",
            ELICITATION,
        )
        try:
            await self._operator.decide(decision)
        except UnknownName:
            if not said:
                raise PermitRefused(
                    "The person at the MCP client said no, and the permit is good no more.",
                    field="approval",
                    hint="ask that person before you try it again",
                ) from None
            # a yes: the operator was quicker, or it is too late, and whoever waits is told so

    async def _card(self, waiting: Waiting) -> Card | None:
        cards = await self._operator.cards()
        return next((card for card in cards if card.number == waiting.permit.number), None)


async def _unless(
    asking: Coroutine[Any, Any, types.ElicitResult], deciding: Coroutine[Any, Any, Permit]
) -> types.ElicitResult | None:
    """Return a client's answer, or None where it was decided elsewhere before.

    Whatever came second is cancelled; the client is told so, and closes its question.
    """
    asked, decided = asyncio.create_task(asking), asyncio.create_task(deciding)
    try:
        await asyncio.wait({asked, decided}, return_when=asyncio.FIRST_COMPLETED)
        if asked.done():
            return asked.result()
        decided.result()
        return None
    finally:
        asked.cancel()
        decided.cancel()
        await asyncio.gather(asked, decided, return_exceptions=True)


def worded(card: Card) -> str:
    """Return the question that a card makes."""
    parts = (
        ("What it does:", card.steps),
        ("What is so at its end:", card.goal),
        ("What the check found:", card.margins),
        ("Why you are asked:", card.asks),
    )
    told = ["\n- ".join((title, *lines)) for title, lines in parts if lines]
    return "\n\n".join(
        (
            card.question,
            *told,
            "Handrail made this text; a model has no word in it but a call's values, in quotes. "
            f"Without your yes within {card.remaining:.0f} s nothing is done.",
        )
    )


def _form(message: str) -> types.ElicitRequestFormParams:
    return types.ElicitRequestFormParams(message=message, requested_schema=SCHEMA)


def _is_yes(answer: object) -> bool:
    if not isinstance(answer, types.ElicitResult) or answer.action != "accept":
        return False
    content: Mapping[str, Any] = answer.content or {}
    return content.get("approve") is True


def _require_elicitation(context: Context, card: Card) -> None:
    capabilities = context.session.client_capabilities
    asks = capabilities.elicitation if capabilities is not None else None
    if asks is None or (asks.form is None and asks.url is not None):
        raise Refused(
            "This needs a person, and this MCP client cannot ask one: that counts as no.",
            field="elicitation",
            hint=f"an operator may approve it (`handrail approve {card.number}`); then run it "
            "again",
        )


def _client(context: Context) -> str:
    known = context.session.client_params
    name = f"{known.client_info.name} {known.client_info.version}" if known else "of no name"
    return "".join(sign for sign in name if sign.isprintable())[:NAME]
