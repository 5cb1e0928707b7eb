"""Becomes a program under what a systemd unit says of system calls, as nobody: confine.py UNIT UID PROGRAM ARGUMENT...

The lists are systemd's own (`systemd-analyze syscall-filter`), the numbers those of this machine's kernel headers (x86-64).
"""

import ctypes
import errno
import os
import re
import struct
import subprocess
import sys

HEADER = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"
ARCH = 0xC000003E
LOAD, EQUAL, ANY_BIT, AND, RETURN = 0x20, 0x15, 0x45, 0x54, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000
NUMBER_AT, ARCH_AT, ARGUMENTS_AT = 0, 4, 16
PROT_WRITE_EXEC, PROT_EXEC = 0x6, 0x4
CLONE_NEW = 0x7E020080
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10}
NO_NEW_PRIVS, SECCOMP, FILTER = 38, 22, 2


def settings(unit):
    lines = [line.split("=", 1) for line in open(unit).read().splitlines() if re.match(r"[A-Z]\w+=", line)]
    return [(name, value.split()) for name, value in lines]


def calls(group):
    """Of a list, with those of the lists that it names."""
    told = subprocess.run(["systemd-analyze", "syscall-filter", group], check=True, capture_output=True, text=True)
    found = set()
    for word in (line.strip() for line in told.stdout.splitlines()[1:]):
        if word.startswith("@"):
            found |= calls(word)
        elif word and not word.startswith("#"):
            found.add(word)
    return found


def allowed(said):
    found = set()
    for name, values in said:
        if name == "SystemCallFilter":
            without = values[0].startswith("~")
            for value in values:
                value = value.removeprefix("~")
                those = calls(value) if value.startswith("@") else {value}
                found = found - those if without else found | those
    # systemd lets these through whatever the list says.
    return found | calls("@default") | {"execve"}


def program(said):
    header = open(HEADER).read()
    number = {name: int(value) for name, value in re.findall(r"#define __NR_(\w+) (\d+)", header)}
    words = {name: values for name, values in said}
    whole = []

    def add(code, value, then=0, otherwise=0):
        whole.append(struct.pack("HBBI", code, then, otherwise, value))

    def only(name, steps):
        """Steps for one call; the number is loaded again behind them."""
        add(EQUAL, number[name], 0, len(steps) + 1)
        for step in steps:
            add(*step)
        add(RETURN, ALLOW)

    def refused(error):
        return (RETURN, REFUSE | error)

    add(LOAD, ARCH_AT)
    add(EQUAL, ARCH, 1, 0)
    add(*refused(errno.EPERM))
    add(LOAD, NUMBER_AT)
    if words["MemoryDenyWriteExecute"] == ["yes"]:
        third = (LOAD, ARGUMENTS_AT + 8 * 2)
        for name in ("mprotect", "pkey_mprotect"):
            only(name, [third, (ANY_BIT, PROT_EXEC, 0, 1), refused(errno.EPERM)])
        only("mmap", [third, (AND, PROT_WRITE_EXEC), (EQUAL, PROT_WRITE_EXEC, 0, 1), refused(errno.EPERM)])
    if words["RestrictNamespaces"] == ["yes"]:
        only("clone", [(LOAD, ARGUMENTS_AT), (ANY_BIT, CLONE_NEW, 0, 1), refused(errno.EPERM)])
        # Its flags lie in memory, so it is said not to exist, and the C library takes the older one.
        only("clone3", [refused(errno.ENOSYS)])
        only("unshare", [refused(errno.EPERM)])
        only("setns", [refused(errno.EPERM)])
    families = [FAMILIES[name] for name in words["RestrictAddressFamilies"]]
    steps = [(EQUAL, family, len(families) - at, 0) for at, family in enumerate(families)]
    only("socket", [(LOAD, ARGUMENTS_AT), *steps, refused(errno.EAFNOSUPPORT)])
    for name in sorted(allowed(said) & number.keys()):
        add(EQUAL, number[name], 0, 1)
        add(RETURN, ALLOW)
    add(*refused(errno.EPERM))
    return whole


def main():
    unit, uid, *command = sys.argv[1:]
    whole = program(settings(unit))
    code = ctypes.create_string_buffer(b"".join(whole))
    described = ctypes.create_string_buffer(struct.pack("HP", len(whole), ctypes.addressof(code)))
    kernel = ctypes.CDLL(None, use_errno=True)
    os.setgroups([])
    os.setgid(int(uid))
    os.setuid(int(uid))
    for words in ((NO_NEW_PRIVS, 1, 0, 0, 0), (SECCOMP, FILTER, ctypes.addressof(described), 0, 0)):
        if kernel.prctl(words[0], *(ctypes.c_ulong(word) for word in words[1:])) != 0:
            sys.exit(f"prctl {words[0]}: {os.strerror(ctypes.get_errno())}")
    os.execv(command[0], command)


main()
