"""When LLVM optimises and translates what numba compiles: once, where Python calls it.

numba optimises every function with all that it calls and translates it to machine code, also one that only other
kernels call, of which nothing is used but its intermediate code: what is called ten levels deep is optimised ten times.
Here such code is only linked; a function that Python calls, or that is cached, is optimised and translated with all of
it. The body of a parallel loop has no entrance from Python either, for which numba would compile all of it once more.
Results are the same to the bit. The options count for the whole process, like those of `vectors`.
"""

from numba.core import compiler
from numba.core.codegen import JITCodeLibrary, JITCPUCodegen
from numba.core.environment import lookup_environment

ENVIRONMENT = "_ZN08NumbaEnv"  # how numba names the global that holds a function's environment


class LinkedLibrary(JITCodeLibrary):
    """The code of a function and of all that it calls, without machine code until somebody asks for an address."""

    _translated = False

    def _optimize_final_module(self):
        pass  # until it is translated

    def _finalize_final_module(self):
        if getattr(self, "_compiled_object", None):  # comes from the cache with its machine code
            self._translated = True
            super()._finalize_final_module()
        else:
            self._finalize_dynamic_globals()
            self._verify_declare_only_symbols()
            self._finalized = True

    def _translate(self):
        self._ensure_finalized()
        if self._translated:
            return
        self._translated = True
        super()._optimize_final_module()
        self._final_module.verify()
        super()._finalize_final_module()
        for name in [one.name for one in self._final_module.global_variables if one.name.startswith(ENVIRONMENT)]:
            environment = lookup_environment(name)
            if environment is not None:
                self.codegen.set_env(name, environment)

    def get_pointer_to_function(self, name):
        """Address of a function; 0 where the library defines none of the name, as of one without a Python wrapper."""
        if not self._translated:
            if not any(one.name == name and not one.is_declaration for one in self._final_module.functions):
                return 0
            self._translate()
        return super().get_pointer_to_function(name)

    def _get_compiled_object(self):
        self._translate()
        return super()._get_compiled_object()


_set_environment = JITCPUCodegen.set_env


def _set_environment_of_translated(codegen, name, environment):
    if codegen._engine.is_symbol_defined(name):
        _set_environment(codegen, name, environment)


JITCPUCodegen._library_class = LinkedLibrary
JITCPUCodegen.set_env = _set_environment_of_translated


_compile_ir = compiler.compile_ir


def _compile_part(typingctx, targetctx, func_ir, args, return_type, flags, *rest, is_lifted_loop=False, **options):
    before = flags.no_cpython_wrapper
    flags.no_cpython_wrapper = before or not is_lifted_loop
    compiled = _compile_ir(
        typingctx, targetctx, func_ir, args, return_type, flags, *rest, is_lifted_loop=is_lifted_loop, **options
    )
    flags.no_cpython_wrapper = before
    return compiled


compiler.compile_ir = _compile_part
