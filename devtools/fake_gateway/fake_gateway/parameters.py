"""Form-encoded nested parameters, and the checks that Stripe does on them.

Rules: Stripe documentation, "API reference: Request bodies" (bracket notation), "Error codes"
(`parameter_unknown`, `parameter_missing`, `parameter_invalid_empty`, `parameter_invalid_integer`)
and "Metadata" (50 keys, 40 characters a key, 500 a value).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from fake_gateway.errors import InvalidParameter
from fake_gateway.records import Values

METADATA_KEYS = 50
METADATA_KEY_LENGTH = 40
METADATA_VALUE_LENGTH = 500
TEXT_LENGTH = 5000

# Parameters as they came: nested dicts of texts.
RawParameters = dict[str, 'RawValue']
RawValue = str | RawParameters
# The parameters that a request can have, by name.
Fields = Mapping[str, 'Parameter']


def parse(encoded: str) -> RawParameters:
    """Turn `a[b]=1&c[]=2` into nested dicts; the items of a list are keyed by their position.

    :param str encoded: The query string or form body.
    :rtype: dict
    """
    parameters: RawParameters = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        keys = re.findall(r"[^\[\]]+|(?<=\[)(?=\])", name)
        if not keys:
            continue
        target = parameters
        for key in keys[:-1]:
            inner = target.get(key)
            if not isinstance(inner, dict):
                inner = target[key] = {}
            target = inner
        target[keys[-1] or str(len(target))] = value
    return parameters


@dataclass(frozen=True)
class Parameter:
    """A parameter of a request.

    `since` is the first API version that knows it.
    """

    required: bool = False
    since: str = ''

    def clean(self, value: RawValue, path: str, version: str) -> Any:
        """Check a value that is not empty and convert it.

        :param value: The value as it came.
        :param str path: The parameter's full name.
        :param str version: The API version of the request.
        :raise InvalidParameter: If Stripe would refuse it.
        """
        return self._convert(value, path, version)

    def _convert(self, value: RawValue, path: str, version: str) -> Any:
        """Do what `clean` says."""
        raise NotImplementedError


@dataclass(frozen=True)
class Text(Parameter):
    """A text."""

    longest: int = TEXT_LENGTH

    def _convert(self, value: RawValue, path: str, version: str) -> str:
        if isinstance(value, dict):
            raise InvalidParameter(f"Invalid string: {value}", param=path)
        if len(value) > self.longest:
            raise InvalidParameter(
                f"Invalid string: {value[:20]}…; must be at most {self.longest} characters",
                code='parameter_invalid_string_too_long',
                param=path,
            )
        return value


@dataclass(frozen=True)
class Choice(Parameter):
    """One of several texts."""

    choices: tuple[str, ...] = ()

    def _convert(self, value: RawValue, path: str, version: str) -> str:
        if value not in self.choices:
            raise InvalidParameter(
                f"Invalid {path}: must be one of {', '.join(self.choices)}", param=path
            )
        return value


@dataclass(frozen=True)
class Integer(Parameter):
    """A whole number."""

    least: int | None = None
    most: int | None = None

    def _convert(self, value: RawValue, path: str, version: str) -> int:
        if isinstance(value, dict) or not re.fullmatch(r"-?\d+", value):
            raise InvalidParameter(
                f"Invalid integer: {value}", code='parameter_invalid_integer', param=path
            )
        number = int(value)
        if self.least is not None and number < self.least:
            raise InvalidParameter(
                f"This value must be greater than or equal to {self.least}.",
                code='parameter_invalid_integer',
                param=path,
            )
        if self.most is not None and number > self.most:
            raise InvalidParameter(
                f"This value must be less than or equal to {self.most}.",
                code='parameter_invalid_integer',
                param=path,
            )
        return number


@dataclass(frozen=True)
class Boolean(Parameter):
    """`true` or `false`, in any case (payment_stripe sends Python's `True`)."""

    def _convert(self, value: RawValue, path: str, version: str) -> bool:
        if isinstance(value, dict) or value.lower() not in {'true', 'false'}:
            raise InvalidParameter(f"Invalid boolean: {value}", param=path)
        return value.lower() == 'true'


@dataclass(frozen=True)
class OffSession(Boolean):
    """`true`, `false`, `one_off` or `recurring`."""

    def _convert(self, value: RawValue, path: str, version: str) -> bool:
        return True if value in {'one_off', 'recurring'} else super()._convert(value, path, version)


@dataclass(frozen=True)
class Hash(Parameter):
    """Nested parameters."""

    fields: Fields = field(default_factory=dict)

    def _convert(self, value: RawValue, path: str, version: str) -> Values:
        if not isinstance(value, dict):
            raise InvalidParameter("Invalid object", param=path)
        return clean(self.fields, value, version, path)


@dataclass(frozen=True)
class Array(Parameter):
    """A list."""

    item: Parameter = field(default_factory=Text)

    def _convert(self, value: RawValue, path: str, version: str) -> list[Any]:
        if not isinstance(value, dict) or not all(key.isdecimal() for key in value):
            raise InvalidParameter("Invalid array", param=path)
        keys = sorted(value, key=int)
        return [self.item.clean(value[key], f'{path}[{key}]', version) for key in keys]


@dataclass(frozen=True)
class Metadata(Parameter):
    """Keys and values of the caller's own; an empty value removes the key."""

    def _convert(self, value: RawValue, path: str, version: str) -> dict[str, str]:
        if not isinstance(value, dict):
            raise InvalidParameter("Invalid object", param=path)
        if len(value) > METADATA_KEYS:
            raise InvalidParameter(f"Metadata can have at most {METADATA_KEYS} keys.", param=path)
        metadata: dict[str, str] = {}
        for key, text in value.items():
            if len(key) > METADATA_KEY_LENGTH:
                raise InvalidParameter(
                    f"Metadata keys can have at most {METADATA_KEY_LENGTH} characters.",
                    param=path,
                )
            if isinstance(text, dict) or len(text) > METADATA_VALUE_LENGTH:
                raise InvalidParameter(
                    f"Metadata values must be strings of at most {METADATA_VALUE_LENGTH}"
                    " characters.",
                    param=f'{path}[{key}]',
                )
            metadata[key] = text
        return metadata


@dataclass(frozen=True)
class TimeRange(Parameter):
    """A time in seconds since 1970, or its limits (`gt`, `gte`, `lt`, `lte`)."""

    def _convert(self, value: RawValue, path: str, version: str) -> dict[str, int]:
        if isinstance(value, dict):
            limits = {name: Integer() for name in ('gt', 'gte', 'lt', 'lte')}
            return clean(limits, value, version, path)
        number = Integer().clean(value, path, version)
        return {'gte': number, 'lte': number}


EXPAND: Fields = {'expand': Array()}
PAGE: Fields = {
    'limit': Integer(least=1, most=100),
    'starting_after': Text(),
    'ending_before': Text(),
    **EXPAND,
}


def clean(fields: Fields, raw: RawParameters, version: str, path: str = '') -> Values:
    """Check parameters.

    :param dict fields: The parameters there are, by name.
    :param dict raw: What came, as `parse` returns it.
    :param str version: The API version of the request.
    :param str path: The full name of the hash that these are in.
    :return: The converted values; an empty one, which unsets, is None.
    :rtype: dict
    :raise InvalidParameter: If Stripe would refuse one.
    """
    known = {name: parameter for name, parameter in fields.items() if parameter.since <= version}
    unknown = [_full_name(path, name) for name in raw if name not in known]
    if unknown:
        plural = 's' if len(unknown) > 1 else ''
        raise InvalidParameter(
            f"Received unknown parameter{plural}: {', '.join(unknown)}",
            code='parameter_unknown',
            param=unknown[0],
        )
    cleaned: Values = {}
    for name, parameter in known.items():
        full_name = _full_name(path, name)
        if name not in raw:
            if parameter.required:
                raise InvalidParameter(
                    f"Missing required param: {full_name}.",
                    code='parameter_missing',
                    param=full_name,
                )
        elif raw[name] == '':
            if parameter.required:
                raise not_unsettable(full_name)
            cleaned[name] = None
        else:
            cleaned[name] = parameter.clean(raw[name], full_name, version)
    return cleaned


def not_unsettable(full_name: str) -> InvalidParameter:
    """Return the error for an empty value where there must be one.

    :param str full_name: The parameter's full name.
    :rtype: InvalidParameter
    """
    return InvalidParameter(
        f"You passed an empty string for '{full_name}'. We assume empty values are an attempt to"
        f" unset a parameter; however '{full_name}' cannot be unset. You should remove"
        f" '{full_name}' from your request or supply a non-empty value.",
        code='parameter_invalid_empty',
        param=full_name,
    )


def _full_name(path: str, name: str) -> str:
    """Return the name of a parameter in a hash."""
    return f'{path}[{name}]' if path else name


def merge_metadata(present: dict[str, str], changes: dict[str, str] | None) -> dict[str, str]:
    """Apply a metadata parameter.

    :param dict present: The metadata there are.
    :param dict changes: The parameter, or None to remove all.
    :rtype: dict
    """
    if changes is None:
        return {}
    return {key: value for key, value in (present | changes).items() if value != ''}
