"""The estimate of a step on many GPUs, and what starts processes on a cluster."""

import json
import os
import subprocess
import sys

import pytest

from course import cli
from course.benchmarks import scaling
from course.training import tf_config
from course.training.distribution import multiworker

NET = scaling.Network("half a million", 500_000, 10**9, 10)
FOUR = {"gpus": 4, "bandwidth": 1e9, "latency": 1e-4, "rate": 1e12}


def test_a_step_by_hand():
    step = scaling.estimate(NET, scaling.Cluster(**FOUR), 10)
    assert step.sent == 3_000_000  # 2 x 3/4 of 2 MB
    assert step.exchange == pytest.approx(3e-3)
    assert step.arithmetic == pytest.approx(60e-3)
    assert step.statistics == pytest.approx(2e-3)
    # All of the exchange fits into half of the backward pass, 20 ms.
    assert step.seconds == pytest.approx(62e-3)
    assert step.efficiency == pytest.approx(60 / 62)
    assert step.min_overlapped_batch == pytest.approx(1.5)


def test_what_does_not_overlap_is_waited_for():
    alone = scaling.Cluster(**FOUR, overlap=0)
    assert scaling.estimate(NET, alone, 10).seconds == pytest.approx(65e-3)
    assert scaling.estimate(NET, alone, 10).min_overlapped_batch == float("inf")
    step = scaling.estimate(NET, scaling.Cluster(**FOUR), 1)  # 6 ms, of which 2 hide
    assert step.seconds == pytest.approx((6 + 2 + 1) * 1e-3)


def test_a_ring_sends_at_most_twice_the_gradients():
    sent = [
        scaling.estimate(NET, scaling.Cluster(**FOUR | {"gpus": n})).sent for n in (2, 8, 10**6)
    ]
    assert sent == sorted(sent)
    assert sent[0] == 2_000_000
    assert sent[-1] == pytest.approx(4_000_000, rel=1e-5)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"gpus": 1}, "received 1"),
        ({"bandwidth": 0}, "bandwidth=0"),
        ({"overlap": 2}, "overlap=2"),
    ],
)
def test_clusters_that_are_none_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        scaling.Cluster(**FOUR | change)


def test_a_batch_has_an_image():
    with pytest.raises(ValueError, match="received batch=0"):
        scaling.estimate(NET, scaling.Cluster(**FOUR), 0)


def test_a_network_is_the_registrys():
    from course import architectures

    network, entry = scaling.measure("resnet20_cifar"), architectures.describe("resnet20_cifar")
    assert (network.params, network.macs) == (entry.params_trainable, entry.macs)
    assert network.batch_norms == 19


def test_the_docs_table_is_what_is_computed(root, capsys):
    assert cli.main(["scaling"]) == 0
    assert capsys.readouterr().out.strip() in (root / "docs" / "scaling.md").read_text()


def test_another_cluster_can_be_asked_for(capsys):
    line = "scaling resnet20_cifar --gpus 4 --bandwidth 1 --latency 0 --batch-size 10 --rate 1"
    assert cli.main(line.split()) == 0
    row = capsys.readouterr().out.splitlines()[-1]
    assert row.startswith("| resnet20_cifar | 4 GPUs | 1.6 |")


# Clusters


def test_a_process_gets_its_tf_config(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", tf_config.config(["a", "b", "c"], 2))
    assert multiworker.worker_index() == (2, 3)


@pytest.mark.parametrize(
    "hosts, index, message",
    [
        ([], 0, "received hosts none"),
        (["a", "a"], 0, "received hosts a a"),
        (["a", "b"], 2, "index must be 0 to 1.*received 2"),
    ],
)
def test_places_that_are_none_are_refused(hosts, index, message):
    with pytest.raises(ValueError, match=message):
        tf_config.config(hosts, index)


def test_a_process_finds_its_number(monkeypatch, capsys):
    for name in tf_config.INDICES:
        assert tf_config.own_index({name: "3"}) == 3
        monkeypatch.delenv(name, raising=False)
    assert tf_config.main(["a", "b"]) == 1
    assert "SLURM_PROCID or JOB_COMPLETION_INDEX; received neither" in capsys.readouterr().err
    assert tf_config.main(["a", "b", "--index", "1", "--port", "99"]) == 0
    assert json.loads(capsys.readouterr().out)["cluster"]["worker"] == ["a:99", "b:99"]


@pytest.fixture
def programs(tmp_path):
    """The cluster's programs as scripts: `course` prints what it was told."""
    folder = tmp_path / "bin"
    folder.mkdir()
    scripts = {
        "course": 'echo "$TF_CONFIG $*"',
        "python": f'exec {sys.executable} "$@"',
        "scontrol": '[ "$*" = "show hostnames gpu[1-2]" ] && printf "gpu1\\ngpu2\\n"',
        "srun": 'shift; for n in 0 1; do SLURM_PROCID=$n "$@"; done',
    }
    for name, text in scripts.items():
        (folder / name).write_text(f"#!/bin/bash\n{text}\n")
        (folder / name).chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def told(text: str) -> list[tuple[dict, str]]:
    """TF_CONFIG and arguments of every call of `course`."""
    decoder, found = json.JSONDecoder(), []
    for line in text.splitlines():
        config, end = decoder.raw_decode(line)
        found.append((config, line[end:].strip()))
    return found


def test_slurm_starts_every_process_with_its_place(root, programs, tmp_path):
    script = root / "docs" / "cluster" / "train.sbatch"
    assert subprocess.run(["bash", "-n", script]).returncode == 0
    words = ["bash", str(script), "resnet50", "--dataset", "imagenet2012", "--set", "a=b c"]
    environment = os.environ | programs | {"SLURM_JOB_NODELIST": "gpu[1-2]"}

    done = subprocess.run(words, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first, second = told(done.stdout)
    assert first[0]["cluster"] == {"worker": ["gpu1:2222", "gpu2:2222"]} == second[0]["cluster"]
    assert [config["task"]["index"] for config, _ in (first, second)] == [0, 1]
    common = "train resnet50 --dataset imagenet2012 --set a=b c --distribute multiworker"
    # Begins the run or goes on with it, since a job that is requeued has the same command.
    assert {words for _, words in (first, second)} == {f"{common} --resume runs/resnet50"}


def test_kubernetes_starts_every_pod_with_its_place(root, programs, tmp_path):
    yaml = pytest.importorskip("yaml")
    path = root / "docs" / "cluster" / "train.yaml"
    service, job = yaml.safe_load_all(path.read_text())
    spec = job["spec"]["template"]["spec"]
    (pod,) = spec["containers"]
    own = {row["name"]: row["value"] for row in pod["env"]} | {"OUT": str(tmp_path)}
    # The names that pods of an indexed Job get in the service's domain.
    assert own["HOSTS"].split() == [
        f"{job['metadata']['name']}-{n}.{service['metadata']['name']}"
        for n in range(job["spec"]["completions"])
    ]
    assert spec["subdomain"] == service["metadata"]["name"]
    assert service["spec"]["selector"] == {"job-name": job["metadata"]["name"]}
    done = subprocess.run(
        [*pod["command"], *pod["args"]],
        env=os.environ | programs | own | {"JOB_COMPLETION_INDEX": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    ((config, words),) = told(done.stdout)
    assert config["task"] == {"type": "worker", "index": 1}
    assert words.endswith(f"--distribute multiworker --resume {tmp_path}")
