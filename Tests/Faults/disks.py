"""Small disks for nodes, and damage to the files on them."""

import contextlib
import errno
import os
import pathlib
import subprocess
import tempfile


def why_not():
    """What is missing for small disks, or nothing."""
    if os.geteuid() != 0:
        return "mounting a small disk needs root"
    with tempfile.TemporaryDirectory() as folder:
        try:
            with SmallDisk(folder, 1):
                return None
        except subprocess.CalledProcessError as error:
            return f"not permitted: {error.stderr.decode().strip()}"


class SmallDisk:
    """A file system in memory with so many megabytes, mounted on a folder."""

    def __init__(self, folder, megabytes):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=700", "lodge-faults", self.folder],
                       check=True, capture_output=True, timeout=20)

    @property
    def _filler(self):
        return self.folder / ".filler"

    def fill(self):
        """Takes all space that is left."""
        block = bytes(1 << 20)
        with open(self._filler, "ab", buffering=0) as file:
            while block:
                try:
                    file.write(block)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    block = block[: len(block) // 2]

    def free(self):
        with contextlib.suppress(FileNotFoundError):
            self._filler.unlink()

    def close(self):
        subprocess.run(["umount", "--lazy", self.folder], capture_output=True, timeout=20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def flip_bit(path, offset, bit=0):
    """Damages one bit of a file."""
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)
        assert byte, f"{path} ends before {offset}"
        file.seek(offset)
        file.write(bytes([byte[0] ^ 1 << bit]))


def end_of_content(path):
    """The offset after the last byte that is not zero: a preallocated file is longer than what was written to it."""
    content = pathlib.Path(path).read_bytes()
    return len(content.rstrip(b"\0"))


def next_content(path, share):
    """An offset at about this share of what was written whose byte is not zero, so no padding that nobody reads."""
    content = pathlib.Path(path).read_bytes().rstrip(b"\0")
    offset = int(len(content) * share)
    while content[offset] == 0:
        offset += 1
    return offset


def places_of(content, folder, pattern):
    """Each (file, offset) at which some bytes lie, in the files of a folder that match a pattern."""
    found = []
    for path in sorted(pathlib.Path(folder).rglob(pattern)):
        data, start = path.read_bytes(), 0
        while (start := data.find(content, start)) >= 0:
            found.append((path, start))
            start += 1
    return found
