"""From the words of a line to a `Call` of a verb; whatever does not fit is a `UsageError`."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from workbench.errors import UsageError
from workbench.notebook.line import Word, split_line
from workbench.notebook.verbs.model import Argument, Body, Call, Many, Option, Verb

__all__ = ["find_verb", "parse_call", "parse_number", "parse_pairs"]

Lookup = Callable[[str], Any]


def find_verb(verbs: Mapping[str, Verb], name: str, planned: Mapping[str, str]) -> Verb:
    """The verb of this name or alias."""
    if name in verbs:
        return verbs[name]
    if name in planned:
        raise UsageError(
            f"`{name}` is not available yet: {planned[name]}",
            hint="`%wasmcloud help` lists what is",
            verb=name,
        )
    near = difflib.get_close_matches(name, [*verbs, *planned], n=3)
    raise UsageError(
        f"there is no verb {name!r}",
        hint=_did_you_mean(near) or "`%wasmcloud help` lists all verbs",
        matches=near,
    )


def parse_call(verb: Verb, line: str, body: str | None, lookup: Lookup) -> Call:
    """``line`` is what follows the verb. ``lookup`` gives the value of a notebook variable."""
    if body is not None and verb.body is Body.NONE:
        raise UsageError(f"`{verb.name}` takes no body", hint=f"write it on one line: {verb.usage}")
    if verb.body is Body.MUST and not (body or "").strip():
        raise UsageError(
            f"`{verb.name}` wants its text in the cell below the magic line",
            hint=verb.examples[0] if verb.examples else verb.usage,
        )
    words, options = _sort(verb, split_line(line), lookup)
    return Call(verb, _fill(verb, words), options, body)


def _sort(verb: Verb, words: list[Word], lookup: Lookup) -> tuple[list[Any], dict[str, Any]]:
    """Positional values and options, in whatever order they stand."""
    by_flag = dict(_flags(verb.options))
    values: list[Any] = []
    options: dict[str, Any] = {
        o.key: ([] if o.repeat else False if not o.value else o.default) for o in verb.options
    }
    rest = iter(words)
    only_values = False
    for word in rest:
        if word.text == "--" and not word.quoted:
            only_values = True
        elif only_values or not _looks_like_option(word):
            values.append(_value(word, lookup))
        else:
            flag, sign, text = word.text.partition("=")
            option = by_flag.get(flag)
            if option is None:
                raise _unknown_option(verb, flag, by_flag)
            value = _option_value(option, flag, text if sign else None, rest, lookup)
            if option.repeat:
                options[option.key].append(value)
            else:
                options[option.key] = value
    return values, options


def _value(word: Word, lookup: Lookup) -> Any:
    if word.variable:
        return lookup(word.variable)
    if word.braced:
        try:
            return lookup(word.braced)
        except UsageError:
            return word.text
    return word.text


def _looks_like_option(word: Word) -> bool:
    text = word.text
    if word.quoted or not text.startswith("-") or text == "-":
        return False
    # A negative number is a value.
    return not text[1:2].isdigit() and not text.startswith("-.")


def _flags(options: Iterable[Option]) -> Iterator[tuple[str, Option]]:
    for option in options:
        yield f"--{option.name}", option
        if option.short:
            yield f"-{option.short}", option


def _option_value(
    option: Option, flag: str, given: str | None, rest: Iterator[Word], lookup: Lookup
) -> Any:
    if not option.value:
        if given is not None:
            raise UsageError(f"{flag} is a switch and takes no value", hint=f"write just {flag}")
        return True
    if given is None:
        word = next(rest, None)
        if word is None or _looks_like_option(word):
            raise UsageError(f"{flag} wants a value", hint=f"{flag} {option.value}")
        value = _value(word, lookup)
    else:
        value = given
    return value if option.number is None else parse_number(value, option.number, flag)


def parse_number(value: Any, kind: type[int] | type[float], what: str) -> Any:
    """``value`` as a number of this kind; one with a fraction is a time, and more than 0."""
    try:
        number = kind(value)
    except (TypeError, ValueError, OverflowError):
        number = None
    name, example = ("a whole number", "2") if kind is int else ("a number of seconds", "2.5")
    if number is None or (kind is float and not 0 < number < float("inf")):
        raise UsageError(f"{what} wants {name}, not {value!r}", hint=f"such as {what} {example}")
    return number


def parse_pairs(texts: Iterable[str], what: str) -> dict[str, str]:
    """``KEY=VALUE`` words as a mapping."""
    pairs: dict[str, str] = {}
    for text in texts:
        key, sign, value = str(text).partition("=")
        if not sign or not key:
            raise UsageError(f"{what} wants KEY=VALUE, not {text!r}", hint=f"such as {what} zone=a")
        pairs[key] = value
    return pairs


def _fill(verb: Verb, values: list[Any]) -> dict[str, Any]:
    words: dict[str, Any] = {}
    left = list(values)
    for argument in verb.arguments:
        if argument.many in (Many.ANY, Many.SOME):
            if argument.many is Many.SOME and not left:
                raise _missing(verb, argument)
            words[argument.name], left = left, []
        elif left:
            words[argument.name] = _checked(verb, argument, left.pop(0))
        elif argument.many is Many.ONE:
            raise _missing(verb, argument)
        else:
            words[argument.name] = None
    if left:
        raise UsageError(
            f"`{verb.name}` does not know what to do with {left[0]!r}", hint=f"usage: {verb.usage}"
        )
    return words


def _checked(verb: Verb, argument: Argument, value: Any) -> Any:
    if argument.choices and value not in argument.choices:
        near = difflib.get_close_matches(str(value), argument.choices, n=3)
        allowed = f"it takes {', '.join(argument.choices)}"
        raise UsageError(
            f"`{verb.name}` does not take {value!r}",
            hint=_did_you_mean(near) or allowed,
            matches=near,
        )
    return value


def _missing(verb: Verb, argument: Argument) -> UsageError:
    what = f" ({argument.help})" if argument.help else ""
    return UsageError(
        f"`{verb.name}` wants {argument.name.upper()}{what}", hint=f"usage: {verb.usage}"
    )


def _unknown_option(verb: Verb, flag: str, by_flag: Mapping[str, Option]) -> UsageError:
    near = difflib.get_close_matches(flag, by_flag, n=3, cutoff=0.5)
    its = ", ".join(f for f in by_flag if f.startswith("--")) or "none"
    return UsageError(
        f"`{verb.name}` has no option {flag}",
        hint=_did_you_mean(near) or f"its options: {its}",
        matches=near,
    )


def _did_you_mean(near: list[str]) -> str:
    return f"did you mean {' or '.join(near)}?" if near else ""
