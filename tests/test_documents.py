"""README and guides are held to what is there: links, commands, configuration, figures, and their own form.

A block of ``sh`` below a line ``<!-- run -->`` is run, all those of a page in one temporary folder. Every
other quoted command must be one that its own parser takes; in a sentence, a command may leave arguments out.
A table of figures has a column "command": what measured each row. A word such as `max_mb` in a sentence must
stand in the code.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import msgspec
import pytest

from tests.support import quoted_commands, quoted_settings
from tests.support.pages import Page, anchor_of

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
GUIDES = sorted((ROOT / ".readme").rglob("*.md"))
MODEL_CARD = ROOT / "edge_node" / "default_bundle" / "MODEL_CARD.md"
PAGES = {path.relative_to(ROOT).as_posix(): Page.read(path) for path in (README, *GUIDES, MODEL_CARD)}
GUIDE_LINES, README_LINES = 300, 150
PICTURE_BYTES = 256 * 1024
LAST_HEADING = "Where to go next"
LANGUAGES = frozenset({"sh", "toml", "json", "yaml", "python", "text", "ini", "nginx"})
WORDS_OF_OTHERS = {  # of EMQX, PostgreSQL, TimescaleDB and TensorFlow, and steps that the ablation removed
    *("hash_topic", "shared_subscription_strategy", "synchronous_standby_names", "drop_chunks"),
    *("optimize_for_inference", "balance_heads", "double_channels", "refit_heads"),
}
each_page = pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
each_guide = pytest.mark.parametrize(
    "page", [Page.read(path) for path in GUIDES], ids=[p.name for p in GUIDES]
)


def broken_links(page: Page, root: Path) -> list[str]:
    """Return each link that leads to no file in ``root``, or to no heading of it."""
    broken = []
    for link in page.links:
        if re.match(r"https://|mailto:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.path.parent / name).resolve() if name else page.path
        is_there = target.exists() and target.is_relative_to(root)
        if not is_there or (anchor and (target.suffix != ".md" or anchor not in Page.read(target).anchors)):
            broken.append(link)
    return broken


def wrong_commands(page: Page) -> list[str]:
    """Return each quoted command that its program would refuse, with the reason."""
    quoted = [
        (shlex.join(words), quoted_commands.find_problem(words))
        for block in page.blocks
        if block.language == "sh"
        for words in quoted_commands.split_commands(block.text)
    ]
    mentioned = [
        (span, quoted_commands.find_problem_of_mention(words))
        for span in page.spans
        for words in _mentioned_commands(span)
    ]
    return [f"{said}: {problem}" for said, problem in quoted + mentioned if problem]


def _mentioned_commands(span: str) -> list[list[str]]:
    if not re.match(r"(sudo |\S+/bin/)?(edge-node|converter|python3?|pip install|tests/run) \S", span):
        return []
    try:
        return list(quoted_commands.split_commands(span.replace("[--", "--")))
    except ValueError:  # a quotation that is not closed
        return [["edge-node", span]]


def figures_without_command(page: Page) -> list[str]:
    """Return the rows of tables of figures that do not name the command that measured them.

    Figures stand in a column "figure", or in one that is aligned to the right. A table without a column
    "command" may have the command in a sentence of its section.
    """
    found = []
    for table in page.tables:
        columns = [name.lower() for name in table.columns]
        if "figure" not in columns and not table.is_numeric:
            continue
        if "command" not in columns:
            is_named = any(_is_command(span) for span in re.findall(r"`([^`]+)`", table.section))
            found += [] if is_named else [f"no command: {' | '.join(table.columns)}"]
            continue
        at, is_named = columns.index("command"), False
        for row in table.rows:
            cell = row[at] if at < len(row) else ""
            spans = re.findall(r"`([^`]+)`", cell)
            is_named = any(_is_command(span) for span in spans) or (cell == "the same" and is_named)
            found += [] if is_named else [f"no command: {' | '.join(row)}"]
    return found


def _is_command(span: str) -> bool:
    return any(quoted_commands.is_ours(words) for words in quoted_commands.split_commands(span))


def bad_blocks(page: Page) -> list[str]:
    """Return why a block of configuration, data or code is not what its language says."""
    bad = ["a block without backquotes"] if re.search(r"^ *~~~", page.prose, flags=re.MULTILINE) else []
    for block in page.blocks:
        try:
            if block.language not in LANGUAGES:
                bad.append(f"{block.text}no language that is checked: {block.language!r}")
            elif block.language == "json":
                msgspec.json.decode(block.text)
            elif block.language == "yaml":
                msgspec.yaml.decode(block.text)
            elif block.language == "python":
                compile(block.text, page.path.name, "exec")
            elif block.language == "toml" and (problem := quoted_settings.find_problem(block.text)):
                bad.append(f"{block.text}{problem}")
        except (msgspec.DecodeError, SyntaxError) as err:
            bad.append(f"{block.text}{err}")
    problems = {span: quoted_settings.find_problem_of_mention(span) for span in page.spans}
    return bad + [f"{span}: {problem}" for span, problem in problems.items() if problem]


def unknown_words(page: Page) -> list[str]:
    """Return each word with an underscore between backquotes, such as a key, that no code knows."""
    found = (re.fullmatch(r"([a-z][a-z0-9]*(?:_[a-z0-9]+)+)(?: = .*)?", span) for span in page.spans)
    return [word[1] for word in found if word and word[1] not in _words_of_code() | WORDS_OF_OTHERS]


@lru_cache
def _words_of_code() -> frozenset[str]:
    """Return the words with an underscore of the programs, their pages and the units of systemd."""
    paths = [path for name in ("edge_node", "converter", "systemd") for path in (ROOT / name).rglob("*.*")]
    kinds = (".py", ".js", ".toml", ".conf", ".service", ".acl")
    texts = [path.read_text(encoding="utf-8") for path in paths if path.suffix in kinds]
    return frozenset(re.findall(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+", "\n".join(texts)))


@each_page
def test_links_lead_somewhere(page: Page) -> None:
    """Files, pictures and headings that README, guides and model card point to are there."""
    assert broken_links(page, ROOT) == []


@each_page
def test_quoted_commands_are_taken_by_their_programs(page: Page) -> None:
    """Subcommands, flags, extras and modules of the tests that a reader is told to type exist."""
    assert wrong_commands(page) == []


@each_page
def test_quoted_configuration_is_read(page: Page) -> None:
    """TOML by the real readers, JSON, YAML and Python by theirs; a `[section] key` in a sentence exists."""
    assert bad_blocks(page) == []


@each_page
def test_keys_and_fields_are_spelt_as_in_the_code(page: Page) -> None:
    """A key or a field that a sentence names without its section is a word of the programs."""
    assert unknown_words(page) == []


@each_page
def test_each_figure_names_its_command(page: Page) -> None:
    """Whoever doubts a row of a table of figures can measure it again."""
    assert figures_without_command(page) == []


@each_guide
def test_a_guide_says_what_it_is_for_and_where_to_go_next(page: Page) -> None:
    """A title, a sentence that says for whom or what, at most 300 lines, and links at the end."""
    lines = page.text.splitlines()
    assert len(lines) <= GUIDE_LINES
    assert lines[0].startswith("# ")
    first = page.text.partition("\n\n")[2].partition("\n\n")[0]
    assert re.search(r"\b(for|who|whom|whoever|this page|this guide)\b", first, flags=re.IGNORECASE), first
    assert not first.startswith(("|", "```", "!", "<", "[", "-"))
    assert page.headings[-1] == LAST_HEADING
    assert "](" in page.text.rpartition(f"## {LAST_HEADING}")[2]


def test_readme_is_for_a_first_minute() -> None:
    """At most 150 lines, and the picture comes before the first command."""
    text = README.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= README_LINES
    assert 0 < text.find("<picture>") < text.find("```")


def test_each_guide_is_found_from_the_readme() -> None:
    """From README every guide is reached by links alone, so that none is for those who know its name."""
    reached, open_pages = set(), [README]
    while open_pages:
        path = open_pages.pop()
        if path not in reached and path.suffix == ".md" and path.exists():
            reached.add(path)
            links = [link.partition("#")[0] for link in Page.read(path).links if "://" not in link]
            open_pages += [(path.parent / link).resolve() for link in links if link]
    assert sorted(set(GUIDES) - reached) == []


def test_pictures_are_small_and_shown() -> None:
    """A clone downloads every picture: each is at most 256 KiB, and a page shows it."""
    pictures = [path for path in (ROOT / ".readme").rglob("*.*") if path.suffix in (".png", ".jpg", ".svg")]
    shown = {(page.path.parent / link).resolve() for page in PAGES.values() for link in page.links}
    assert [path.name for path in pictures if path.stat().st_size > PICTURE_BYTES] == []
    assert [path.name for path in pictures if path.resolve() not in shown] == []


def marked_blocks() -> dict[str, list[str]]:
    """Return the blocks that are run, of each page that has one."""
    return {
        name: texts
        for name, page in PAGES.items()
        if (texts := [block.text for block in page.blocks if block.is_marked])
    }


@pytest.mark.parametrize("name", marked_blocks() or [pytest.param("", marks=pytest.mark.skip("none marked"))])
def test_marked_blocks_run(name: str, tmp_path: Path) -> None:
    """Each line of the blocks below ``<!-- run -->`` ends well, in a folder that was empty before."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for program, module in (("edge-node", "edge_node.cli"), ("converter", "converter.cli")):
        (programs / program).write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m {module} "$@"\n')
        (programs / program).chmod(0o755)
    (folder := tmp_path / "folder").mkdir()
    paths = os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": paths, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    ended = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", "\n".join(marked_blocks()[name])],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]


def test_what_is_wrong_on_a_page_is_found(tmp_path: Path) -> None:
    """A link, an anchor, a flag, an extra, a key and a figure that are not there are each named."""
    (tmp_path / "a.md").write_text(_WRONG, encoding="utf-8")
    page = Page.read(tmp_path / "a.md")
    assert broken_links(page, tmp_path) == ["b.md", "#nowhere", "gone.png"]
    reasons = [problem.rpartition(": ")[2] for problem in wrong_commands(page)]
    assert "--nonsense" in wrong_commands(page)[0]
    assert reasons[1:] == [
        "no extra nothing",
        "no module tests.benchmarks.gone",
        "edge-node watch knows no --colour",
        "edge-node has no command fly",
    ]
    assert len(bad_blocks(page)) == 6
    assert unknown_words(page) == ["pictures_mbb"]
    assert len(figures_without_command(page)) == 3


def test_anchors_are_those_of_github() -> None:
    """Code, punctuation and capitals in a heading; a heading that is there twice."""
    assert anchor_of("What `edge-node run` does, and why") == "what-edge-node-run-does-and-why"
    assert anchor_of("[Link](x.md) & more: 2") == "link--more-2"
    page = Page(README, "# A b\n\n## A b\n\n```sh\n# no heading\n```\n")
    assert page.anchors == {"a-b", "a-b-1"}


_WRONG = """# T
[a](b.md) [b](#nowhere) [c](#t) `[no](link.md)` <img src="gone.png">

```sh
edge-node run --nonsense x   # a comment's apostrophe
pip install '.[nothing]' && python -m tests.benchmarks.gone | tail -1 > out.txt
sudo .venv/bin/edge-node demo
```

`edge-node watch --colour`, `edge-node fly`, `edge-node bundle install FILE`, `[camera] sourc`,
`[spool] max_mb = 0`, `pictures_mbb`, `pictures_mb = 3`

```toml
[mqtt]
hostnam = "x"
```

```json
{
```

```
edge-node run --nonsense
```

~~~sh
edge-node run --nonsense
~~~

| What | Figure | Command |
| --- | --- | --- |
| a | 1 | |

| what | figure | command |
| --- | --- | --- |
| a | 1 | `edge-node bench` |
| b | 2 | the same |
| c | 3 | |
| d | 4 | `some | program` |
"""
