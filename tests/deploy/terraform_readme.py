"""The inputs and outputs tables of the modules' READMEs, made from the .tf files. `python -m tests.deploy.terraform_readme` renews them."""

import re
from pathlib import Path

from tests.deploy.terraform import MODULES, TREE

_BLOCK = re.compile(r'^(variable|output) "([^"]+)" \{\n(.*?)^\}', re.M | re.S)
_FIELD = re.compile(r"^  (description|type|default|value)\s*= (.*?)(?=^  \w+\s*(?:=|\{)|\Z)", re.M | re.S)
MARKS = {"variable": ("<!-- inputs -->", "<!-- /inputs -->"), "output": ("<!-- outputs -->", "<!-- /outputs -->")}


def blocks(module, kind):
    """Each variable (or output) of a module: its name and fields, as written."""
    blocks = []
    for path in sorted((TREE / "modules" / module).glob("*.tf")):
        for what, name, body in _BLOCK.findall(path.read_text("utf-8")):
            if what == kind:
                blocks.append((name, {field: " ".join(text.split()) for field, text in _FIELD.findall(body)}))
    return sorted(blocks, key=lambda block: block[0])


def _text(quoted):
    return quoted.strip('"').replace('\\"', '"').replace("|", "\\|")


def table(module, kind):
    """The Markdown table."""
    if kind == "output":
        rows = [f"| `{name}` | {_text(fields['description'])} |" for name, fields in blocks(module, kind)]
        return "\n".join(["| output | is |", "| --- | --- |", *rows])
    rows = []
    for name, fields in blocks(module, kind):
        default = f"`{fields['default']}`" if "default" in fields else "**required**"
        if len(default) > 60:
            default = "see variables.tf"
        shape = fields["type"] if len(fields["type"]) < 30 else fields["type"].partition("(")[0] + "(object)"
        rows.append(f"| `{name}` | {_text(fields['description'])} | `{shape}` | {default} |")
    return "\n".join(["| input | is | type | default |", "| --- | --- | --- | --- |", *rows])


def rendered(module):
    """The README as it ought to be."""
    text = path_of(module).read_text("utf-8")
    for kind, (first, last) in MARKS.items():
        before, _, rest = text.partition(first)
        _, _, after = rest.partition(last)
        text = f"{before}{first}\n{table(module, kind)}\n{last}{after}"
    return text


def path_of(module):
    return Path(TREE / "modules" / module / "README.md")


if __name__ == "__main__":
    for entry in MODULES:
        path_of(entry).write_text(rendered(entry), "utf-8")
