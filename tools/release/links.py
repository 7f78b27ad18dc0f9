"""Links of a README as PyPI needs them: absolute, at the commit of the release."""

import posixpath
import re
from dataclasses import dataclass

__all__ = ["Repository", "absolute_links", "relative_links"]

_FENCE = re.compile(r"(^```.*?^```[ \t]*$)", re.MULTILINE | re.DOTALL)
_ABSOLUTE = r"[a-zA-Z][a-zA-Z0-9+.-]*:|//|#"
_LINK = re.compile(rf"(?P<start>(?P<image>!)?\[(?P<text>[^\[\]]*)\]\()(?!{_ABSOLUTE})(?P<target>[^)\s]+)")
# A picture that is itself a link: the inner link ends with a parenthesis, then comes the outer target.
_OUTER = re.compile(rf"(?P<start>\)\]\()(?!{_ABSOLUTE})(?P<target>[^)\s]+)")


@dataclass(frozen=True)
class Repository:
    """The address of the repository and the tag or commit that a release is built from."""

    url: str
    revision: str

    def page(self, path: str) -> str:
        """Return the address of a file's or folder's page."""
        return f"{self.url}/blob/{self.revision}/{path}"

    def content(self, path: str) -> str:
        """Return the address of a file's bytes, for pictures."""
        return f"{self.url}/raw/{self.revision}/{path}"


def absolute_links(text: str, repository: Repository, folder: str = "") -> str:
    """Return Markdown `text` of a file in `folder` with every relative link and picture made absolute.

    Fenced code stays as it is. A target that leaves the repository raises ValueError.
    """

    def absolute(match: re.Match[str]) -> str:
        path, mark, anchor = match["target"].partition("#")
        path = posixpath.normpath(posixpath.join(folder, path))
        if path.startswith(".."):
            raise ValueError(f"the link {match['target']} leaves the repository")
        image = "image" in match.re.groupindex and match["image"]
        address = repository.content(path) if image else repository.page(path)
        return match["start"] + address + mark + anchor

    parts = _FENCE.split(text)
    return "".join(
        part if _FENCE.fullmatch(part) else _OUTER.sub(absolute, _LINK.sub(absolute, part)) for part in parts
    )


def relative_links(text: str) -> list[str]:
    """Return the relative targets in Markdown `text`, outside fenced code."""
    prose = "".join(part for part in _FENCE.split(text) if not _FENCE.fullmatch(part))
    return [match["target"] for pattern in (_LINK, _OUTER) for match in pattern.finditer(prose)]
