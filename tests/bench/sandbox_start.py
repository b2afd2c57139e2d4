"""From start to end of `true`, clean-up included: our engines and what people use instead."""

import json
import os
import shutil

from timing import Measure, run

IMAGE = "sluice/node:22"
BWRAP = """bwrap --unshare-all --die-with-parent --new-session --uid 1000 --gid 1000 --cap-drop ALL --clearenv
 --setenv PATH /usr/bin:/bin --ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64
 --proc /proc --dev /dev --tmpfs /tmp --ro-bind {folder} /lower --tmpfs /workspace --chdir /workspace true"""
UNSHARE_INSIDE = """mount -t tmpfs tmpfs /tmp && mkdir /tmp/u /tmp/w /tmp/m &&
 mount -t overlay overlay -o lowerdir={folder},upperdir=/tmp/u,workdir=/tmp/w,userxattr /tmp/m && cd /tmp/m && exec true"""
DOCKER = """docker run --rm --network none --read-only --user 1000:1000 --cap-drop ALL --init
 --security-opt no-new-privileges --ipc private --cgroupns private --memory 2147483648 --memory-swap 2147483648
 --cpus 2 --pids-limit 256 --ulimit nofile=4096 --ulimit fsize=1073741824 --ulimit core=0
 --tmpfs /tmp:rw,exec,nosuid,nodev,mode=1777,size=1073741824,nr_inodes=100000 --shm-size 64m --log-driver none
 --no-healthcheck --hostname sluice --workdir /workspace --entrypoint true"""


def measure(context):
    """Native beside bubblewrap and unshare; ours on Docker beside `docker run`."""
    driver = os.path.join(context.release, "examples", "bench_start")
    folder = context.folder("start")
    with open(os.path.join(folder, "file"), "w", encoding="utf-8") as file:
        file.write("x\n")
    os.chmod(folder, 0o755)
    native = {"sluice, native": {"native": [context.sluice, "sandbox-init"]}}
    if shutil.which("bwrap"):
        native["bubblewrap"] = {"command": BWRAP.format(folder=folder).split()}
    if shutil.which("unshare"):
        native["unshare and overlay"] = {"command": [
            "unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--net", "--ipc", "--uts",
            "--mount-proc", "sh", "-c", UNSHARE_INSIDE.format(folder=folder)]}
    native["true, no sandbox"] = {"command": ["true"]}
    yield turns(driver, folder, "start-native", "Sandbox start, native", "sluice, native", native, context.rounds * 8)
    if context.docker:
        yield turns(driver, folder, "start-docker", "Sandbox start, Docker", "sluice, docker", {
            "sluice, docker": {"docker": IMAGE},
            "docker run, same flags": {"command": docker_run(context, folder)},
        }, context.rounds)


def docker_run(context, lower):
    # The upper folder lies in memory, as ours does.
    writes = context.folder("start-writes", below="/dev/shm")
    parts = [os.path.join(writes, name) for name in ("upper", "work")]
    for part in parts:
        os.makedirs(part, exist_ok=True)
    os.chown(parts[0], 1000, 1000)
    # A comma inside of an option is written as a quoted field.
    overlay = f"nosuid,nodev,lowerdir={lower},upperdir={parts[0]},workdir={parts[1]}"
    mount = ("type=volume,target=/workspace,volume-driver=local,volume-nocopy=true,volume-opt=type=overlay,"
             f'volume-opt=device=overlay,"volume-opt=o={overlay}"')
    return [*DOCKER.split(), "--mount", mount, IMAGE]


def turns(driver, folder, name, title, base, contenders, rounds):
    measure = Measure(name, title, base)
    spec = {"rounds": rounds, "folder": folder, "argv": ["/usr/bin/true"], "contenders": contenders}
    measure.add(json.loads(run([driver], input=json.dumps(spec)).stdout))
    return measure.finish()
