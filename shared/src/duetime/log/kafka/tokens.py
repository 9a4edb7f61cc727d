"""Bearer tokens to show at a broker: asked for seldom, and shared by all clients of a process.

Knows how long a token is good, and how RFC 6749 and Amazon's signer are asked for one; nothing of
settings. aiokafka asks here for every connection, and a timer has a client for each partition.
"""

import asyncio
import ssl
import time
from base64 import b64encode
from collections.abc import Callable
from http import HTTPStatus
from http.client import HTTPException
from typing import Annotated, Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import quote_plus, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, OpenerDirector, Request, build_opener

import msgspec
import structlog
from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import KafkaConnectionError

from duetime import limits

_logger: Final = structlog.get_logger()


class TokenError(Exception):
    """There is no token now; the message says who did not give it, and why."""


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown at a broker, and for how long after it was asked for; 0 where nobody said."""

    text: str
    seconds: float = 0.0


def _boot_seconds() -> float:
    """Give the seconds since the machine started: a token ages while the machine sleeps, too."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class TokenProvider:
    """Gives aiokafka a token for each new connection; whoever comes meanwhile shares the asking.

    Only one loop may use it. Where a new token cannot be had, the old one serves until its end.
    """

    def __init__(
        self,
        ask: Callable[[], Token],
        *,
        seconds_max: float = limits.KAFKA_TOKEN_SECONDS_MAX,
        clock: Callable[[], float] = _boot_seconds,
    ) -> None:
        """Take what asks for a token; it may block, for it is called on a thread."""
        self._ask = ask
        self._seconds_max = seconds_max
        self._clock = clock
        self._last: Token | TokenError | None = None
        self._ask_at = 0.0  # from then on somebody has to ask anew
        self._over_at = 0.0  # from then on the token is worth nothing
        self._said = ""  # why there was none, the last time
        self._asking: asyncio.Task[Token | TokenError] | None = None

    async def token(self) -> str:
        """Give a token. Raises KafkaConnectionError where there is none: it may come."""
        answer = self._last
        if answer is None or self._clock() >= self._ask_at:
            if self._asking is None:
                self._asking = asyncio.create_task(self._renew())
            # Shielded: who gives up waiting does not take the token from the others.
            answer = await asyncio.shield(self._asking)
        if isinstance(answer, TokenError):
            raise KafkaConnectionError(f"no token: {answer}") from answer
        return answer.text

    def extensions(self) -> dict[str, str]:
        """Give what is sent beside the token: nothing."""
        return {}

    async def _renew(self) -> Token | TokenError:
        began = self._clock()
        try:
            answer = await self._asked()
        finally:
            self._asking = None
        if isinstance(answer, Token):
            share = answer.seconds * limits.KAFKA_TOKEN_SPARE_SHARE
            spare = min(limits.KAFKA_TOKEN_SPARE_SECONDS, share)
            self._ask_at, self._over_at = began + answer.seconds - spare, began + answer.seconds
            self._last, self._said = answer, ""
            return answer
        self._ask_at = self._clock() + limits.KAFKA_TOKEN_AGAIN_SECONDS
        if str(answer) != self._said:  # once, not every second
            self._said = str(answer)
            _logger.warning("no token for Kafka", reason=self._said)
        if not isinstance(self._last, Token) or self._clock() >= self._over_at:
            self._last = answer
        return self._last

    async def _asked(self) -> Token | TokenError:
        try:
            async with asyncio.timeout(self._seconds_max):
                return await asyncio.to_thread(self._ask)
        except TimeoutError:
            return TokenError(f"nobody gave one within {self._seconds_max:g} s")
        except TokenError as fault:
            return fault
        except Exception as fault:  # noqa: BLE001 # a cloud's signer raises what its own parts raise
            return TokenError(f"{type(fault).__name__}: {fault}")


AbstractTokenProvider.register(TokenProvider)


class _Granted(msgspec.Struct):
    """A good answer (RFC 6749, 5.1). The pattern is that of what may stand in a login."""

    access_token: Annotated[str, msgspec.Meta(pattern=r"^[\x21-\x7e]+\Z")]
    token_type: str = "Bearer"  # noqa: S105 # a kind of token
    expires_in: int = 0


class _Refused(msgspec.Struct):
    """A bad answer (RFC 6749, 5.2)."""

    error: str = ""
    error_description: str = ""


class _NoRedirect(HTTPRedirectHandler):
    """Takes a redirection for a refusal: who follows it shows the secret to somebody else."""

    def redirect_request(self, *_: Any) -> None:
        """Follow nothing."""


def client_credentials(
    url: str,
    *,
    client_id: str,
    client_secret: str,
    scope: str,
    trusted: ssl.SSLContext,
    seconds_max: float = limits.KAFKA_REQUEST_SECONDS_MAX,
) -> Callable[[], Token]:
    """Give what asks an identity provider for a token in the client's own name.

    It blocks, and raises TokenError.
    """
    # Encoded before they are joined (RFC 6749, 2.3.1): either may hold a colon.
    login = b64encode(f"{quote_plus(client_id)}:{quote_plus(client_secret)}".encode()).decode()
    headers = {"Authorization": f"Basic {login}", "Accept": "application/json"}
    form = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
    opener = build_opener(HTTPSHandler(context=trusted), _NoRedirect)
    whom = urlsplit(url).netloc

    def ask() -> Token:
        request = Request(url, data=urlencode(form).encode(), headers=headers)  # noqa: S310 # the settings allow http and https alone
        try:
            status, body = _answered(opener, request, seconds_max)
        except (OSError, HTTPException) as fault:
            reason = fault.reason if isinstance(fault, URLError) else fault
            late = isinstance(reason, TimeoutError)
            trouble = f"did not answer within {seconds_max:g} s" if late else f"failed: {reason!r}"
            raise TokenError(f"{whom} {trouble}") from fault
        if status != HTTPStatus.OK:
            raise TokenError(f"{whom} answered {status}{_why(body)}")
        return _granted(whom, body)

    return ask


def _answered(opener: OpenerDirector, request: Request, seconds_max: float) -> tuple[int, bytes]:
    try:
        with opener.open(request, timeout=seconds_max) as answer:
            return answer.status, answer.read(limits.KAFKA_TOKEN_BYTES_MAX)
    except HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read(limits.KAFKA_TOKEN_BYTES_MAX)


def _granted(whom: str, body: bytes) -> Token:
    try:
        # Not strict: some say the seconds in quotes.
        granted = msgspec.json.decode(body, type=_Granted, strict=False)
    except msgspec.DecodeError as fault:
        raise TokenError(f"the answer of {whom} holds none: {fault}") from fault
    if granted.token_type.lower() != "bearer":
        raise TokenError(f"{whom} gave one of type {granted.token_type[:40]!r}, not Bearer")
    return Token(text=granted.access_token, seconds=granted.expires_in)


def _why(body: bytes) -> str:
    try:
        refused = msgspec.json.decode(body, type=_Refused)
    except msgspec.DecodeError:
        return ""
    words = [word for word in (refused.error, refused.error_description) if word]
    return "".join(f": {word[: limits.KAFKA_TOKEN_REASON_CHARS_MAX]}" for word in words)


MSK_SECONDS: Final = 900.0  # what Amazon's signer signs for


def signed(signer: Any, region: str) -> Callable[[], Token]:
    """Give what signs a token with Amazon's `signer`; its credentials may come over the network."""
    sign = signer.generate_auth_token

    def ask() -> Token:
        try:
            text, _ = sign(region)
        except AttributeError as absent:  # what it makes of None
            raise TokenError("there are no credentials of AWS for this process") from absent
        return Token(text=str(text), seconds=MSK_SECONDS)

    return ask
