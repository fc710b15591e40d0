"""What objects and requests are made of."""

from typing import Any

# An object as JSON has it; fields whose names begin with `_` are the gateway's own.
Record = dict[str, Any]
# The parameters of a request, as `parameters.clean` converts them.
Values = dict[str, Any]
# An event that is to be sent: the endpoint's URL and secret, and the event.
Outgoing = tuple[str, str | None, Record]
