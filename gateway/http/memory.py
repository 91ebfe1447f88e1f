"""What large bodies took goes back to the machine: the C library keeps what was freed, for it may be needed again."""

import ctypes
import gc


def give_back() -> None:
    """Takes some milliseconds, most of them without the interpreter's lock. Only glibc keeps what it has to be asked for."""
    gc.collect(1)
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
