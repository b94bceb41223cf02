"""Runs a Dockerfile's steps without Docker: in a new Debian's root, as root, with chroot.

    python -m tests.autograder.deploy.clean_root hub /var/tmp/root

makes the root with debootstrap and leaves it there. What Docker does beyond that (layers, health
checks, networks) is not imitated; an instruction that is not known here is an error.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from dockerfile_parse import DockerfileParser

from tests.parts import ROOT

DOCKERFILE = ROOT / "docs" / "deploy" / "Dockerfile"
RELEASES = {"debian:bookworm-slim": "bookworm"}
MIRROR = "http://deb.debian.org/debian"
# What a machine may need to reach its package registries.
PASSED_ON = re.compile(r"PIP_(?!CONSTRAINT|FIND_LINKS|CERT)|(https?|no)_proxy$", re.IGNORECASE)
AUTHORITIES = "/run/machine.crt"  # whom this machine trusts
WITHOUT_EFFECT = ("COMMENT", "EXPOSE", "ENTRYPOINT", "CMD", "LABEL")


@dataclass
class Image:
    """A root with what the instructions so far have set."""

    root: Path
    environment: dict[str, str] = field(
        default_factory=lambda: {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        }
    )
    folder: str = "/"
    user: str = "0"

    def command(self, command: str) -> list[str]:
        """Return what runs a shell command in the root, with /proc and /dev in it."""
        root = shlex.quote(str(self.root))
        inside = shlex.quote(f"cd {shlex.quote(self.folder)} && {command}")
        mounts = f"mount -t proc proc {root}/proc && mount --rbind /dev {root}/dev"
        enter = f"exec chroot --userspec={self.user} {root} /bin/sh -euc {inside}"
        return ["unshare", "--mount", "/bin/sh", "-euc", f"{mounts} && {enter}"]

    def variables(self) -> dict[str, str]:
        """Return the environment of commands in the root."""
        passed = {k: v for k, v in os.environ.items() if PASSED_ON.match(k)}
        passed |= dict.fromkeys(("PIP_CERT", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"), AUTHORITIES)
        return passed | {"DEBIAN_FRONTEND": "noninteractive"} | self.environment

    def run(self, command: str, **options) -> subprocess.CompletedProcess:
        """Run a shell command in the root."""
        return subprocess.run(self.command(command), env=self.variables(), **options)

    def set(self, words: list[str]) -> None:
        """ENV."""
        before = dict(self.environment)
        for word in words:
            name, _, value = word.partition("=")
            self.environment[name] = re.sub(r"\$(\w+)", lambda m: before[m[1]], value)

    def copy(self, words: list[str]) -> None:
        """COPY from the project."""
        mode = [w.partition("=")[2] for w in words if w.startswith("--chmod=")]
        *sources, target = [w for w in words if not w.startswith("--")]
        for source in sources:
            origin = ROOT / source
            place = self.root / target.lstrip("/")
            if target.endswith("/"):
                place = place / origin.name
            place.parent.mkdir(parents=True, exist_ok=True)
            if origin.is_dir():
                ignored = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
                shutil.copytree(origin, place, dirs_exist_ok=True, ignore=ignored)
            else:
                shutil.copyfile(origin, place)
                place.chmod(int(mode[0], 8) if mode else 0o644)


def stages() -> dict[str, list[dict]]:
    """Return each stage's instructions, those of the stages that it builds on first."""
    found: dict[str, list[dict]] = {}
    name = ""
    for step in DockerfileParser(fileobj=open(DOCKERFILE, "rb")).structure:  # noqa: SIM115
        if step["instruction"] == "FROM":
            parent, _, name = step["value"].partition(" AS ")
            found[name] = list(found.get(parent, [step]))
        elif name:
            found[name].append(step)
    return found


def build(stage: str, root: Path) -> Image:
    """Make a stage's root; `root` may be a Debian's already."""
    first, *steps = stages()[stage]
    release = RELEASES[first["value"].partition(" ")[0]]
    if not (root / "etc/debian_version").is_file():
        command = ["debootstrap", "--variant=minbase", release, root, MIRROR]
        subprocess.run(command, check=True)
    shutil.copyfile("/etc/resolv.conf", root / "etc/resolv.conf")
    shutil.copyfile("/etc/ssl/certs/ca-certificates.crt", root / AUTHORITIES.lstrip("/"))
    image = Image(root)
    for step in steps:
        take(image, step)
    return image


def take(image: Image, step: dict) -> None:
    """Take one instruction."""
    value = step["value"]
    match step["instruction"]:
        case "RUN":
            print("RUN", value, flush=True)
            image.run(value, check=True)
        case "ENV":
            image.set(shlex.split(value))
        case "COPY":
            image.copy(shlex.split(value))
        case "USER":
            image.user = value if ":" in value else f"{value}:{value}"
        case "WORKDIR":
            image.folder = value
            (image.root / value.lstrip("/")).mkdir(parents=True, exist_ok=True)
        case name if name not in WITHOUT_EFFECT:
            raise ValueError(f"{name} is not known here: {value}")


if __name__ == "__main__":
    build(sys.argv[1], Path(sys.argv[2]).resolve())
