"""What the machine has, and letting Paddle's CPU build use all of it; nothing here changes what is computed."""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import re
import sys
from pathlib import Path

try:
    import resource
except ImportError:  # Windows, which has no such limits
    resource = None

_CPU_INFO, _MEMORY_INFO = Path("/proc/cpuinfo"), Path("/proc/meminfo")
_GROUPS = Path("/sys/fs/cgroup")
_GROUP_LIMITS = [
    (_GROUPS / "memory.max", _GROUPS / "memory.current"),
    (_GROUPS / "memory/memory.limit_in_bytes", _GROUPS / "memory/memory.usage_in_bytes"),
]
_TRIM_THRESHOLD, _MMAP_MAX, _MADV_HUGEPAGE = -1, -4, 14  # of malloc.h and mman.h
_LARGE_PAGE, _MOST_RESERVED = 2 << 20, 16 << 30


def enable_avx2_on_amd() -> None:
    """Have the MKL inside Paddle's CPU build use AVX2 on AMD processors; works until its first product.

    That MKL (of 2019) takes its slowest code path on processors that are not Intel's, unless this variable names
    another; 5 means AVX2. A value that is set already stays.
    """
    if is_amd_with_avx2():
        os.environ.setdefault("MKL_DEBUG_CPU_TYPE", "5")


def is_amd_with_avx2() -> bool:
    """Whether this is Linux on a processor that `enable_avx2_on_amd` is for."""
    if sys.platform != "linux" or not _CPU_INFO.is_file():
        return False
    text = _CPU_INFO.read_text(encoding="utf-8", errors="replace")
    return "AuthenticAMD" in text and "avx2" in text


def let_waiting_threads_sleep() -> None:
    """Have OpenMP's threads sleep while they wait for each other; works until Paddle is imported.

    By themselves they wait awake, for 0.2 s, and keep the cores from those that they wait for where these are shared
    with anything else. A value that is set already stays.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@functools.cache
def keep_freed_memory() -> None:
    """Have the C library keep the memory that is freed, on large pages, for what is asked for next.

    Paddle's CPU build asks it for every tensor and frees it soon after. By itself glibc then gives large blocks back to
    the system, which lays out and clears new pages of 4 kB for the next operation: a quarter of the time of a
    network's answer. Where it is another library than glibc, or memory cannot be reserved, all stays as it is.
    """
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    reserved = min((free_memory() or 0) // 2, _MOST_RESERVED)
    if not hasattr(library, "mallopt") or not reserved:
        return
    library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    library.free.argtypes = [ctypes.c_void_p]
    library.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    library.mallopt(_MMAP_MAX, 0)
    library.mallopt(_TRIM_THRESHOLD, -1)  # never
    block = library.malloc(reserved)  # takes addresses; memory only where it is written
    if block:
        first = -(-block // _LARGE_PAGE) * _LARGE_PAGE
        library.madvise(first, (block + reserved - first) // _LARGE_PAGE * _LARGE_PAGE, _MADV_HUGEPAGE)
        library.free(block)


def processor_name() -> str:
    """The processor's name with family and model, which tell more than the names in virtual machines."""
    if not _CPU_INFO.is_file():
        return platform.processor() or "unknown"
    lines = [line.split(":", 1) for line in _CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines()]
    fields = {line[0].strip(): line[1].strip() for line in lines if len(line) == 2}
    name, family, model = (fields.get(key, "unknown") for key in ("model name", "cpu family", "model"))
    return f"{name}, family {family}, model {model}"


def free_memory() -> int | None:
    """Bytes that this process may still take, of the machine's memory, its control group's and its own addresses.

    None if that is not known.
    """
    limits = []
    if _MEMORY_INFO.is_file():
        found = re.search(r"MemAvailable:\s+(\d+) kB", _MEMORY_INFO.read_text(encoding="utf-8"))
        limits += [int(found[1]) * 1024] if found else []
    for most, used in _GROUP_LIMITS:
        try:
            limits.append(int(most.read_text()) - int(used.read_text()))
        except (OSError, ValueError):  # no such group, or no limit ("max")
            continue
    taken = _told("VmSize")
    if resource is not None and taken is not None:
        most, _ = resource.getrlimit(resource.RLIMIT_AS)  # that of ulimit -v
        limits += [most - taken] if most != resource.RLIM_INFINITY else []
    return min(limits, default=None)


def peak_memory(process: int | str = "self") -> int | None:
    """The most bytes of memory that a process has taken so far, this one or one of another number; None if the system
    does not tell, or the process has ended."""
    return _told("VmHWM", process)


def _told(field: str, process: int | str = "self") -> int | None:
    """A number of bytes that Linux tells of a process."""
    try:
        found = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text(encoding="utf-8"))
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None


def usable_cores() -> int:
    """How many cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
