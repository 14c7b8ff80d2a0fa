"""Builds preload.c and speaks with it; preload.c says what it does."""

import mmap
import os
import pathlib
import struct
import subprocess
import tempfile

SOURCE = pathlib.Path(__file__).with_name("preload.c")
MAGIC = 0x4C4F444745464C54
ORDERS = ("sync_delay_ms", "failing_syncs", "clock_offset_ns", "lose_power", "tear_seed")
COUNTS = ("writes", "syncs", "failed_syncs", "unsynced_bytes", "undone_bytes", "processes")
FIELDS = ("magic", *ORDERS, *COUNTS)
POWER_LOST = 137

_built = None


def build():
    """Compiles the library once for this process; gives its path."""
    global _built
    if _built is None:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="lodge-preload-"))
        library = folder / "preload.so"
        subprocess.run(
            [os.environ.get("CC", "cc"), "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o", library, SOURCE,
             "-ldl", "-lpthread"], check=True, timeout=60)
        _built = library
    return _built


class Control:
    """Orders for the watched processes that share one control file, and their counts; attributes as in `FIELDS`.

    root: the folder whose files are watched; beside it lies one for files that an undone removal needs.
    fail: a part of the path of the files whose syncs may be ordered to fail; all of them without it.
    """

    def __init__(self, file, root, fail=""):
        file, root = pathlib.Path(file), pathlib.Path(root)
        file.write_bytes(struct.pack("<Q", MAGIC) + bytes(8 * (len(FIELDS) - 1)))
        kept = root.with_name(root.name + ".removed")
        kept.mkdir(exist_ok=True, parents=True)
        with open(file, "r+b") as opened:
            self._memory = mmap.mmap(opened.fileno(), 8 * len(FIELDS))
        self.environment = {
            "LD_PRELOAD": str(build()), "LODGE_FAULTS_CONTROL": str(file), "LODGE_FAULTS_ROOT": str(root),
            "LODGE_FAULTS_KEPT": str(kept), "LODGE_FAULTS_FAIL": fail}

    def __getattr__(self, name):
        if name not in FIELDS:
            raise AttributeError(name)
        return struct.unpack_from("<q", self._memory, 8 * FIELDS.index(name))[0]

    def __setattr__(self, name, value):
        if name in ORDERS:
            struct.pack_into("<q", self._memory, 8 * FIELDS.index(name), value)
        elif name in FIELDS:
            raise AttributeError(f"{name} is the library's to write")
        else:
            super().__setattr__(name, value)

    def lose_power(self, torn=None):
        """Ends the watched processes with all that is unsynced lost, or, with a seed, with a torn part of it surviving."""
        self.tear_seed = torn or 0
        self.lose_power_mode(2 if torn is not None else 1)

    def lose_power_mode(self, mode):
        struct.pack_into("<q", self._memory, 8 * FIELDS.index("lose_power"), mode)

    def restore_power(self):
        """To be called before a process is started again, or it ends at once."""
        self.lose_power_mode(0)
