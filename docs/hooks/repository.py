"""The files of the repository that pages show and link to.

``<!-- include results/reference/all/table.md part 1 -->`` shows the first part of a
file, where blank lines separate the parts; with ``rows "| 599 | 85% | 1 |"`` at the
end, only those rows of a table that begin so. A link to ``../configs/all.yaml``, which
also works in the repository, leads to a page with that file. The first page is the
README.
"""

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
INCLUDE = re.compile(
    r'<!-- include (?P<file>\S+) part (?P<part>\d+)(?: rows "(?P<rows>.+?)")? -->'
)
LINK = re.compile(r"\]\(\.\./(?P<file>[^)#\s]+)(?P<anchor>#[^)\s]*)?\)")
LANGUAGES = {
    ".cff": "yaml",
    ".csv": "text",
    ".py": "python",
    ".sh": "bash",
    ".toml": "toml",
    ".yaml": "yaml",
}
LANGUAGES |= {"": "docker"}
"""Files that become pages, by the ends of their names; all others are copied as they
are."""
NOT_SEARCHED = "---\nsearch:\n  exclude: true\n---\n\n"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the README as the first page, and the files that pages link to."""
    files.append(File.generated(config, "index.md", content=readme()))
    pages = [item for item in files.documentation_pages() if "/" not in item.src_uri]
    texts = [item.content_string for item in pages]
    for name in sorted({name for text in texts for name in linked_files(text)}):
        files.append(_file(name, config))
    return files


def on_page_markdown(
    markdown: str,
    page: Any,
    config: MkDocsConfig,  # noqa: ARG001
    files: Files,  # noqa: ARG001
) -> str:
    """Fill in what a page includes, and lead its links to the files on the site."""
    if "/" in page.file.src_uri:
        return markdown
    shown = INCLUDE.sub(lambda found: included(**found.groupdict()), markdown)
    return LINK.sub(
        lambda found: f"]({place_of(found['file'])}{found['anchor'] or ''})", shown
    )


def readme() -> str:
    """Return the README, with links as from the folder of pages."""
    return re.sub(
        r"\]\((?=\w+/|[A-Z])(docs/)?", _link, (ROOT / "README.md").read_text()
    )


def _link(found: re.Match[str]) -> str:
    return "](" if found[1] else "](../"


def linked_files(text: str) -> set[str]:
    """Return the files of the repository that a page links to or includes."""
    return {
        found["file"] for pattern in (LINK, INCLUDE) for found in pattern.finditer(text)
    }


def included(file: str, part: str, rows: str | None = None) -> str:
    """Return a part of a file, and a line that names the file.

    Raises:
        ValueError: there is no such part, or no such row.
    """
    parts = (ROOT / file).read_text().strip().split("\n\n")
    if int(part) > len(parts):
        raise ValueError(f"{file} has no part {part}")
    lines = parts[int(part) - 1].splitlines()
    if rows:
        lines = [*lines[:2], *(line for line in lines[2:] if line.startswith(rows))]
        if len(lines) == 2:
            raise ValueError(
                f"part {part} of {file} has no row that begins with {rows}"
            )
    return "\n".join([*lines, "", f"From [{file}](../{file})", "{ .source }"])


def place_of(file: str) -> str:
    """Return the path of the page of a file within the folder of pages."""
    path = Path(file)
    is_code = path.suffix in LANGUAGES
    return f"repository/{file}{'.md' if is_code else ''}"


def _file(name: str, config: MkDocsConfig) -> File:
    path = ROOT / name
    if path.suffix == ".md":
        return File.generated(
            config, place_of(name), content=NOT_SEARCHED + path.read_text()
        )
    if path.suffix in LANGUAGES:
        fence = f"````{LANGUAGES[path.suffix]}\n{path.read_text()}````\n"
        lead = f"# {path.name}\n\nThe file `{name}` of the repository."
        content = f"{NOT_SEARCHED}{lead}\n\n{fence}"
        return File.generated(config, place_of(name), content=content)
    return File.generated(config, place_of(name), abs_src_path=str(path))
