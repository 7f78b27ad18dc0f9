"""Invoke: a function's code runs, with what Lambda gives it, and fails as it fails in Lambda."""

import base64
import json
import sys
import threading

import pytest
from botocore.exceptions import ClientError

from lambda_functions import ACCOUNT, Lab, fresh, is_running, processes, until, zipped


@pytest.fixture
def lab(aws):
    return Lab(aws)


def error(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response


def test_a_function_gets_its_event_and_its_context(lab):
    source = """
def handler(event, context):
    left = context.get_remaining_time_in_millis()
    return {"event": event, "name": context.function_name, "version": context.function_version,
            "arn": context.invoked_function_arn, "memory": context.memory_limit_in_mb, "id": context.aws_request_id,
            "group": context.log_group_name, "stream": context.log_stream_name, "left": left,
            "client": context.client_context.custom}
"""
    name = lab.function(source, MemorySize=256, Timeout=7)
    context = base64.b64encode(json.dumps({"custom": {"a": 1}}).encode()).decode()
    answer, response = lab.call(name, {"käse": [1, None]}, ClientContext=context)
    assert answer["event"] == {"käse": [1, None]}
    assert answer["name"] == name
    assert answer["version"] == "$LATEST" == response["ExecutedVersion"]
    assert answer["arn"] == f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}"
    assert answer["memory"] == "256"
    assert answer["id"] == response["ResponseMetadata"]["RequestId"]
    assert answer["group"] == f"/aws/lambda/{name}"
    assert "/[$LATEST]" in answer["stream"]
    assert 0 < answer["left"] <= 7000
    assert answer["client"] == {"a": 1}
    assert response["StatusCode"] == 200
    assert "FunctionError" not in response


def test_a_function_has_its_variables_and_none_of_ours(lab, monkeypatch, local_aws):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-real-one")
    monkeypatch.setenv("AWS_PROFILE", "production")
    name = lab.function(
        "import os\ndef handler(e, c): return dict(os.environ)",
        Environment={"Variables": {"STAGE": "test", "AWS_REGION": "mars-1"}},
    )
    result, _ = lab.call(name)
    assert result["STAGE"] == "test"
    assert result["AWS_REGION"] == "us-east-1"
    assert result["AWS_LAMBDA_FUNCTION_NAME"] == name
    # Another embedded AWS of this process may be up as well: they serve one estate.
    assert result["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
    assert result["AWS_SESSION_TOKEN"]
    assert "a-real-one" not in result.values()
    assert "AWS_PROFILE" not in result


def test_a_function_calls_the_embedded_aws_as_its_role_in_its_account(aws):
    lab = Lab(aws, account="222222222222", region="eu-central-1")
    source = """
import boto3
def handler(event, context):
    boto3.client("s3").put_object(Bucket=event["bucket"], Key="k", Body=b"from the function")
    return boto3.client("sts").get_caller_identity()["Arn"]
"""
    bucket, name = fresh("box"), lab.function(source, Timeout=20)
    s3 = lab.client("s3")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    arn, _ = lab.call(name, {"bucket": bucket})
    assert arn == f"arn:aws:sts::222222222222:assumed-role/{lab.role.rpartition('/')[2]}/{name}"
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"from the function"


def test_the_process_is_warm_the_second_time_and_new_after_a_change(lab):
    source = """
import os
runs = []
def handler(event, context):
    runs.append(1)
    return [os.getpid(), len(runs), os.environ.get("V")]
"""
    name = lab.function(source)
    (pid, _, _), _ = lab.call(name)
    assert lab.call(name)[0] == [pid, 2, None]
    lab.functions.update_function_configuration(FunctionName=name, Environment={"Variables": {"V": "2"}})
    (other, runs, variable), _ = lab.call(name)
    assert (other != pid, runs, variable) == (True, 1, "2")
    until(lambda: not is_running(pid))
    lab.functions.update_function_code(
        FunctionName=name, ZipFile=zipped({"main.py": "def handler(e, c): return 'new'"})
    )
    assert lab.call(name)[0] == "new"


def test_code_comes_from_s3_too_even_from_an_older_version(lab):
    s3, bucket = lab.client("s3"), fresh("code")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    versions = [
        s3.put_object(Bucket=bucket, Key="f.zip", Body=zipped({"main.py": f"def handler(e, c): return {n}"}))[
            "VersionId"
        ]
        for n in (1, 2)
    ]
    name = fresh()
    lab.functions.create_function(
        FunctionName=name,
        Runtime="python3.12",
        Role=lab.role,
        Handler="main.handler",
        Code={"S3Bucket": bucket, "S3Key": "f.zip"},
    )
    assert lab.call(name)[0] == 2
    lab.functions.update_function_code(FunctionName=name, S3Bucket=bucket, S3Key="f.zip", S3ObjectVersion=versions[0])
    assert lab.call(name)[0] == 1


def test_versions_stay_as_they_were_and_aliases_point_at_them(lab):
    name = lab.function("def handler(e, c): return ['one', c.function_version, c.invoked_function_arn]")
    first = lab.functions.publish_version(FunctionName=name)["Version"]
    lab.functions.create_alias(FunctionName=name, Name="live", FunctionVersion=first)
    lab.functions.update_function_code(
        FunctionName=name, ZipFile=zipped({"main.py": "def handler(e, c): return 'two'"})
    )
    assert lab.call(name)[0] == "two"
    message, response = lab.call(name, Qualifier="live")
    assert message == ["one", first, f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}:live"]
    assert response["ExecutedVersion"] == first
    second = lab.functions.publish_version(FunctionName=name)["Version"]
    lab.functions.update_alias(FunctionName=name, Name="live", FunctionVersion=second)
    assert lab.call(f"{name}:live")[0] == "two"
    weights = {"AdditionalVersionWeights": {first: 1.0}}
    lab.functions.update_alias(FunctionName=name, Name="live", FunctionVersion=second, RoutingConfig=weights)
    assert lab.call(f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}:live")[0][0] == "one"


def test_layers_are_importable_the_later_covers_the_earlier_and_they_outlive_their_deletion(lab):
    arns = []
    for number in (1, 2):
        files = {
            "python/shared.py": f"N = {number}",
            f"python/lib/python3.12/site-packages/only{number}.py": f"N = {number}",
        }
        layer = lab.functions.publish_layer_version(LayerName=fresh("layer"), Content={"ZipFile": zipped(files)})
        arns.append(layer["LayerVersionArn"])
    source = "import shared, only1, only2\ndef handler(e, c): return [shared.N, only1.N, only2.N]"
    name = lab.function(source, Layers=arns)
    assert lab.call(name)[0] == [2, 1, 2]
    for arn in arns:
        lab.functions.delete_layer_version(LayerName=arn.split(":")[6], VersionNumber=1)
    lab.functions.update_function_configuration(FunctionName=name, Environment={"Variables": {"COLD": "1"}})
    assert lab.call(name)[0] == [2, 1, 2]


def test_an_exception_is_the_callers_to_read(lab):
    source = """
class NoSuchBox(Exception): pass
def find(name):
    raise NoSuchBox(f"no box {name}")
def handler(event, context): return find("b")
"""
    message, response = lab.call(lab.function(source))
    assert response["FunctionError"] == "Unhandled"
    assert (message["errorType"], message["errorMessage"]) == ("NoSuchBox", "no box b")
    assert [line.split(", in ")[1].split("\n")[0] for line in message["stackTrace"]] == ["handler", "find"]
    assert message["requestId"] == response["ResponseMetadata"]["RequestId"]


@pytest.mark.parametrize(
    ("source", "handler", "kind", "message"),
    [
        (
            "import nothing_of_this_name",
            "main.handler",
            "Runtime.ImportModuleError",
            "Unable to import module 'main': No module named 'nothing_of_this_name'",
        ),
        ("x = 1", "main.handler", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'main'"),
        ("x = ", "main.handler", "Runtime.UserCodeSyntaxError", "Syntax error in module 'main'"),
        ("x = 1", "main", "Runtime.MalformedHandlerName", "Bad handler 'main'"),
        ("raise ValueError('at import')", "main.handler", "ValueError", "at import"),
        (
            "def handler(e, c): return object()",
            "main.handler",
            "Runtime.MarshalError",
            "Unable to marshal response: Object of type object is not JSON serializable",
        ),
        (
            "import sys\ndef handler(e, c): sys.exit(3)",
            "main.handler",
            "Runtime.ExitError",
            "Error: Runtime exited with error: exit status 3",
        ),
        (
            "import os\ndef handler(e, c): os._exit(0)",
            "main.handler",
            "Runtime.ExitError",
            "Error: Runtime exited without providing a reason",
        ),
        (
            "import os\ndef handler(e, c): os.kill(os.getpid(), 9)",
            "main.handler",
            "Runtime.ExitError",
            "Error: Runtime exited with error: signal: killed",
        ),
        (
            "def handler(e, c): return 'x' * 6291556",
            "main.handler",
            "Function.ResponseSizeTooLarge",
            "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
        ),
    ],
)
def test_each_way_to_fail_has_lambdas_name(lab, source, handler, kind, message):
    name = lab.function(source, handler=handler)
    for _ in range(2):  # the process that follows one that died is as good
        said, response = lab.call(name)
        assert response["FunctionError"] == "Unhandled"
        assert said["errorType"] == kind
        assert message in said["errorMessage"]


def test_a_function_that_takes_too_long_is_killed_with_what_it_started(lab):
    source = """
import subprocess, time
def handler(event, context):
    child = subprocess.Popen(["sleep", "600"])
    print("child", child.pid)
    while True: pass
"""
    name = lab.function(source, Timeout=1)
    message, response = lab.call(name, LogType="Tail")
    assert response["FunctionError"] == "Unhandled"
    assert message["errorType"] == "Sandbox.Timedout"
    assert message["errorMessage"].endswith("Error: Task timed out after 1.00 seconds")
    tail = base64.b64decode(response["LogResult"]).decode()
    assert "Task timed out after 1.00 seconds" in tail
    assert "Status: timeout" in tail
    pid = next(line.split()[1] for line in tail.splitlines() if line.startswith("child"))
    if sys.platform == "linux":
        until(lambda: not is_running(int(pid)))


@pytest.mark.skipif(sys.platform != "linux", reason="memory is watched where there is a /proc")
def test_a_function_that_takes_too_much_memory_is_killed(lab):
    source = "def handler(event, context):\n    return len(b'x' * (event['mb'] << 20))"
    name = lab.function(source, MemorySize=128, Timeout=30)
    assert lab.call(name, {"mb": 60})[0] == 60 << 20
    message, response = lab.call(name, {"mb": 400}, LogType="Tail")
    assert message["errorType"] == "Runtime.ExitError"
    assert message["errorMessage"].endswith("Runtime exited with error: signal: killed")
    assert "Max Memory Used: 128 MB" in base64.b64decode(response["LogResult"]).decode()
    assert lab.call(name, {"mb": 1})[0] == 1 << 20


def test_what_a_function_writes_is_in_its_log_group_and_in_the_tail(lab):
    source = """
import logging, sys, os
logging.getLogger().setLevel("INFO")
def handler(event, context):
    print("printed")
    print("to stderr", file=sys.stderr)
    logging.info("first\\nsecond")
    os.system("echo from a shell")
"""
    name = lab.function(source)
    _, response = lab.call(name, LogType="Tail")
    request_id = response["ResponseMetadata"]["RequestId"]
    lines = lab.log(name)
    assert lines[0] == f"START RequestId: {request_id} Version: $LATEST"
    assert lines[1:3] == ["printed", "to stderr"]
    assert lines[3].startswith("[INFO]\t")
    assert lines[3].endswith(f"Z\t{request_id}\tfirst\rsecond")
    assert lines[4] == "from a shell"
    assert lines[5] == f"END RequestId: {request_id}"
    assert lines[6].startswith(f"REPORT RequestId: {request_id}\tDuration: ")
    assert "Memory Size: 128 MB" in lines[6]
    assert "Init Duration: " in lines[6]
    assert base64.b64decode(response["LogResult"]).decode().splitlines() == [
        part for line in lines for part in line.splitlines()
    ]
    _, again = lab.call(name)
    assert "LogResult" not in again
    streams = lab.client("logs").describe_log_streams(logGroupName=f"/aws/lambda/{name}")["logStreams"]
    assert len(streams) == 1  # one process, one stream


def test_a_tail_is_the_last_four_kilobytes(lab):
    name = lab.function("def handler(e, c):\n    for n in range(5000): print('line', n)")
    _, response = lab.call(name, LogType="Tail")
    tail = base64.b64decode(response["LogResult"])
    assert len(tail) == 4096
    assert b"line 4999\nEND" in tail
    assert len(lab.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}", limit=10000)["events"]) == 5003


def test_reserved_concurrency_is_honoured_over_all_versions(lab, local_aws):
    name = lab.function("import time\ndef handler(e, c): time.sleep(e.get('s', 0))", Timeout=30)
    version = lab.functions.publish_version(FunctionName=name)["Version"]
    lab.functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    lab.call(name)
    running = threading.Thread(target=lab.call, args=(name, {"s": 3}))
    running.start()
    until(lambda: any(each["busy"] for each in processes(local_aws.url, name)))
    refused = error(lab.functions.invoke, FunctionName=name, Qualifier=version)
    assert refused["Error"]["Code"] == "TooManyRequestsException"
    assert refused["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert refused["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    running.join()
    assert lab.call(name)[1]["StatusCode"] == 200
    lab.functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    assert throttled(lab, name)
    lab.functions.delete_function_concurrency(FunctionName=name)
    assert not throttled(lab, name)


def throttled(lab, name):
    try:
        lab.call(name)
    except ClientError as caught:
        return caught.response["Error"]["Code"] == "TooManyRequestsException"
    return False


def test_a_dry_run_runs_nothing_and_reports_what_is_missing(lab):
    name = lab.function("def handler(e, c): print('ran')")
    response = lab.functions.invoke(FunctionName=name, InvocationType="DryRun")
    assert (response["StatusCode"], response["Payload"].read()) == (204, b"")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        lab.log(name)
    missing = error(lab.functions.invoke, FunctionName=fresh(), InvocationType="DryRun")
    assert missing["Error"]["Code"] == "ResourceNotFoundException"


@pytest.mark.parametrize(("kind", "limit"), [("RequestResponse", 6_291_456), ("Event", 1_048_576)])
def test_payloads_have_lambdas_limits(lab, kind, limit):
    name = lab.function("def handler(e, c): return len(e)", Timeout=20)
    fits = json.dumps("x" * (limit - 2))
    response = lab.functions.invoke(FunctionName=name, InvocationType=kind, Payload=fits)
    assert response["Payload"].read() in (b"", str(limit - 2).encode())
    assert response["StatusCode"] in (200, 202)
    refused = error(lab.functions.invoke, FunctionName=name, InvocationType=kind, Payload=fits + " ")
    assert refused["Error"]["Code"] == "RequestTooLargeException"
    assert refused["ResponseMetadata"]["HTTPStatusCode"] == 413


def test_jobs_that_cannot_run_are_refused(lab):
    name = lab.function("def handler(e, c): pass")
    refused = error(lab.functions.invoke, FunctionName=name, Payload="{no json")
    assert refused["Error"]["Code"] == "InvalidRequestContentException"
    refused = error(lab.functions.invoke, FunctionName=name, Qualifier="nobody")
    assert refused["Error"]["Code"] == "ResourceNotFoundException"
    node = fresh()
    code = {"ZipFile": zipped({"index.js": "exports.handler = async () => 1"})}
    lab.functions.create_function(
        FunctionName=node, Runtime="nodejs22.x", Role=lab.role, Handler="index.handler", Code=code
    )
    refused = error(lab.functions.invoke, FunctionName=node)
    assert refused["Error"]["Code"] == "InvalidRuntimeException"
    assert "nodejs22.x" in refused["Error"]["Message"]
    refused = error(
        lab.functions.create_function,
        FunctionName=fresh(),
        Runtime="python3.12",
        Role=lab.role,
        Handler="m.h",
        Code={"ZipFile": b"no zip at all"},
    )
    assert refused["Error"]["Code"] == "InvalidParameterValueException"
    assert "Could not unzip uploaded file" in refused["Error"]["Message"]


def test_a_file_of_the_zip_can_not_leave_its_folder(lab, tmp_path):
    outside = f"../../../../..{tmp_path}/escaped"
    name = lab.function("def handler(e, c): return 1", files={outside: b"x", str(tmp_path / "absolute"): b"x"})
    assert lab.call(name)[0] == 1
    assert list(tmp_path.iterdir()) == []


def test_another_account_invokes_only_what_is_shared_with_it(lab, aws):
    name = lab.function("def handler(e, c): return 'hello'")
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}"
    stranger = aws("lambda", account="333333333333")
    assert error(stranger.invoke, FunctionName=arn)["Error"]["Code"] == "AccessDeniedException"
    lab.functions.add_permission(
        FunctionName=name, StatementId="s", Action="lambda:InvokeFunction", Principal="333333333333"
    )
    assert json.loads(stranger.invoke(FunctionName=arn)["Payload"].read()) == "hello"


def test_functions_may_invoke_functions(lab):
    inner = lab.function("def handler(e, c): return e['n'] * 2")
    source = """
import boto3, json
def handler(event, context):
    answer = boto3.client("lambda").invoke(FunctionName=event["inner"], Payload=json.dumps({"n": 21}))
    return json.loads(answer["Payload"].read())
"""
    assert lab.call(lab.function(source, Timeout=20), {"inner": inner})[0] == 42


def test_many_callers_at_once_get_their_own_answers(lab):
    name = lab.function("import time\ndef handler(e, c):\n    time.sleep(0.02)\n    return e['n']", Timeout=30)
    result = {}

    def ask(number):
        for step in range(5):
            n = number * 100 + step
            result[n] = lab.call(name, {"n": n})[0]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert result == {n: n for n in result}
    assert len(result) == 40


def test_listing_and_publishing_do_not_copy_the_estate(lab):
    name = lab.function("def handler(e, c):\n    for n in range(2000): print(n)", Publish=True)
    lab.call(name)
    versions = lab.functions.list_functions(FunctionVersion="ALL")["Functions"]
    assert {each["Version"] for each in versions if each["FunctionName"] == name} == {"$LATEST", "1"}
