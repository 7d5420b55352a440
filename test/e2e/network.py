# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Machines as network namespaces of this one: each has its own name, addresses and interfaces,
and reaches the others only by a relay that delays every packet and can lose all of one machine's.

    with Network(4, delay=0.002) as network:
        network.cut(2)
"""
import contextlib
import ctypes
import fcntl
import heapq
import os
import pathlib
import select
import signal
import struct
import subprocess
import sys
import time

import pytest

CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
# What a machine has of its own. The names of its interfaces are in /sys.
OWN, ENTER = ["unshare", "--net", "--uts", "--mount"], ["--net", "--uts", "--mount"]
MOUNTS = "mount -t sysfs none /sys && mount -t tmpfs none /dev/shm"
MTU = 9000  # few packets for one process to relay


def address(machine):
    return f"10.77.0.{machine + 1}"


def needs_namespaces():
    """Skips where the kernel or the container does not let the tests make machines."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    tried = subprocess.run([*OWN, "sh", "-c", f"{MOUNTS} && ip tuntap add t0 mode tun"], capture_output=True, text=True)
    if tried.returncode != 0:
        pytest.skip(f"no network namespaces with TUN devices here: {tried.stderr.strip()}")


class Network:
    def __init__(self, machines, delay):
        self.machines, self.delay = machines, delay

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.holders = []
            for machine in range(self.machines):
                holder = subprocess.Popen([*OWN, "sh", "-c", f"hostname machine{machine} && {MOUNTS} && echo && exec sleep infinity"],
                                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
                stack.callback(end, holder)
                assert holder.stdout.readline() == b"\n"
                self.holders.append(holder)
            self.relay = subprocess.Popen([sys.executable, __file__, str(self.delay), *(str(h.pid) for h in self.holders)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            stack.callback(end, self.relay)
            for machine, holder in enumerate(self.holders):
                assert self.relay.stdout.readline() == b"opened\n"
                for words in ("link set lo up", f"link set tun0 mtu {MTU} up", f"addr add {address(machine)}/24 dev tun0"):
                    subprocess.run([*self.inside(machine), "ip", *words.split()], check=True)
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        for pid in [pid for machine in range(self.machines) for pid in self.processes(machine)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.stack.close()

    def processes(self, machine):
        """What runs on a machine, but for what holds it."""
        holder, found = self.holders[machine].pid, []
        own = os.readlink(f"/proc/{holder}/ns/net")
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it has ended
                if os.readlink(process / "ns/net") == own and int(process.name) != holder:
                    found.append(int(process.name))
        return found

    def inside(self, machine):
        """What a command begins with that runs on a machine."""
        return ["nsenter", "-t", str(self.holders[machine].pid), *ENTER]

    def agent(self, folder):
        """What a launcher calls as it would call ssh: with a machine's address and a command."""
        script = pathlib.Path(folder) / "agent.sh"
        cases = "".join(f"{address(machine)}) pid={holder.pid} ;;\n" for machine, holder in enumerate(self.holders))
        script.write_text(f'#!/bin/sh\nwhile [ "${{1#-}}" != "$1" ]; do shift; done\ncase $1 in\n{cases}*) echo "no machine $1" >&2; exit 1 ;;\nesac\n'
                          f'shift\nexec nsenter -t "$pid" {" ".join(ENTER)} sh -c "$*"\n')
        script.chmod(0o755)
        return script

    def cut(self, machine):
        """From now on nothing comes from it or reaches it, and nobody is told."""
        self.relay.stdin.write(bytes([machine]))
        self.relay.stdin.flush()
        assert self.relay.stdout.readline() == b"cut\n"

    def carried(self):
        """How many packets have been carried between machines."""
        self.relay.stdin.write(b"\xff")
        self.relay.stdin.flush()
        return int(self.relay.stdout.readline())


def end(process):
    process.kill()
    process.wait()


def open_tun(pid):
    """A TUN device in the network namespace of a process."""
    libc = ctypes.CDLL(None, use_errno=True)
    own, other = (os.open(f"/proc/{name}/ns/net", os.O_RDONLY) for name in ("self", pid))
    if libc.setns(other, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", b"tun0", IFF_TUN | IFF_NO_PI))
    libc.setns(own, CLONE_NEWNET)
    os.close(own), os.close(other)
    return device


def relay(delay, pids):
    """Carries packets until its input ends."""
    devices = []
    for pid in pids:
        devices.append(open_tun(pid))
        print("opened", flush=True)
    machines, cut, waiting, number = {d: m for m, d in enumerate(devices)}, set(), [], 0
    carried = 0
    while True:
        left = max(0, waiting[0][0] - time.monotonic()) if waiting else None
        ready, _, _ = select.select([0, *devices], [], [], left)
        now = time.monotonic()
        for device in ready:
            if device == 0:
                asked = os.read(0, 1)
                if not asked:
                    return
                if asked == b"\xff":
                    print(carried, flush=True)
                else:
                    cut.add(asked[0])
                    print("cut", flush=True)
                continue
            for _ in range(64):
                try:
                    packet = os.read(device, MTU + 64)
                except BlockingIOError:
                    break
                to = packet[19] - 1  # of an IPv4 header; the last number of its target
                if packet[0] >> 4 == 4 and packet[16:19] == bytes([10, 77, 0]) and to < len(devices):
                    heapq.heappush(waiting, (now + delay, number, machines[device], to, packet))
                    number += 1
        while waiting and waiting[0][0] <= now:
            _, _, sender, to, packet = heapq.heappop(waiting)
            if sender in cut or to in cut:
                continue
            carried += 1
            with contextlib.suppress(OSError):  # a full queue loses packets, like others
                os.write(devices[to], packet)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    relay(float(sys.argv[1]), sys.argv[2:])
