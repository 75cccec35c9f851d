"""child.inherited: what madvise has kept from the child."""

from __future__ import annotations

from forkfuzz.mm.mm_types import VM_DONTCOPY, VM_WIPEONFORK, MmStruct
from forkfuzz.mm.pgtable import NONE

from .checker import Checker
from .violation import Severity


class InheritanceChecker(Checker):
    """Looks at the child at the cut, before anything of it runs."""

    def fork_cut(self, oldmm: MmStruct, mm: MmStruct) -> None:
        """Check that nothing was copied that was not to be."""
        for vma in oldmm.vmas:
            for vpn in range(vma.vm_start, vma.vm_end):
                page = self.world.pages[vpn]
                mapped = mm.page_table.entries[vpn] != NONE
                if vma.vm_flags & VM_DONTCOPY and mm.find_vma(vpn) is not None:
                    self._report(f"{mm.name} has {page}, which is MADV_DONTFORK")
                elif vma.vm_flags & VM_WIPEONFORK and mapped:
                    self._report(f"{mm.name} maps {page}, which is MADV_WIPEONFORK")

    def _report(self, message: str) -> None:
        self.report("child.inherited", Severity.PROGRAM, message)
