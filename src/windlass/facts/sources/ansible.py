"""Facts of Ansible: `ansible all -m setup --tree DIR`, a fact cache, or a playbook's facts saved as JSON.

`package_facts` fills packages, `service_facts` services, `getent` users, and `amazon.aws.ec2_metadata_facts` the instance's
identity. What was not gathered stays unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from windlass.core.errors import UsageError
from windlass.facts.model import HostIdentity, Report, Row, Section
from windlass.facts.sources.json_lines import json_objects

__all__ = ["read"]

_SECTIONS = {"rpm": "packages.rpm", "apt": "packages.deb", "apk": "packages.apk"}
_MIB = 1 << 20


def read(name: str, text: str, observed_at: datetime) -> Iterator[Report]:
    """Yield one report for each host in the file. UsageError for another format."""
    for value in json_objects(name, text):
        facts = value.get("ansible_facts", value)
        if not isinstance(facts, dict) or not any(
            key in facts for key in ("ansible_hostname", "ansible_kernel", "packages")
        ):
            raise UsageError(
                f"{name}: there are no facts of Ansible", hint="Give a file of `ansible all -m setup --tree DIR`."
            )
        epoch = facts.get("ansible_date_time", {}).get("epoch")
        at = datetime.fromtimestamp(int(epoch), UTC) if epoch else observed_at
        yield Report(host=_host(name, facts), observed_at=at, source="ansible", sections=tuple(_sections(facts)))


def _host(name: str, facts: Mapping[str, Any]) -> HostIdentity:
    host_name = str(facts.get("ansible_fqdn") or facts.get("ansible_hostname") or "")
    ids = (
        facts.get("ansible_ec2_instance_id"),
        facts.get("ansible_product_uuid"),
        facts.get("ansible_machine_id"),
        host_name,
    )
    host_id = next((str(each) for each in ids if each and each != "NA"), "")
    if not host_id:
        raise UsageError(f"{name}: the facts name no host", hint="Gather the facts with the module `setup`, too.")
    return HostIdentity(
        host_id=host_id,
        account_id=str(facts.get("ansible_ec2_instance_identity_document_accountid") or ""),
        region=str(facts.get("ansible_ec2_placement_region") or ""),
        name=host_name,
        platform=str(facts.get("ansible_system") or "").lower(),
    )


def _sections(facts: Mapping[str, Any]) -> Iterator[Section]:
    arch = facts.get("ansible_architecture")
    if facts.get("ansible_distribution"):
        row = {
            "name": facts["ansible_distribution"],
            "version": facts.get("ansible_distribution_version"),
            "id_like": facts.get("ansible_os_family"),
            "codename": facts.get("ansible_distribution_release"),
        }
        yield Section("os", (row,))
    if facts.get("ansible_kernel"):
        yield Section(
            "kernel",
            ({"name": facts.get("ansible_system", "Linux"), "version": facts["ansible_kernel"], "arch": arch},),
        )
    if facts.get("ansible_processor"):
        brand = next((word for word in reversed(facts["ansible_processor"]) if not str(word).isdigit()), arch)
        row = {"brand": brand, "arch": arch, "logical_cores": facts.get("ansible_processor_vcpus")}
        yield Section("cpu", (row | {"physical_cores": facts.get("ansible_processor_cores")},))
    if facts.get("ansible_memtotal_mb"):
        sizes = (("physical", facts["ansible_memtotal_mb"]), ("swap", facts.get("ansible_swaptotal_mb")))
        yield Section(
            "memory", tuple({"kind": kind, "total_bytes": size * _MIB} for kind, size in sizes if size is not None)
        )
    if "ansible_mounts" in facts:
        yield Section("mounts", tuple(_mount(mount) for mount in facts["ansible_mounts"] if mount.get("mount")))
    if "ansible_interfaces" in facts:
        yield Section(
            "interfaces", tuple(row for name in facts["ansible_interfaces"] for row in _interface(facts, name))
        )
    if "packages" in facts:
        yield from _packages(facts["packages"])
    if "services" in facts:
        yield Section(
            "services", tuple(_service(service) for service in facts["services"].values() if service.get("name"))
        )
    if "getent_passwd" in facts:
        yield Section("users", tuple(_user(name, fields) for name, fields in facts["getent_passwd"].items()))


def _mount(mount: Mapping[str, Any]) -> Row:
    return {
        "path": mount["mount"],
        "device": mount.get("device"),
        "type": mount.get("fstype"),
        "size_bytes": mount.get("size_total"),
    }


def _interface(facts: Mapping[str, Any], name: str) -> Iterator[Row]:
    details = facts.get(f"ansible_{name.replace('-', '_').replace(':', '_').replace('.', '_')}", {})
    common = {"name": name, "mac": details.get("macaddress"), "mtu": details.get("mtu")}
    ipv4 = details.get("ipv4") or {}
    addresses = [*(ipv4 if isinstance(ipv4, list) else [ipv4]), *details.get("ipv4_secondaries", ())]
    addresses += details.get("ipv6", [])
    rows = [
        common | {"address": address["address"], "mask": address.get("netmask") or address.get("prefix")}
        for address in addresses
        if address.get("address")
    ]
    yield from rows or [common]


def _packages(packages: Mapping[str, Any]) -> Iterator[Section]:
    by_section: dict[str, list[Row]] = {}
    for name, versions in packages.items():
        for package in versions:
            section = _SECTIONS.get(str(package.get("source", "")), "")
            if section:
                row = {"name": package.get("name", name), "version": _version(package), "arch": package.get("arch")}
                by_section.setdefault(section, []).append(row)
    for section, rows in by_section.items():
        yield Section(section, tuple(rows))


def _version(package: Mapping[str, Any]) -> str:
    version = str(package.get("version", ""))
    if package.get("release"):
        version = f"{version}-{package['release']}"
    return f"{package['epoch']}:{version}" if package.get("epoch") else version


def _service(service: Mapping[str, Any]) -> Row:
    return {"name": service["name"], "state": service.get("state"), "start": service.get("status")}


def _user(name: str, fields: list[str]) -> Row:
    """Return a user by the fields of passwd(5) after the name; the password is left out."""
    _, uid, gid, description, home, shell = (fields + [""] * 6)[:6]
    return {"name": name, "uid": uid, "gid": gid, "description": description, "home": home, "shell": shell}
