"""The templates themselves: cfn-lint and checkov find nothing, nothing is lost when a stack goes, all is explained."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import yaml
from hypothesis import given

from tests.deploy.stacks.test_notifications import MARK, configurations, wanted
from windlass.deploy.notifications import equivalent, with_entries

FOLDER = Path(__file__).parents[3] / "deploy" / "cloudformation"
TEMPLATES = sorted(FOLDER.glob("*.yaml"))


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short functions, as mappings."""


def function(loader, suffix, node):
    value = {
        yaml.ScalarNode: loader.construct_scalar,
        yaml.SequenceNode: lambda node_: loader.construct_sequence(node_, deep=True),
    }.get(type(node), lambda node_: loader.construct_mapping(node_, deep=True))(node)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


Loader.add_multi_constructor("!", function)


def read(path):
    return yaml.load(path.read_text("utf-8"), Loader=Loader)


def names(path):
    return path.stem


def test_every_template_is_listed():
    assert [template.stem for template in TEMPLATES] == [
        "aggregator",
        "clients-trail",
        "event-feed",
        "inventory-feed",
        "inventory-reader",
        "pipeline",
        "replication-role",
        "worker-irsa",
    ]


@pytest.mark.timeout(120)
def test_cfn_lint_finds_nothing():
    program = shutil.which("cfn-lint", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if program is None:
        pytest.skip("cfn-lint is not installed: pip install cfn-lint")
    done = subprocess.run([program, *map(str, TEMPLATES)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_checkov_finds_nothing_that_is_not_argued():
    program = shutil.which("checkov")
    if program is None:
        pytest.skip(
            "checkov is not installed: it has pins of its own, put it into an environment of its own on the PATH"
        )
    done = subprocess.run(
        [program, "-d", str(FOLDER), "--framework", "cloudformation", "--quiet", "--compact", "-o", "json"],
        capture_output=True,
        text=True,
        check=False,
    )
    summary = json.loads(done.stdout)
    assert summary["summary"]["failed"] == 0, [
        check["check_id"] + " " + check["resource"] for check in summary["results"]["failed_checks"]
    ]


@pytest.mark.parametrize("path", TEMPLATES, ids=names)
def test_parameters_and_outputs_are_explained_and_exceptions_argued(path):
    template = read(path)
    for kind in ("Parameters", "Outputs"):
        for name, parameter in template[kind].items():
            assert len(parameter.get("Description", "")) > 12, (path.stem, name)
    for name, parameter in template["Resources"].items():
        for skipped in parameter.get("Metadata", {}).get("checkov", {}).get("skip", ()):
            assert re.fullmatch(r"CKV\d?_AWS_\d+", skipped["id"]), name
            assert len(skipped["comment"]) > 20, (name, skipped)


@pytest.mark.parametrize("path", TEMPLATES, ids=names)
def test_buckets_stay_and_are_encrypted_queues_are_encrypted_and_have_dead_letters(path):
    for name, resource in read(path)["Resources"].items():
        props = resource["Properties"]
        if resource["Type"] == "AWS::S3::Bucket":
            assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == (
                "RetainExceptOnCreate",
                "Retain",
            ), name
            assert all(props["PublicAccessBlockConfiguration"].values())
            assert props["BucketEncryption"]
            assert "NotificationConfiguration" not in props  # it would replace what others set
        elif resource["Type"] == "AWS::SQS::Queue":
            assert props["SqsManagedSseEnabled"] is True
            assert name == "DeadLetterQueue" or props["RedrivePolicy"]["deadLetterTargetArn"] == {
                "Fn::GetAtt": "DeadLetterQueue.Arn"
            }
        elif resource["Type"] == "AWS::Lambda::EventSourceMapping":
            assert props["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def policies(value):
    """The lists of statements in a template."""
    if isinstance(value, dict):
        if isinstance(value.get("Statement"), list):
            yield value["Statement"]
        for child in value.values():
            yield from policies(child)
    elif isinstance(value, list):
        for child in value:
            yield from policies(child)


def actions(value):
    if isinstance(value, dict):
        for key, child in value.items():
            if key == "Action":
                yield from [child] if isinstance(child, str) else [text for text in child if isinstance(text, str)]
            else:
                yield from actions(child)
    elif isinstance(value, list):
        for child in value:
            yield from actions(child)


@pytest.mark.parametrize("path", TEMPLATES, ids=names)
def test_the_statements_of_a_policy_have_ids_of_their_own(path):
    """IAM refuses a policy with one id twice, but only when all conditions of a template bring them together."""
    for statements in policies(read(path)):
        sids = re.findall(r"'Sid': '(\w+)'", str(statements))
        assert len(sids) == len(set(sids)), sids


@pytest.mark.parametrize("path", TEMPLATES, ids=names)
def test_no_role_may_do_whole_services(path):
    for name, resource in read(path)["Resources"].items():
        if resource["Type"] == "AWS::IAM::Role":
            assert not [action for action in actions(resource["Properties"]) if "*" in action], name


# The notifier: inline code of two templates, and the same rules as windlass.deploy.notifications


def notifier():
    path = FOLDER / "notifier.py"
    spec = importlib.util.spec_from_file_location("notifier", path)
    module = importlib.util.module_from_spec(spec)
    source = path.read_text("utf-8").replace('boto3.client("s3")', "None")
    exec(compile(source, str(path), "exec"), module.__dict__)
    return module


NOTIFIER = notifier()


@pytest.mark.parametrize("name", ["pipeline", "aggregator"])
def test_the_templates_have_the_notifier_s_source(name):
    code = read(FOLDER / f"{name}.yaml")["Resources"]["Notifier"]["Properties"]["Code"]["ZipFile"]
    assert textwrap.dedent(code).strip() == (FOLDER / "notifier.py").read_text("utf-8").strip()
    assert len(code) <= 4096


@given(configurations, wanted)
def test_the_notifier_merges_as_windlass_deploy_does(now, entries):
    assert equivalent(NOTIFIER.merged(now, entries, MARK), with_entries(now, entries, MARK))


@given(configurations, configurations)
def test_the_notifier_sees_the_same_differences(first, other):
    assert (NOTIFIER.normal(first) == NOTIFIER.normal(other)) == equivalent(first, other)


def test_the_notifier_merges_anew_on_top_of_what_others_wrote(monkeypatch):
    entry = {"Id": f"{MARK}1", "QueueArn": "arn:q", "Events": ["s3:ObjectCreated:*"]}
    foreign = {"Id": "t", "TopicArn": "arn:t", "Events": ["s3:ObjectRemoved:*"]}
    state = {"now": {}, "reads": 0}

    class Store:
        def get_bucket_notification_configuration(self, Bucket):  # noqa: N803
            state["reads"] += 1
            if state["reads"] == 2:  # between our first look and our write
                state["now"] = {"TopicConfigurations": [foreign]}
            return dict(state["now"])

        def put_bucket_notification_configuration(self, Bucket, NotificationConfiguration, SkipDestinationValidation):  # noqa: N803
            state["now"] = NotificationConfiguration

    monkeypatch.setattr(NOTIFIER, "s3", Store())
    monkeypatch.setattr(NOTIFIER, "PAUSE_S", 0)
    NOTIFIER.settle("b", [entry], MARK)
    assert state["now"] == {"TopicConfigurations": [foreign], "QueueConfigurations": [entry]}
    NOTIFIER.settle("b", [], MARK)
    assert state["now"] == {"TopicConfigurations": [foreign]}
