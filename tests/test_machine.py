import platform
import subprocess
import sys

import pytest

CODE = """
import ctypes
from keras_srgan import machine

libc = ctypes.CDLL("libc.so.6")
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]

def left():
    "Megabytes that stay in use after 200 MB were taken, written to and freed."
    def used():
        return int(open("/proc/self/statm").read().split()[1]) * 4096 / 2**20
    before, place = used(), libc.malloc(200 * 2**20)
    ctypes.memset(place, 1, 200 * 2**20)
    libc.free(place)
    return used() - before

machine.use_one_arena()
print(left())
machine.keep_freed_memory()
print(left())
machine.release_memory()
print(left())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc only")
def test_freed_memory_is_kept_between_keep_and_release_alone():
    printed = subprocess.run([sys.executable, "-c", CODE], check=True, capture_output=True, text=True).stdout
    before, kept, after = map(float, printed.split())
    assert abs(before) < 20 and kept > 180 and abs(after) < 20
