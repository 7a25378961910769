"""The runner that these tests play: strict where GitHub's is lenient, and not wrong itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from delivery.action.commands import Annotation, Reader, named_values
from delivery.action.expressions import Expressions, Unknown
from delivery.action.jobs import step_module
from delivery.action.runner import Job

CONTEXTS: dict[str, Any] = {
    "inputs": {"check": "true", "none": ""},
    "steps": {"ran": {"outputs": {"bin": "/b"}}, "skipped": {"outputs": {}}},
    "runner": {"os": "Linux"},
    "env": {},
}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("inputs.check", "true"),
        ("inputs.check == 'TRUE'", True),
        ("inputs.check != 'true'", False),
        ("steps.skipped.outputs.bin || steps.ran.outputs.bin", "/b"),
        ("steps.ran.outputs.bin && 'yes' || 'no'", "yes"),
        ("inputs.none && 'yes' || 'no'", "no"),
        ("!(inputs.none || false)", True),
        ("'it''s'", "it's"),
        ("contains('Linux x64', runner.os)", True),
        ("startsWith(runner.os, 'mac')", False),
        ("env.ANY", ""),
        ("1 == 1", True),
        ("null", None),
    ],
)
def test_expressions(written: str, value: object) -> None:
    """The operators by their precedence; && and || give a value, not its truth."""
    assert Expressions(CONTEXTS).value(written) == value


@pytest.mark.parametrize(
    "written",
    [
        "inputs.chekc",
        "github.token",
        "steps.gone.outputs.bin",
        "inputs.check.more",
        "toJSON(inputs)",
        "contains('a')",
        "inputs.check ==",
        "inputs.check inputs.none",
        "inputs",
        "1 == '1'",
        "a b",
        "(true",
        "inputs['check']",
        "",
    ],
)
def test_what_is_unknown_is_an_error(written: str) -> None:
    """A name that isn't there would be empty on GitHub, and nobody would see it."""
    with pytest.raises(Unknown):
        Expressions(CONTEXTS).text(f"${{{{ {written} }}}}")


@pytest.mark.parametrize(
    ("written", "runs", "runs_after_failure"),
    [
        ("", True, False),
        ("runner.os == 'Linux'", True, False),
        ("${{ runner.os != 'Linux' }}", False, False),
        ("always()", True, True),
        ("failure()", False, True),
        ("success() || inputs.check == 'true'", True, True),
        ("!cancelled()", True, True),
    ],
)
def test_conditions(written: str, runs: bool, runs_after_failure: bool) -> None:
    """Without a status function, a step also wants that nothing failed before it."""
    assert Expressions(CONTEXTS, failed=False).condition(written) is runs
    assert Expressions(CONTEXTS, failed=True).condition(written) is runs_after_failure


def test_commands_in_the_output() -> None:
    """Annotations are unescaped, masks hold from then on, what changes the job is caught."""
    reader = Reader()
    reader.read("before secret\n::add-mask::secret\nafter secret")
    reader.read("::error title=a%3A b%2C c,line=1::one%0Atwo%25 secret\n::notice::x")
    reader.read("  ::set-output name=a::b\ntext ##[add-path]/x\n::group::g\nnot ::error::")
    assert reader.log[:3] == ["before secret", "::add-mask::***", "after ***"]
    assert reader.annotations == [
        Annotation("error", "a: b, c", "one\ntwo% ***"),
        Annotation("notice", "", "x"),
    ]
    assert reader.injected == ["  ::set-output name=a::b", "text ##[add-path]/x"]
    assert reader.log[-1] == "not ::error::"
    with pytest.raises(AssertionError, match="no such command"):
        reader.read("::errror::x")


def test_files_of_names_and_values() -> None:
    """Both forms; a value between delimiters may look like anything."""
    text = "a=1\nb<<END\nx=2\n\nc<<NO\nEND\nd=\n"
    assert named_values(text) == {"a": "1", "b": "x=2\n\nc<<NO", "d": ""}
    assert named_values("") == {}
    for wrong in ("a=1", "a\n", "GITHUB_SHA=x\n", "NODE_OPTIONS=x\n", "RUNNER_TEMP<<E\nx\nE\n"):
        with pytest.raises(AssertionError):
            named_values(wrong)


def test_what_the_action_writes_is_read_as_it_was_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever a value or a text has in it: nobody can guess where a value ends, or begin a
    command."""
    runner = step_module("runner")
    file = tmp_path / "env"
    monkeypatch.setenv("GITHUB_ENV", str(file))
    value = "a\nEOF\nPATH=/tmp\nB<<C\n"
    runner.variable("FIRST", value)
    runner.variable("SECOND", value)
    text = file.read_text(encoding="utf-8")
    assert named_values(text) == {"FIRST": value, "SECOND": value}
    ends = [line.partition("<<")[2] for line in text.splitlines() if line[:5] in ("FIRST", "SECON")]
    assert len(set(ends)) == 2
    assert all(len(end) > 32 for end in ends)
    runner.say("::set-output name=a::b\n##[add-path]/x\rmore")
    runner.annotate("error", "a::b,c%", "x\r\n::set-env name=a::b\n50%0A")
    reader = Reader()
    reader.read(capsys.readouterr().out)
    assert reader.injected == []
    assert reader.annotations == [Annotation("error", "a::b,c%", "x\r\n::set-env name=a::b\n50%0A")]


@pytest.fixture
def empty(tmp_path: Path, base_env: dict[str, str]) -> Job:
    """A job without anything."""
    temporary = tmp_path / "temp"
    temporary.mkdir()
    github = {"REPOSITORY": "a/b", "EVENT_NAME": "push", "REF": "refs/heads/main"}
    env = {f"GITHUB_{name}": value for name, value in github.items()}
    return Job({**base_env, **env, "RUNNER_TEMP": str(temporary)}, tmp_path, {})


def test_steps_of_a_job(empty: Job) -> None:
    """Variables, PATH and outputs reach later steps; after a failure only those that ask run."""
    steps = [
        {"id": "first", "run": 'echo "x=1" >> "$GITHUB_OUTPUT"; echo "V=v" >> "$GITHUB_ENV"'},
        {
            "run": 'mkdir bin; echo "$PWD/bin" >> "$GITHUB_PATH"\n'
            'echo "# told" >> "$GITHUB_STEP_SUMMARY"'
        },
        {
            "id": "third",
            "run": 'echo "$V $W $X"; echo "${PATH%%:*}"',
            "env": {"W": "${{ env.V }}w"},
        },
        {"run": "false | true; exit 3"},
        {"id": "never", "run": "echo never"},
        {"id": "still", "if": "failure()", "run": "echo ${{ steps.first.outputs.x }}"},
    ]
    done = empty.run(steps)
    assert done["third"].output.splitlines() == ["v vw ", str(empty.workspace / "bin")]
    assert [step.conclusion for step in done.values()] == [
        *["success"] * 3,
        "failure",
        "skipped",
        "success",
    ]
    assert done["still"].output == "1\n"
    assert empty.failed
    assert empty.summary == "# told\n"


def test_a_step_that_is_misspelt_is_an_error(empty: Job) -> None:
    """The runner would refuse the workflow, or pass over it."""
    with pytest.raises(AssertionError, match="iff"):
        empty.run([{"run": "true", "iff": "always()"}])
    with pytest.raises(StopIteration):
        empty.run([{"uses": "somebody/else@v1"}])
