"""From a program to the state that its run starts from."""

from __future__ import annotations

from forkfuzz.locking.sleep import load_mm
from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.folio import GUP_PIN_COUNTING_BIAS, Folio, Pin
from forkfuzz.mm.mm_types import (
    VM_DONTCOPY,
    VM_FILE,
    VM_MAYWRITE,
    VM_READ,
    VM_SHARED,
    VM_WIPEONFORK,
    VM_WRITE,
    MmStruct,
    VmAreaStruct,
)
from forkfuzz.mm.pgtable import (
    PAGE_ACCESSED,
    PAGE_PRESENT,
    Pte,
    mk_pte,
    mk_swap_pte,
    pte_mkdirty,
    pte_mkwrite,
    pte_modify,
    pte_pfn,
)
from forkfuzz.mm.watch import Watch
from forkfuzz.mm.world import World
from forkfuzz.rules import Rules
from forkfuzz.scenarios.program import PageSpec, Program


def build_world(program: Program, rules: Rules) -> World:
    """Make the frames, the parent's address space and the CPUs.

    CPUs are numbered in the order of the threads that run on them.
    """
    world = World(
        tuple(page.name for page in program.pages),
        tuple(page.words for page in program.pages),
        rules,
        Watch(),
        hw_dirty_lax=program.hw_dirty_lax,
        lazy_tlb=program.lazy_tlb,
        tlb_evictions=program.tlb_evictions,
    )
    world.fail_sites.extend(program.fail_sites)
    mm = MmStruct("parent", world)
    world.mms.append(mm)
    _map_vmas(mm, program.pages)
    for vpn, page in enumerate(program.pages):
        _populate(mm, vpn, page)
    world.first_frames = tuple(map(pte_pfn, mm.page_table.entries))
    for thread in program.threads:
        if thread.kind != "device":
            events = 0 if program.lazy_tlb else program.hardware_events
            cpu = Cpu(len(world.cpus), world, events)
            world.cpus.append(cpu)
            if program.lazy_tlb:
                world.fill_pcp(cpu, len(program.pages) + 1)
            if thread.kind == "parent":
                load_mm(cpu, mm)
                if not program.tlb_evictions:
                    _fill(cpu, mm)
    return world


def _fill(cpu: Cpu, mm: MmStruct) -> None:
    """Cache every translation there is."""
    for vpn, pte in enumerate(mm.page_table.entries):
        if pte & PAGE_PRESENT:
            cpu.tlb[vpn] = pte


def _map_vmas(mm: MmStruct, pages: tuple[PageSpec, ...]) -> None:
    """Make one VMA of each run of neighbours with the same number."""
    for vpn, page in enumerate(pages):
        if vpn and page.vma == pages[vpn - 1].vma:
            mm.vmas[-1].vm_end = vpn + 1
        else:
            mm.vmas.append(VmAreaStruct(mm, vpn, vpn + 1, 0))
        vma = mm.vmas[-1]
        vma.vm_flags |= _vm_flags(page)
        vma.anon_vma |= not (page.untouched or page.shared or page.file)


def _vm_flags(page: PageSpec) -> int:
    flags = VM_MAYWRITE
    flags |= VM_READ if "r" in page.prot else 0
    flags |= VM_WRITE if "w" in page.prot else 0
    flags |= VM_SHARED if page.shared else 0
    flags |= VM_DONTCOPY if page.dontfork else 0
    flags |= VM_FILE if page.file else 0
    return flags | (VM_WIPEONFORK if page.wipeonfork else 0)


def _populate(mm: MmStruct, vpn: int, page: PageSpec) -> None:
    mm.has_pinned |= page.has_pinned or bool(page.pin)
    if page.untouched and not page.file:
        return
    folio = _folio(mm, vpn, page)
    if page.untouched:
        return
    if page.swapped:
        folio.swap_cache = True
        folio.swap_count = 1
        mm.set_pte(vpn, mk_swap_pte(folio.pfn, exclusive=True))
        return
    mm.world.add_mapping(folio, 1)
    if folio.anon:
        mm.world.set_exclusive(folio, exclusive=True)
    mm.set_pte(vpn, _present_pte(folio, page))
    _reference(mm, vpn, page, folio)


def _folio(mm: MmStruct, vpn: int, page: PageSpec) -> Folio:
    """Return the page's frame, with a reference for the mapping or the swap cache.

    One with a page cache behind it has a reference for that too.
    """
    world = mm.world
    if page.maps:
        folio = world.frames[pte_pfn(mm.get_pte(world.pages.index(page.maps)))]
        folio.refcount += 1
        return folio
    folio = world.alloc_folio(anon=not (page.shared or page.file))
    if not folio.anon:
        folio.refcount += not page.untouched
        vma = mm.find_vma(vpn)
        assert vma is not None  # every page is in a VMA
        vma.shmem[vpn] = folio.pfn
    _write_init(world, folio, vpn, page)
    return folio


def _present_pte(folio: Folio, page: PageSpec) -> Pte:
    pte = mk_pte(folio.pfn, PAGE_ACCESSED)
    if "w" in page.prot and not page.read_only and not page.file:
        pte = pte_mkwrite(pte)
    if not page.clean and not page.file:
        pte = pte_mkdirty(pte)
    return pte_modify(pte, accessible=False) if page.prot == "none" else pte


def _write_init(world: World, folio: Folio, vpn: int, page: PageSpec) -> None:
    """Write the first values, as stores with negative identities."""
    for index, value in enumerate(page.init[: page.words]):
        if value:
            store = -(vpn * len(folio.words) + index + 1)
            world.stores[store] = ("init", value)
            folio.words[index] = store


def _reference(mm: MmStruct, vpn: int, page: PageSpec, folio: Folio) -> None:
    folio.refcount += page.refs
    if page.pin:
        folio.refcount += GUP_PIN_COUNTING_BIAS
        pin = Pin(mm.name, vpn, folio.pfn, True, page.pin == "rw")  # noqa: FBT003
        mm.world.pins.append(pin)
