"""credential_for raises nothing but our own errors, and these hold no frames."""

from __future__ import annotations

import pytest

from gatepass import credential_for
from gatepass.errors import GatepassError
from gatepass.exchange import ambient

INDEX = "https://acme-111122223333.d.codeartifact.eu-west-1.amazonaws.com/pypi/team/simple/"
SECRET = "s" * 40


def caught(monkeypatch: pytest.MonkeyPatch, fault: Exception) -> GatepassError:
    def fail(request: object) -> None:
        held = SECRET  # noqa: F841 - what a reporter of tracebacks would print
        raise fault

    monkeypatch.setattr(ambient, "exchange", fail)
    keys = {"AWS_ACCESS_KEY_ID": "AKIAABCDEFGHIJKLMNOP", "AWS_SECRET_ACCESS_KEY": SECRET}
    with pytest.raises(GatepassError) as found:
        credential_for(INDEX, env={**keys, "GATEPASS_STORE": "off"})
    return found.value


@pytest.mark.parametrize("fault", [OverflowError(SECRET), AssertionError(SECRET), KeyError(SECRET)])
def test_a_fault_of_ours_is_an_error_like_others(
    monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    """Its kind and place are told; its text, cause and frames, which may hold keys, are not."""
    error = caught(monkeypatch, fault)
    assert error.code == "internal"
    assert f"{type(fault).__name__} at test_resolve_faults.py:" in error.what
    assert SECRET not in str(error)
    assert (error.__cause__, error.__context__) == (None, None)
    trace, frames = error.__traceback__, []
    while trace is not None:
        frames.append(trace.tb_frame)
        trace = trace.tb_next
    ours = [frame for frame in frames if "gatepass" in frame.f_globals["__name__"]]
    assert [frame.f_code.co_name for frame in ours] == ["credential_for"]
    assert not any(SECRET in repr(value) for value in ours[0].f_locals.values())
