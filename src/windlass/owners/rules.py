"""The decision who owns a resource. Pure: the same rules and the same resource have the same owner."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from windlass.core.canonical import digest
from windlass.owners.config import OwnersConfig
from windlass.owners.model import NOBODY, OwnedResource, Ownership, Source
from windlass.owners.owners_file import OwnerLine

__all__ = ["STACK_TAG", "OwnerRules"]

STACK_TAG = "aws:cloudformation:stack-name"
"""The tag that CloudFormation gives to the resources of a stack (CloudFormation User Guide, "Resource tag")."""


@dataclass(frozen=True)
class OwnerRules:
    """The rules of a configuration: its section, and the lines of its file."""

    config: OwnersConfig = field(default_factory=OwnersConfig)
    lines: Sequence[OwnerLine] = ()

    @property
    def digest(self) -> str:
        """Return a digest that differs when any rule differs."""
        lines = [(line.file, line.number, line.pattern, line.owner) for line in self.lines]
        return digest([self.config.model_dump(mode="json"), lines])

    def owner_of(self, resource: OwnedResource) -> Ownership:
        """Return the owner by the first source that names one; `NOBODY` when none does."""
        return next(self.candidates(resource), NOBODY)

    def candidates(self, resource: OwnedResource) -> Iterator[Ownership]:
        """Yield what each source says, in the order of precedence: the first is the owner."""
        for source in self.config.order:
            ownership = _DECIDERS[source](self, resource)
            if ownership is not None:
                yield ownership

    def owner_by_tags(self, tags: Mapping[str, str]) -> str:
        """Return the owner that tags alone name; empty without one."""
        tag = self._owner_tag(tags)
        return tag[1] if tag else ""

    def _by_tag(self, resource: OwnedResource) -> Ownership | None:
        tag = self._owner_tag(resource.tags)
        return Ownership(tag[1], Source.TAG, f"tag {tag[0]}={tag[1]}") if tag else None

    def _by_file(self, resource: OwnedResource) -> Ownership | None:
        for line in reversed(self.lines):  # the last match decides, as in CODEOWNERS
            if line.matches(resource):
                where = f"{line.file} line {line.number}: {line.pattern}"
                # A line without an owner takes it away: the sources after the file decide.
                return Ownership(line.owner, Source.FILE, where) if line.owner else None
        return None

    def _by_stack(self, resource: OwnedResource) -> Ownership | None:
        stack = resource.name if resource.type == "cloudformation.stack" else resource.tags.get(STACK_TAG, "")
        if not stack:
            return None
        patterns = [pattern for pattern in self.config.stacks if fnmatchcase(stack, pattern)]
        if patterns:
            pattern = max(patterns, key=lambda text: (len(text), text))
            return Ownership(self.config.stacks[pattern], Source.STACK, f"stack {stack} (pattern {pattern})")
        tag = self._owner_tag(resource.stack_tags)
        return Ownership(tag[1], Source.STACK, f"tag {tag[0]}={tag[1]} of the stack {stack}") if tag else None

    def _by_account(self, resource: OwnedResource) -> Ownership | None:
        owner = self.config.accounts.get(resource.account_id)
        if owner:
            return Ownership(owner, Source.ACCOUNT, f"account {resource.account_id}")
        tag = self._owner_tag(resource.account_tags)
        if tag is None:
            return None
        return Ownership(tag[1], Source.ACCOUNT, f"tag {tag[0]}={tag[1]} of the account {resource.account_id}")

    def _owner_tag(self, tags: Mapping[str, str]) -> tuple[str, str] | None:
        """Return the first owner tag and its value; None without one. A tag without a value names nobody."""
        lowered = {name.lower(): (name, value) for name, value in tags.items() if value}
        return next((lowered[name.lower()] for name in self.config.tags if name.lower() in lowered), None)


_DECIDERS = {
    Source.TAG: OwnerRules._by_tag,  # noqa: SLF001  the table of this class's own methods
    Source.FILE: OwnerRules._by_file,  # noqa: SLF001
    Source.STACK: OwnerRules._by_stack,  # noqa: SLF001
    Source.ACCOUNT: OwnerRules._by_account,  # noqa: SLF001
}
