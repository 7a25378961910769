"""Is this an EC2 instance? Told from the firmware, without waiting for anybody."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatepass import ec2


@pytest.fixture
def firmware(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose firmware says nothing: files may be added."""
    monkeypatch.setattr(ec2, "_DMI", f"{tmp_path}/dmi/")
    monkeypatch.setattr(ec2, "_XEN", f"{tmp_path}/xen")
    (tmp_path / "dmi").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("file", "text", "is_one"),
    [
        ("dmi/sys_vendor", "Amazon EC2\n", True),
        ("dmi/board_vendor", "Amazon EC2\n", True),
        ("dmi/bios_vendor", "Amazon EC2\n", True),
        ("xen", "ec2e1916-9099-7caf-fd21-012345abcdef\n", True),
        ("xen", "EC2E1916-9099-7CAF-FD21-012345ABCDEF\n", True),
        ("xen", "45e12aec-dcd1-b213-94ed-012345abcdef\n", False),
        ("dmi/sys_vendor", "Google\n", False),
        ("dmi/sys_vendor", "Not Amazon EC2\n", False),
        ("dmi/product_name", "Amazon EC2\n", False),
        ("dmi/sys_vendor", "\xff\xfe", False),
    ],
)
def test_the_firmware_says_it(firmware: Path, file: str, text: str, is_one: bool) -> None:
    """Nitro instances by their vendor, older ones by the hypervisor's number for them."""
    (firmware / file).write_bytes(text.encode("latin-1"))
    assert ec2.on_ec2({}) is is_one


def test_a_machine_that_says_nothing_is_none(firmware: Path) -> None:
    """Neither folder nor file: a container without /sys, or another system."""
    assert ec2.on_ec2({}) is False
    (firmware / "dmi").rmdir()
    assert ec2.on_ec2({}) is False


@pytest.mark.parametrize(
    ("env", "on", "off"),
    [
        ({}, True, False),
        ({"AWS_EC2_METADATA_DISABLED": "true"}, False, False),
        ({"AWS_EC2_METADATA_DISABLED": "TRUE"}, False, False),
        ({"AWS_EC2_METADATA_DISABLED": "false"}, True, False),
        ({"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1"}, True, True),
        ({"AWS_EC2_METADATA_SERVICE_ENDPOINT": ""}, True, False),
        (
            {
                "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1",
                "AWS_EC2_METADATA_DISABLED": "true",
            },
            False,
            False,
        ),
    ],
)
def test_the_variables_outrank_it(firmware: Path, env: dict[str, str], on: bool, off: bool) -> None:
    """As botocore reads them: switched off wins, and a service that is named is there."""
    assert ec2.on_ec2(env) is off
    (firmware / "dmi" / "sys_vendor").write_text("Amazon EC2\n")
    assert ec2.on_ec2(env) is on
