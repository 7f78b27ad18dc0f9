"""Terraform on the embedded AWS: the program and a provider that is on this machine, a copy of `deploy/terraform`, and its commands.

What makes it bearable: `init -plugin-dir` links the provider instead of fetching it, the `skip_*` settings leave out calls
that check nothing here, and `-parallelism` is high because the provider mostly waits (25 s for a queue, 55 s for a lifecycle).
"""

import json
import os
import pwd
import shutil
import subprocess
import urllib.request
from pathlib import Path

TREE = Path(__file__).resolve().parents[2] / "deploy" / "terraform"
MODULES = tuple(sorted(folder.name for folder in (TREE / "modules").iterdir() if folder.name != "internal"))
INTERNAL = tuple(sorted(folder.name for folder in (TREE / "modules" / "internal").iterdir()))
SERVICES = (
    "athena",
    "cloudformation",
    "cloudtrail",
    "cloudwatchlogs",
    "dynamodb",
    "ec2",
    "eks",
    "events",
    "glue",
    "iam",
    "kms",
    "lambda",
    "s3",
    "s3control",
    "sns",
    "sqs",
    "sts",
)


def find_mirror():
    """A folder HOST/hashicorp/aws/VERSION/… in the usual places; None where there is none. $HOME is not asked: tests change it."""
    home = Path(pwd.getpwuid(os.getuid()).pw_dir)
    bases = [
        Path(folder) for folder in (os.environ.get("TF_PLUGIN_DIR"), os.environ.get("TF_PLUGIN_CACHE_DIR")) if folder
    ]
    bases += [home / ".terraform.d" / "plugins", home / ".terraform.d" / "plugin-cache"]
    bases += [Path("/usr/local/share/terraform/plugins"), Path("/usr/share/terraform/plugins")]
    for parent in ("/opt", "/usr/share", "/usr/local/share"):
        bases += sorted(Path(parent).glob("*")) if Path(parent).is_dir() else []
    for base in bases:
        if base.is_dir() and any(base.glob("*/hashicorp/aws/*/*")):
            return base
    return None


PROGRAM = shutil.which("terraform")
MIRROR = find_mirror() if PROGRAM else None
MISSING = (
    ""
    if MIRROR
    else "no terraform on the PATH"
    if not PROGRAM
    else "no hashicorp/aws provider on this machine (set TF_PLUGIN_DIR)"
)


class Terraform:
    """One root configuration: an example, or text of a test's own, beside a copy of the modules."""

    def __init__(self, folder, root, *, url="", account="", region="us-east-1", files=None):
        self.url, self.account = url, account
        self.tree = folder / "terraform"
        if not self.tree.exists():
            shutil.copytree(TREE, self.tree, ignore=shutil.ignore_patterns(".terraform*", "terraform.tfstate*"))
        self.root = self.tree / root
        self.root.mkdir(parents=True, exist_ok=True)
        for name, text in (files or {}).items():
            (self.root / name).write_text(text, "utf-8")
        if url:
            (self.root / "embedded_override.tf").write_text(provider(url, account, region), "utf-8")
        self.variables = {}

    def run(self, *arguments, codes=(0,), timeout=600):
        """A command's output."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "AWS_"))}
        environment = kept | {"TF_CLI_CONFIG_FILE": os.devnull, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}
        done = subprocess.run(
            [PROGRAM, f"-chdir={self.root}", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )
        assert done.returncode in codes, (
            f"terraform {arguments[0]}: {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}\n{self._answered()}"
        )
        return done.stdout

    def init(self):
        """With the provider that is here; nothing is fetched."""
        self.run("init", "-input=false", "-no-color", f"-plugin-dir={MIRROR}")
        return self

    def validate(self):
        """What is wrong with it."""
        return json.loads(self.run("validate", "-json", codes=(0, 1)))["diagnostics"]

    def apply(self, **variables):
        """Apply; the outputs' values."""
        self.variables = variables
        self.run("apply", "-auto-approve", *self._usual())
        return {name: output["value"] for name, output in json.loads(self.run("output", "-json")).items()}

    def plan(self, **variables):
        """What another apply would change; empty when it is nothing."""
        self.variables = self.variables | variables
        shown = self.run("plan", "-detailed-exitcode", "-lock=false", *self._usual(), codes=(0, 1, 2))
        return "" if "No changes." in shown else shown.partition("Terraform will perform")[2] or shown

    def refused(self, **variables):
        """Why a plan is refused."""
        self.variables = variables
        done = subprocess.run(
            [PROGRAM, f"-chdir={self.root}", "plan", "-lock=false", *self._usual()],
            env=os.environ | {"TF_CLI_CONFIG_FILE": os.devnull},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 1, done.stdout
        return " ".join(done.stderr.replace("│", " ").split())

    def destroy(self):
        """Destroy all; the state is empty then."""
        self.run("apply", "-destroy", "-auto-approve", *self._usual())
        assert self.run("state", "list").strip() == ""

    def _answered(self):
        """The last calls as the embedded AWS answered them: which was made twice, after what answer, and how long it took."""
        if not self.url:
            return ""
        with urllib.request.urlopen(
            f"{self.url}/_windlass/calls?account_id={self.account}&limit=60", timeout=30
        ) as answer:
            calls = json.load(answer)["calls"]
        return "\n".join(
            f"{call['at']:.3f} {call['took_s']:7.3f} s  {call['status']} {call['service']}:{call['operation']} {call['resource']}"
            for call in calls
        )

    def _usual(self):
        options = [
            f"-var={name}={value if isinstance(value, str) else json.dumps(value)}"
            for name, value in self.variables.items()
        ]
        return ["-input=false", "-no-color", "-compact-warnings", "-parallelism=30", *options]


def provider(url, account, region):
    """An override file: the example's own provider, sent to the embedded AWS."""
    endpoints = "\n".join(f'    {name} = "{url}"' for name in SERVICES)
    return f"""
provider "aws" {{
  region                      = "{region}"
  access_key                  = "{account}"
  secret_key                  = "windlass-local"
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  max_retries                 = 2

  endpoints {{
{endpoints}
  }}
}}
"""
