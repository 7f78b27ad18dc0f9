"""Operating system, kernel, processor, memory, hardware, mounts and network interfaces."""

from __future__ import annotations

import os
import platform
import re
import shlex
import socket
import struct
from typing import Any, Dict

from .commands import ReadError, output_of, read_text

__all__ = ["cpu", "hardware", "interfaces", "kernel", "memory", "mounts", "operating_system", "parse_ifconfig"]

Row = Dict[str, Any]
IS_MACOS = platform.system() == "Darwin"
_PSEUDO = frozenset(
    [
        "autofs",
        "binfmt_misc",
        "bpf",
        "cgroup",
        "cgroup2",
        "configfs",
        "debugfs",
        "devfs",
        "devpts",
        "devtmpfs",
        "efivarfs",
        "fusectl",
        "hugetlbfs",
        "mqueue",
        "nsfs",
        "overlay",
        "proc",
        "pstore",
        "ramfs",
        "rpc_pipefs",
        "securityfs",
        "selinuxfs",
        "squashfs",
        "sysfs",
        "tmpfs",
        "tracefs",
    ]
)


def operating_system() -> list[Row]:
    """Return one row with the distribution or macOS."""
    if IS_MACOS:
        version = platform.mac_ver()[0]
        build = output_of("sw_vers", "-buildVersion").strip()
        return [{"name": "macOS", "version": version, "id": "darwin", "build": build, "arch": platform.machine()}]
    text = read_text("/etc/os-release") or read_text("/usr/lib/os-release")
    if not text:
        raise ReadError("there is no os-release file")
    values = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            values[name.strip()] = " ".join(shlex.split(value))
    return [
        {
            "name": values.get("NAME", ""),
            "version": values.get("VERSION") or values.get("VERSION_ID") or values.get("BUILD_ID", ""),
            "id": values.get("ID", ""),
            "id_like": values.get("ID_LIKE", ""),
            "codename": values.get("VERSION_CODENAME", ""),
            "arch": platform.machine(),
        }
    ]


def kernel() -> list[Row]:
    """Return one row with the running kernel."""
    names = os.uname()
    return [{"name": names.sysname, "version": names.release, "arch": names.machine}]


def cpu() -> list[Row]:
    """Return one row with the processor."""
    if IS_MACOS:
        return [
            {
                "brand": output_of("sysctl", "-n", "machdep.cpu.brand_string").strip(),
                "arch": platform.machine(),
                "logical_cores": int(output_of("sysctl", "-n", "hw.logicalcpu")),
                "physical_cores": int(output_of("sysctl", "-n", "hw.physicalcpu")),
            }
        ]
    cores, brand, package = set(), "", ""
    for line in read_text("/proc/cpuinfo").splitlines():
        name, _, value = (part.strip() for part in line.partition(":"))
        if name in ("model name", "Model") and not brand:
            brand = value
        if name == "physical id":
            package = value
        if name == "core id":
            cores.add((package, value))
    row: Row = {"brand": brand or platform.machine(), "arch": platform.machine(), "logical_cores": os.cpu_count()}
    if cores:
        row["physical_cores"] = len(cores)
    return [row]


def memory() -> list[Row]:
    """Return the sizes of memory and swap in bytes."""
    if IS_MACOS:
        return [{"kind": "ram", "total_bytes": int(output_of("sysctl", "-n", "hw.memsize"))}]
    sizes = dict(re.findall(r"^(\w+):\s+(\d+) kB", read_text("/proc/meminfo"), re.MULTILINE))
    if "MemTotal" not in sizes:
        raise ReadError("/proc/meminfo cannot be read")
    pairs = (("ram", "MemTotal"), ("swap", "SwapTotal"))
    return [{"kind": kind, "total_bytes": int(sizes[name]) * 1024} for kind, name in pairs if name in sizes]


def hardware() -> list[Row]:
    """Return one row with model and vendor; serial number and UUID are readable for root only."""
    if IS_MACOS:
        return [{"vendor": "Apple Inc.", "model": output_of("sysctl", "-n", "hw.model").strip()}]
    names = (
        ("model", "product_name"),
        ("vendor", "sys_vendor"),
        ("serial", "product_serial"),
        ("uuid", "product_uuid"),
    )
    row = {column: read_text("/sys/class/dmi/id/" + name) for column, name in names}
    return [row] if row["model"] else []


def mounts() -> list[Row]:
    """Return mounted file systems, without those of the kernel."""
    rows = []
    for device, path, kind in _mac_mounts() if IS_MACOS else _linux_mounts():
        if kind in _PSEUDO:
            continue
        row: Row = {"path": path, "device": device, "type": kind}
        try:
            stat = os.statvfs(path)
            row["size_bytes"] = stat.f_blocks * stat.f_frsize
        except OSError:
            pass  # a network file system that does not answer is still mounted
        rows.append(row)
    return rows


def _linux_mounts() -> list[list[str]]:
    lines = read_text("/proc/self/mounts").splitlines()
    return [[re.sub(r"\\(\d{3})", _character, part) for part in line.split(" ")[:3]] for line in lines]


def _character(match: re.Match[str]) -> str:
    return chr(int(match.group(1), 8))


def _mac_mounts() -> list[list[str]]:
    return [list(parts) for parts in re.findall(r"^(.+?) on (.+) \((\w+)", output_of("mount"), re.MULTILINE)]


def interfaces() -> list[Row]:
    """Return one row per address of each network interface."""
    if IS_MACOS:
        return parse_ifconfig(output_of("ifconfig", "-a"))
    rows = []
    addresses6 = _addresses6()
    for name in sorted(os.listdir("/sys/class/net")):
        if name.startswith("veth") or not os.path.isdir("/sys/class/net/" + name):
            continue
        folder = "/sys/class/net/%s/" % name
        mtu = read_text(folder + "mtu")
        shared: Row = {"name": name, "mac": read_text(folder + "address")}
        if mtu.isdigit():
            shared["mtu"] = int(mtu)
        addresses = [_address4(name), *({"address": address} for address in addresses6.get(name, ()))]
        rows += [dict(shared, **address) for address in addresses if address] or [shared]
    return rows


def _address4(name: str) -> Row:
    """Return the IPv4 address and mask of an interface by ioctl (netdevice(7): SIOCGIFADDR, SIOCGIFNETMASK)."""
    import fcntl

    request = struct.pack("256s", name.encode()[:15])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            address, mask = (
                socket.inet_ntoa(fcntl.ioctl(probe.fileno(), number, request)[20:24]) for number in (0x8915, 0x891B)
            )
        except OSError:
            return {}
    return {"address": address, "mask": mask}


def _addresses6() -> dict[str, list[str]]:
    addresses: dict[str, list[str]] = {}
    for line in read_text("/proc/net/if_inet6").splitlines():
        parts = line.split()
        if len(parts) == 6:
            address = socket.inet_ntop(socket.AF_INET6, bytes.fromhex(parts[0]))
            addresses.setdefault(parts[5], []).append(address)
    return addresses


def parse_ifconfig(text: str) -> list[Row]:
    """Read the output of macOS's `ifconfig -a`."""
    rows: list[Row] = []
    for block in re.split(r"^(?=\w)", text, flags=re.MULTILINE):
        head = re.match(r"(\w+): flags=.* mtu (\d+)", block)
        if not head:
            continue
        shared: Row = {"name": head.group(1), "mtu": int(head.group(2))}
        mac = re.search(r"^\s+ether (\S+)", block, re.MULTILINE)
        if mac:
            shared["mac"] = mac.group(1)
        addresses = re.findall(r"^\s+inet6? ([0-9a-fA-F.:]+)", block, re.MULTILINE)
        rows += [dict(shared, address=address) for address in addresses] or [shared]
    return rows
