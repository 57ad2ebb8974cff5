"""Check TOML against typed sections, and write a commented example of them.

Reports all problems at once, each with key, found value, allowed value and the nearest known name. The
sections themselves are defined elsewhere.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

import msgspec

from edge_node.errors import ConfigError
from edge_node.text_file import TextFileError, decode_text
from edge_node.unprintable import find_unprintable
from edge_node.validation import describe_invalid, show

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Sections = Mapping[str, type[msgspec.Struct]]

_SECRET_KEYS = ("camera", "source", "_file", "username")  # a password is easily put there by mistake
_PLAIN = re.compile(r"[\w .+-]{0,64}")  # no address with a password in it looks like this


def about(text: str, **bounds: Any) -> msgspec.Meta:
    """Return a key's description, which ``edge-node init`` prints above it, and its bounds."""
    return msgspec.Meta(description=text, **bounds)


def read_sections(text: bytes, where: str, known: Sections) -> dict[str, msgspec.Struct]:
    """Return the sections of ``text`` by name; a missing section has its defaults.

    Raises:
        ConfigError: one line per problem, all of them, each beginning with ``where``.
    """
    try:
        document = msgspec.toml.decode(decode_text(text))
    except TextFileError as err:
        raise ConfigError(f"{where}: not TOML: {err}") from err
    except (msgspec.DecodeError, RecursionError) as err:
        raise ConfigError(f"{where}: not TOML: {_describe_syntax(str(err))}") from err
    problems = [_unknown("section", name, known) for name in document if name not in known]
    sections: dict[str, msgspec.Struct] = {}
    for name, section in known.items():
        values = document.get(name, {})
        if not isinstance(values, dict):
            problems.append(f"[{name}] wanted a section, found {name} = {_shown(name, values)}")
            continue
        if (read := _read_section(section, values)) is not None:
            sections[name] = read
            continue
        found = list(_section_problems(name, section, values))
        problems += found
        if not found:
            try:
                sections[name] = msgspec.convert(values, section)
            except msgspec.ValidationError as err:  # keys that contradict each other
                problems.append(f"[{name}] {describe_invalid(err, values, section)}")
    if problems:
        raise ConfigError("\n".join(f"{where}: {problem}" for problem in problems))
    return sections


def example_text(known: Sections, given: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a commented file with every key, its meaning and its default.

    Args:
        known: the sections by name.
        given: per section the values to set instead of leaving the default in a comment.
    """
    lines = [
        "# Corrosion edge node. Lines that begin with # show defaults; `edge-node check-config FILE` judges."
    ]
    for name, section in known.items():
        lines += ["", f"# {(section.__doc__ or '').strip()}", f"[{name}]"]
        for field in msgspec.structs.fields(section):
            lines.append(f"# {_description(field.type)}")
            default = field.default
            if field.default_factory is not msgspec.NODEFAULT:  # tables
                default = field.default_factory()
            value = given.get(name, {}).get(field.name, default)
            is_default = field.name not in given.get(name, {}) and not field.required
            text = "" if value is None else _toml(value)
            lines.append(f"# {field.name} = {text}".rstrip() if is_default else f"{field.name} = {text}")
    return "\n".join(lines) + "\n"


def _read_section(section: type[msgspec.Struct], values: dict[str, Any]) -> msgspec.Struct | None:
    """Return the section, or None if anything is wrong; finding what it is takes a start milliseconds."""
    if not values and not _has_required(section):
        return section()  # reading its types takes a millisecond, and most sections are not given
    for key, value in values.items():
        if key not in section.__struct_fields__ or find_unprintable(value, allows_layout=key == "source"):
            return None
    try:
        return msgspec.convert(values, section)
    except msgspec.ValidationError:
        return None


def _section_problems(name: str, section: type[msgspec.Struct], values: dict[str, Any]) -> Iterator[str]:
    fields = msgspec.structs.fields(section)
    types = {field.name: field.type for field in fields}
    for key in values:
        if key not in types:
            yield f"[{name}] {_unknown('key', key, types)}"
    for field in fields:
        if field.name not in values:
            if field.required:
                yield f"[{name}] {field.name} is missing: {_description(types[field.name])}"
            continue
        if found := find_unprintable(values[field.name], allows_layout=field.name == "source"):
            what = "a NUL character" if found == "U+0000" else f"the control character {found}"
            yield f"[{name}] {field.name}: holds {what}, which no name or path may"
            continue
        if (table := _table_of(types[field.name])) is not None and isinstance(values[field.name], dict):
            yield from _tables_problems(f"{name}.{field.name}", table, values[field.name])
            continue
        try:
            msgspec.convert(values[field.name], types[field.name])
        except msgspec.ValidationError as err:
            problem = describe_invalid(err, values[field.name], types[field.name])
            yield f"[{name}] {field.name} = {_shown(field.name, values[field.name])}: {problem}"


def _table_of(kind: Any) -> tuple[Any, type[msgspec.Struct]] | None:
    """Return the types of name and table where a key takes tables by name, such as ``rules``."""
    plain = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    parts = get_args(plain) if get_origin(plain) is dict else ()
    is_table = len(parts) == 2 and isinstance(parts[1], type) and issubclass(parts[1], msgspec.Struct)
    return parts if is_table else None


def _tables_problems(
    where: str, kinds: tuple[Any, type[msgspec.Struct]], tables: dict[str, Any]
) -> Iterator[str]:
    """Yield the problems of each table that stands under a name."""
    for name, table in tables.items():
        try:
            msgspec.convert(name, kinds[0])
        except msgspec.ValidationError as err:
            yield f"[{where}] {_shown(where, name)}: {describe_invalid(err, name, kinds[0])}"
        if not isinstance(table, dict):
            yield f"[{where}.{name}] wanted a table, found {name} = {_shown(name, table)}"
            continue
        yield from _section_problems(f"{where}.{name}", kinds[1], table)


def _shown(key: str, value: Any) -> str:
    """Return a refused value for an error; what could hold a password only by its kind."""
    if isinstance(value, bool | int | float) and not key.endswith("_file"):  # there it may be a PIN
        return show(value)
    if isinstance(value, str) and not key.endswith(_SECRET_KEYS) and _PLAIN.fullmatch(value):
        return show(value)
    kinds: dict[type, str] = {str: "a text", list: "a list", dict: "a table", int: "a number"}
    return f"({kinds.get(type(value), 'a value')} that is not shown)"


def _describe_syntax(text: str) -> str:
    """Add to the TOML reader's words what is most often the reason."""
    text = re.sub(r"Cannot declare \('(.+)',\) twice", r"the section [\1] is there twice", text)
    return f"{text}; text stands in double quotes" if text.startswith("Invalid value") else text


def _unknown(what: str, name: str, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f'did you mean "{near[0]}"?' if near else f"known are {', '.join(known)}"
    return f'unknown {what} "{name}"; {hint}'


def _has_required(section: type[msgspec.Struct]) -> bool:
    defaults = section.__struct_defaults__
    return len(defaults) < len(section.__struct_fields__) or msgspec.NODEFAULT in defaults


def _description(annotated: Any) -> str:
    """Return the description given by the outermost ``about`` of a key."""
    texts = [meta.description for meta in annotated.__metadata__ if meta.description]
    return str(texts[-1])


def _toml_key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _toml(key)


def _toml(value: Any) -> str:
    if isinstance(value, msgspec.Struct):
        value = {
            name: found for name in value.__struct_fields__ if (found := getattr(value, name)) is not None
        }
    if isinstance(value, dict) and value:
        return "{ " + ", ".join(f"{_toml_key(key)} = {_toml(inner)}" for key, inner in value.items()) + " }"
    return msgspec.json.encode(value).decode()  # strings, numbers, booleans and lists are alike in both
