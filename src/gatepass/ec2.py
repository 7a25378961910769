"""Is this an EC2 instance? Told by the firmware's own words, without asking anybody.

The metadata service's address answers only there; elsewhere it takes seconds to find that out.
"""

from __future__ import annotations

import sys

from gatepass import files
from gatepass.settings.environment import Environment, read

_DMI = "/sys/class/dmi/id/"
_XEN = "/sys/hypervisor/uuid"
_VENDOR = "amazon ec2"


def on_ec2(env: Environment) -> bool:
    """Whether an instance's role is worth asking for.

    Yes where the user points at a metadata service (AWS_EC2_METADATA_SERVICE_ENDPOINT), no where
    AWS_EC2_METADATA_DISABLED is ``true``, which wins; else what the firmware says ("Identify EC2
    Linux instances" in the EC2 user guide). On other systems than Linux and Windows an instance
    can't be told from a desk's machine without asking: there the variable is needed.
    """
    if read(env, "AWS_EC2_METADATA_DISABLED").lower() == "true":
        return False
    if read(env, "AWS_EC2_METADATA_SERVICE_ENDPOINT"):
        return True
    if sys.platform == "win32":  # pragma: no cover - Windows only
        return _manufacturer() == _VENDOR
    names = (_text(_DMI + name) for name in ("sys_vendor", "board_vendor", "bios_vendor"))
    return any(name == _VENDOR for name in names) or _text(_XEN).startswith("ec2")


def _text(path: str) -> str:
    try:
        return files.read(path, 256).decode("ascii", "replace").strip().lower()
    except OSError:
        return ""


if sys.platform == "win32":  # pragma: no cover - Windows only

    def _manufacturer() -> str:
        import winreg

        try:
            with winreg.OpenKey(
                winreg.HKEY_LOCAL_MACHINE, r"HARDWARE\DESCRIPTION\System\BIOS"
            ) as bios:
                return str(winreg.QueryValueEx(bios, "SystemManufacturer")[0]).strip().lower()
        except OSError:
            return ""
