import os
import platform
import re
import subprocess
import sys

import pytest

from paddle_eye import processor

VARIABLE = "MKL_DEBUG_CPU_TYPE"
AMD, INTEL = "vendor_id\t: AuthenticAMD\n", "vendor_id\t: GenuineIntel\n"


@pytest.fixture
def variable_after(monkeypatch, tmp_path):
    """A function that gives the variable's value after a start on a processor that says this of itself."""
    monkeypatch.setattr(processor, "_CPU_INFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(processor.sys, "platform", "linux")

    def start(cpu_info, former=None):
        monkeypatch.setenv(VARIABLE, former or "")
        if former is None:
            monkeypatch.delenv(VARIABLE)
        if cpu_info is not None:
            (tmp_path / "cpuinfo").write_text(cpu_info, encoding="utf-8")
        processor.enable_avx2_on_amd()
        return os.environ.get(VARIABLE)

    return start


def test_it_is_set_on_amd_with_avx2(variable_after):
    assert variable_after(AMD + "flags\t: sse2 avx avx2 fma\n") == "5"


@pytest.mark.parametrize("cpu_info", [INTEL + "flags\t: avx avx2\n", AMD + "flags\t: sse2 avx\n", None])
def test_it_is_not_set_elsewhere(variable_after, cpu_info):
    assert variable_after(cpu_info) is None


def test_a_value_that_is_set_stays(variable_after):
    assert variable_after(AMD + "flags\t: avx2\n", former="4") == "4"


@pytest.mark.parametrize(("former", "sleep"), [(None, True), ("ACTIVE", False)])
def test_waiting_threads_sleep_unless_another_value_is_set(former, sleep):
    """What Intel's OpenMP, inside Paddle, says of itself when it starts."""
    own = {key: value for key, value in os.environ.items() if not key.startswith(("OMP_", "KMP_"))}
    environment = {**own, "KMP_SETTINGS": "1", **({} if former is None else {"OMP_WAIT_POLICY": former})}
    program = "import paddle_eye, paddle; paddle.rand([8, 8]) @ paddle.rand([8, 8])"
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    effective = (done.stdout + done.stderr).partition("Effective settings")[2]
    assert (re.search(r"KMP_BLOCKTIME=(\d+)", effective)[1] == "0") == sleep  # milliseconds awake


def test_usable_cores_are_those_of_this_process(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 3, 5}, raising=False)
    assert processor.usable_cores() == 3


@pytest.mark.parametrize(("cores", "usable"), [(8, 8), (None, 1)])
def test_usable_cores_where_the_system_does_not_tell(monkeypatch, cores, usable):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert processor.usable_cores() == usable


def test_free_memory_is_the_least_of_what_machine_and_group_allow(monkeypatch, tmp_path):
    info, most, used = (tmp_path / name for name in ("meminfo", "max", "current"))
    info.write_text("MemTotal: 9 kB\nMemAvailable:       4096 kB\n")
    monkeypatch.setattr(processor, "_MEMORY_INFO", info)
    monkeypatch.setattr(processor, "_GROUP_LIMITS", [(most, used)])
    assert processor.free_memory() == 4096 * 1024
    most.write_text("max\n")
    used.write_text("100\n")
    assert processor.free_memory() == 4096 * 1024
    most.write_text("1000\n")
    assert processor.free_memory() == 900


def test_peak_memory_is_at_least_what_was_taken_and_given_back():
    program = """
from paddle_eye import processor
taken = bytearray(processor.peak_memory() + 50 * 2**20)
taken[::4096] = b"x" * len(taken[::4096])
size = len(taken)
del taken
print(processor.peak_memory() - size)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(done.stdout) >= 0


FAULTS = """
import resource
from paddle_eye import processor

def faults_of_taking_64_mib_ten_times():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        b"x" * (64 << 20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

given_back = faults_of_taking_64_mib_ten_times()
processor.keep_freed_memory()
b"x" * (64 << 20)
print(given_back, faults_of_taking_64_mib_ten_times())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's malloc")
def test_freed_memory_is_kept_for_what_is_asked_for_next():
    """Of ten times 64 MiB, each page of 4 kB or of 2 MB is new to the process every time, or never again."""
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True)
    given_back, kept = map(int, done.stdout.split())
    assert given_back >= 10 * 64 / 2
    assert kept < 64 / 2


def test_keeping_freed_memory_needs_no_memory():
    """Where addresses are too few to reserve any, everything goes on."""
    program = f"""
import resource
from paddle_eye import processor
resource.setrlimit(resource.RLIMIT_AS, 2 * ({1 << 30},))
processor.free_memory = lambda: {16 << 30}
processor.keep_freed_memory()
print(len(b"x" * {64 << 20}))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(64 << 20)


def test_addresses_that_are_few_are_not_all_reserved():
    """As on machines where ``ulimit -v`` is set."""
    program = f"""
import resource
from paddle_eye import processor
resource.setrlimit(resource.RLIMIT_AS, 2 * ({1 << 30},))
free = processor.free_memory()
processor.keep_freed_memory()
print(free, len(b"x" * {128 << 20}))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    free, taken = map(int, done.stdout.split())
    assert (128 << 20) < free < (1 << 30) and taken == 128 << 20
