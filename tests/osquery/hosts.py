"""Simulated osquery agents, with the bodies of osquery's documentation and source: what tests and the load script send."""

import gzip
import json

SECRET_TEXT = "this_is_a_deployment_secret"
PLATFORM_TYPES = {"linux": "9", "darwin": "21", "windows": "2"}


def enrollment(
    secret, *, identifier="4c4c4544-0042-3510-8052", name="web-1", platform="linux", vendor="Dell Inc.", uuid=""
):
    """The body of an enrollment, as `TLSEnrollPlugin` sends it."""
    return {
        "enroll_secret": secret,
        "host_identifier": identifier,
        "platform_type": PLATFORM_TYPES[platform],
        "host_details": {
            "os_version": {"name": "Ubuntu", "version": "24.04.1 LTS", "platform": "ubuntu", "major": "24"},
            "osquery_info": {"version": "5.14.1", "build_platform": "linux", "instance_id": "3f1c", "pid": "812"},
            "system_info": {"hostname": name, "uuid": uuid or identifier, "hardware_vendor": vendor},
            "platform_info": {"vendor": vendor, "version": "1.0"},
        },
    }


def difference(query, *, counter, epoch, at, added=(), removed=(), decorations=None):
    """A result line in batch form (`logger_event_type=false`)."""
    return _line(query, counter, epoch, at, decorations) | {
        "diffResults": {"removed": list(removed), "added": list(added)}
    }


def event(query, row, *, action="added", counter, epoch, at):
    """A result line in event form."""
    return _line(query, counter, epoch, at, None) | {"columns": row, "action": action}


def snapshot(query, rows, *, at, decorations=None):
    """A result line of a snapshot query."""
    return _line(query, 0, 0, at, decorations) | {"snapshot": list(rows), "action": "snapshot"}


def _line(query, counter, epoch, at, decorations):
    line = {
        "name": query,
        "hostIdentifier": "web-1",
        "calendarTime": "Tue Sep 30 17:37:30 2014 UTC",
        "unixTime": at,
        "epoch": epoch,
        "counter": counter,
        "numerics": False,
    }
    return line | ({"decorations": decorations} if decorations else {})


def results(key, *lines):
    """A log request with results."""
    return {"node_key": key, "log_type": "result", "data": list(lines)}


def zipped(body):
    """A body as `logger_tls_compress=true` sends it."""
    return gzip.compress(json.dumps(body).encode())
