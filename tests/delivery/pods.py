"""What a kubelet makes of a manifest, made with podman: its volumes, its containers, its probes.

A key that is not known here is an error, so that nothing in a manifest goes untried.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from delivery.containers import BASE, IMAGE, Done, Engine, options
from delivery.pages import DOCS, FENCE
from gatepass.sandbox import Sandbox

OURS = "ghcr.io/OWNER/gatepass@sha256:DIGEST"
_IMAGES = {OURS: IMAGE, "docker.io/library/python:3.13-slim": BASE}
_PAGE = DOCS / "kubernetes.md"

API_AUDIENCE = "https://kubernetes.default.svc.cluster.local"

# What a cluster does, and podman on one machine does not: said here, and left out.
_NOT_PLAYED = {"name", "serviceAccountName", "restartPolicy"}
_CONTAINER = {"image", "command", "args", "env", "resources", "securityContext", "volumeMounts"}
_SECURITY = {
    "allowPrivilegeEscalation",
    "capabilities",
    "readOnlyRootFilesystem",
    "runAsGroup",
    "runAsNonRoot",
    "runAsUser",
    "seccompProfile",
}


def manifest(path: Path, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """The documents of a file, with the example's names replaced."""
    text = path.read_text(encoding="utf-8")
    for old, new in names.items():
        text = text.replace(old, new)
    return list(yaml.safe_load_all(text))


class Pod:
    """A pod by a workload's manifest, in the sandbox's cluster, for a `with`.

    `images`: a name of an image here for each in the manifest. `injected`: variables, and files by
    where they are mounted, that others than the manifest put into each container.
    """

    def __init__(
        self,
        workload: Mapping[str, Any],
        sandbox: Sandbox,
        engine: Engine,
        folder: Path,
        images: Mapping[str, str],
        injected: tuple[Mapping[str, str], Mapping[str, Path]] = ({}, {}),
    ) -> None:
        self.spec = dict(workload["spec"]["template"]["spec"])
        self._cluster, self._engine, self._images = sandbox.kubernetes, engine, images
        host, _, port = sandbox.kubernetes.api.removeprefix("https://").partition(":")
        self._variables, self._mounts = injected  # and what every container has in a cluster
        self._variables = {
            "KUBERNETES_SERVICE_HOST": host,
            "KUBERNETES_SERVICE_PORT": port,
            **self._variables,
        }
        known = {"containers", "initContainers", "securityContext", "volumes"}
        _only(self.spec, known | {"serviceAccountName", "restartPolicy"}, "automount")
        self._security = dict(self.spec.get("securityContext", {}))
        self._group = self._security.pop("fsGroup", 0)
        containers = [*self.spec.get("initContainers", []), *self.spec["containers"]]
        self._containers = {one["name"]: one for one in containers}
        self._volumes = {one["name"]: one for one in self.spec["volumes"]}
        self._folder, self._running = folder, dict[str, str]()
        folder.mkdir()
        for name, volume in self._volumes.items():
            self._make(folder / name, volume)

    def __enter__(self) -> Pod:
        return self

    def __exit__(self, *ended: object) -> None:
        for container in self._running.values():
            self._engine.podman("rm", "--force", "--time=0", container)

    def run(self, name: str) -> Done:
        """A container to its end."""
        return self._engine.run(*self._words(name))

    def start(self, name: str) -> None:
        """A container in the background, up to where its probe says that it has started."""
        self._running[name] = self._engine.start(*self._words(name))
        probe = self._containers[name]["startupProbe"]
        _only(probe, {"exec", "failureThreshold", "periodSeconds"})
        for _ in range(probe["failureThreshold"]):
            if self.exec(name, *probe["exec"]["command"]).returncode == 0:
                return
            time.sleep(min(0.3, probe["periodSeconds"]))  # a test needn't wait as long
        raise AssertionError(f"{name} does not start: {self.logs(name)}")

    def exec(self, name: str, *words: str) -> Done:
        """A command in a container that runs, in its environment."""
        return self._engine.podman("exec", self._running[name], *words)

    def logs(self, name: str) -> str:
        """All that it wrote."""
        done = self._engine.podman("logs", self._running[name])
        return done.stdout + done.stderr

    def stop(self, name: str) -> int:
        """Stop it as a kubelet does; its exit status."""
        return self._engine.stop(self._running.pop(name))

    def volume(self, name: str) -> Path:
        """Where a volume's files are."""
        return self._folder / name

    def rotate(self) -> None:
        """New tokens in every projected volume, as a kubelet puts them there."""
        for name, volume in self._volumes.items():
            if "projected" in volume:
                self._project(self.volume(name), volume["projected"])

    def _make(self, folder: Path, volume: Mapping[str, Any]) -> None:
        _only(volume, {"projected", "emptyDir"})
        folder.mkdir()
        if "emptyDir" in volume:
            _only(volume["emptyDir"], {"medium", "sizeLimit"})
            os.chown(folder, -1, self._group)
            folder.chmod(0o2777 if self._group else 0o777)
        else:
            self._project(folder, volume["projected"])

    def _project(self, folder: Path, projected: Mapping[str, Any]) -> None:
        """kubelet's pkg/volume/util/atomic_writer.go: the files first, then one rename."""
        _only(projected, {"sources"})
        data = folder / "..data"
        before = folder / os.readlink(data) if data.is_symlink() else None
        fresh = folder / f"..{time.time_ns()}"
        fresh.mkdir(mode=0o755)
        for source in projected["sources"]:
            for path, text in self._files(source).items():
                (fresh / path).write_text(text, encoding="ascii")
                # With an fsGroup the file is its group's to read, and nobody else's.
                os.chown(fresh / path, 0, self._group)
                (fresh / path).chmod(0o640 if self._group else 0o644)
                if not (folder / path).is_symlink():
                    (folder / path).symlink_to(Path("..data", path))
        (folder / "..data_tmp").symlink_to(fresh.name)
        os.replace(folder / "..data_tmp", data)
        if before is not None:
            shutil.rmtree(before)

    def _files(self, source: Mapping[str, Any]) -> dict[str, str]:
        _only(source, {"serviceAccountToken", "configMap"})
        if "configMap" in source:
            assert source["configMap"]["name"] == "kube-root-ca.crt"
            found = {"ca.crt": (self._cluster.api_dir / "ca.crt").read_text(encoding="ascii")}
            return {one["path"]: found[one["key"]] for one in source["configMap"]["items"]}
        wanted = source["serviceAccountToken"]
        _only(wanted, {"path", "audience", "expirationSeconds"})
        audience = wanted.get("audience", API_AUDIENCE)
        life = wanted["expirationSeconds"]
        return {wanted["path"]: self._cluster.issuer.mint(audience, lifetime=life)}

    def _words(self, name: str) -> list[str]:
        """What `podman run` needs for a container: options, image, arguments."""
        one = self._containers[name]
        _only(one, _CONTAINER | {"startupProbe"})
        env = {**self._variables, **{each["name"]: each["value"] for each in one["env"]}}
        words = [*options(env), *self._restrictions(one["securityContext"])]
        words.append(f"--memory={one['resources']['limits']['memory'].replace('Mi', 'm')}")
        for mount in one["volumeMounts"]:
            _only(mount, {"mountPath", "readOnly"})
            access = "ro" if mount.get("readOnly") else "rw"
            words.append(f"--volume={self.volume(mount['name'])}:{mount['mountPath']}:{access}")
        words += [f"--volume={file}:{place}:ro" for place, file in self._mounts.items()]
        command = one.get("command", [])
        if command:
            words.append(f"--entrypoint={json.dumps(command)}")
        return [*words, self._images[one["image"]], *one.get("args", [])]

    def _restrictions(self, own: Mapping[str, Any]) -> list[str]:
        wanted = {**self._security, **own}
        _only(wanted, _SECURITY)
        assert wanted["runAsNonRoot"]
        assert wanted["seccompProfile"] == {"type": "RuntimeDefault"}  # podman's default as well
        words = [f"--user={wanted['runAsUser']}:{wanted['runAsGroup']}"]
        if self._group:
            words.append(f"--group-add={self._group}")
        if not wanted["allowPrivilegeEscalation"]:
            words.append("--security-opt=no-new-privileges")
        if wanted["readOnlyRootFilesystem"]:  # a kubelet adds no tmpfs
            words += ["--read-only", "--read-only-tmpfs=false"]
        return [*words, *(f"--cap-drop={name}" for name in wanted["capabilities"]["drop"])]


def _only(part: Mapping[str, Any], known: set[str], prefix: str = "\0") -> None:
    unknown = {key for key in part if not key.startswith(prefix)} - known - _NOT_PLAYED
    assert not unknown, f"not played: {sorted(unknown)}"


def names(sandbox: Sandbox) -> dict[str, str]:
    """The example's names, and the sandbox's."""
    return {
        "https://ppm.example.com/internal/latest": f"{sandbox.address}/private/latest",
        "https://ppm.example.com": sandbox.address,
        "internal/latest": "private/latest",
        "pypi/team": "pypi/private",
        "your-package": "gatepass-hello",
        "your_package": "gatepass_hello",
    }


class Cluster:
    """Makes pods from the manifests."""

    def __init__(self, engine: Engine, sandbox: Sandbox, folder: Path) -> None:
        self._engine, self.sandbox, self._folder = engine, sandbox, folder
        folder.chmod(0o755)

    def pod(self, name: str, **options: Any) -> Pod:
        """The workload of a manifest, not changed but for its names."""
        [_, workload] = manifest(DOCS / "kubernetes" / f"{name}.yaml", names(self.sandbox))
        return self.of(workload, **options)

    def of(self, workload: Mapping[str, Any], **options: Any) -> Pod:
        folder = self._folder / "pod"
        return Pod(workload, self.sandbox, self._engine, folder, _IMAGES, **options)


def fragments() -> list[dict[str, Any]]:
    """The page's YAML blocks."""
    return [
        yaml.safe_load(text)
        for language, text in FENCE.findall(_PAGE.read_text(encoding="utf-8"))
        if language == "yaml"
    ]
