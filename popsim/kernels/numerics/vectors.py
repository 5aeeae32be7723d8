"""How LLVM makes vectors of kernels: of the widest registers, filled with the narrowest numbers of a loop.

By default it takes as many twins at once as the widest numbers allow, which are the 64-bit words of the random numbers,
and fewer in a loop with more values than registers, although the others can wait in the first-level cache. Neither
changes results. The options count for the whole process and are set before anything is compiled.
"""

from llvmlite import binding

for option in ("vectorizer-maximize-bandwidth", "force-target-num-vector-regs=512"):
    binding.set_option("popsim", f"--{option}")
