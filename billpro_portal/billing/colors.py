"""Colors that can be read: a company's own may be too light for text."""

import re

# WCAG 2.2, 1.4.3: of text against what is behind it.
ENOUGH_CONTRAST = 4.5

_Color = tuple[int, int, int]


def readable(color: str, background: str) -> str | None:
    """Return a color, darkened step by step until it can be read on a light background.

    :param color: The color as ``#rrggbb``.
    :param background: What is behind it, the same way.
    :return: The color; None if it isn't written like that.
    """
    parsed = _parse(color)
    behind = _parse(background)
    if not parsed or not behind:
        return None
    while _contrast(parsed, behind) < ENOUGH_CONTRAST and any(parsed):
        parsed = _shade(parsed)
    return _format(parsed)


def darker(color: str) -> str | None:
    """Return a color one step darker.

    :param color: The color as ``#rrggbb``.
    :return: The color; None if it isn't written like that.
    """
    parsed = _parse(color)
    return _format(_shade(parsed)) if parsed else None


def _parse(color: str) -> _Color | None:
    if not re.fullmatch(r'#[0-9a-fA-F]{6}', color):
        return None
    red, green, blue = (int(color[start : start + 2], 16) for start in (1, 3, 5))
    return red, green, blue


def _format(color: _Color) -> str:
    return '#{:02x}{:02x}{:02x}'.format(*color)


def _shade(color: _Color) -> _Color:
    red, green, blue = (channel * 9 // 10 for channel in color)
    return red, green, blue


def _contrast(one: _Color, other: _Color) -> float:
    darker_one, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker_one + 0.05)


def _luminance(color: _Color) -> float:
    red, green, blue = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
        for share in (channel / 255 for channel in color)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
