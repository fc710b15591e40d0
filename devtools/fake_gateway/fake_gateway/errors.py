"""Errors in the form of Stripe's API (documentation: "Errors", "Error codes")."""

from __future__ import annotations

from typing import Any

from fake_gateway.records import Record

DOCUMENTATION = 'https://stripe.com/docs/error-codes/'


class ApiError(Exception):
    """A request that is answered by an error."""

    def __init__(
        self,
        status: int,
        error_type: str,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        **details: Any,
    ) -> None:
        """Keep what the answer says.

        :param int status: The HTTP status.
        :param str error_type: `card_error`, `invalid_request_error`, `idempotency_error` or
            `api_error`.
        :param str message: What is wrong.
        :param str code: Stripe's error code, if it has one.
        :param str param: The parameter that is to blame, if one is.
        :param details: Further entries of the error object.
        """
        super().__init__(message)
        self.status = status
        self.error: Record = {'type': error_type, 'message': message}
        if code:
            self.error |= {'code': code, 'doc_url': DOCUMENTATION + code.replace('_', '-')}
        if param:
            self.error['param'] = param
        self.error |= {name: value for name, value in details.items() if value is not None}

    # What was changed before the error is kept: a declined payment leaves its intent behind.
    keeps_changes = False
    # Whether execution had begun, so that the answer is stored with the idempotency key.
    executed = True

    def body(self) -> Record:
        """Return the body of the answer.

        :rtype: dict
        """
        return {'error': self.error}


class InvalidRequest(ApiError):
    """What was asked for can't be done."""

    def __init__(self, message: str, status: int = 400, **details: Any) -> None:
        super().__init__(status, 'invalid_request_error', message, **details)


class InvalidParameter(InvalidRequest):
    """A parameter that is refused before anything is executed."""

    executed = False


class NoSuchObject(InvalidRequest):
    """An id that belongs to nothing."""

    def __init__(self, label: str, identifier: str, param: str, *, is_live: bool = False) -> None:
        other = (
            "; a similar object exists in live mode, but a test mode key was used to make this"
            " request."
        )
        super().__init__(
            f"No such {label}: '{identifier}'{other if is_live else ''}",
            # An id in the path is not found; one among the parameters is a bad request.
            404 if param == 'id' else 400,
            code='resource_missing',
            param=param,
        )


class CardError(ApiError):
    """A card that was refused by its bank or for its data."""

    keeps_changes = True

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(402, 'card_error', message, **details)


class NotExecuted(ApiError):
    """A request that is turned away at the door."""

    executed = False
