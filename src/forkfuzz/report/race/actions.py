"""From the steps of a run to what a kernel developer would say of them.

An action is a line, or a part of one, in the column of one task. Parts of the same
call are printed on one line if nothing of another task comes between them.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from forkfuzz.report.recording.events import HARDWARE, Event, Recording, Step
from forkfuzz.report.words import vma_name

from .action import Action, Call
from .phrases import (
    COPIERS,
    FLAGS_WORDS,
    FORK_FLUSH,
    LOCK_VERBS,
    PTE_WORDS,
    rights,
)


def actions(recording: Recording) -> list[Action]:
    """Return every action of a run, in order of steps.

    A fault is recognised only when its handler starts, later than it happened.
    """
    told = sorted(_Narrator(recording).narrate(), key=lambda action: action.step)
    for action in told:
        action.call.last = action.step
    return told


@attrs.define(eq=False, slots=True)
class _Context:
    """Where a task is.

    Attributes:
        calls: Calls under way, by function and page.
        forking: Whether it holds mmap_lock for fork.
        walking: The page whose entry fork looks at.
        faulting: The page it faulted on; empty outside of faults.
        flushed: Whether it has begun a flush since it announced one.
        last: The step that it took before.
        unlock: The unlock by fork that is under way.
    """

    calls: dict[str, Call] = attrs.Factory(dict)
    forking: bool = False
    walking: str = ""
    faulting: str = ""
    flushed: bool = False
    last: Step | None = None
    unlock: Call | None = None


class _Narrator:
    """Tells a run."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._contexts: dict[str, _Context] = {}
        self._threads = {
            cpu: task for task, cpu in recording.cpus.items() if ":" not in task
        }
        self._flushes = _flushes(recording)

    def narrate(self) -> Iterator[Action]:
        """Return every action."""
        for step in self._recording.steps:
            if step.kind in HARDWARE:
                yield from self._hardware(step)
                continue
            context = self._contexts.setdefault(step.task, _Context())
            yield from self._begin(step, context)
            for event in step.events:
                yield from self._event(step, event, context)
            context.last = step

    def _hardware(self, step: Step) -> Iterator[Action]:
        """What a CPU does by itself stands in the column of its thread."""
        task = self._threads.get(step.cpu, "")
        for event in step.events:
            page = event.text("page")
            if event.name == "flush_acknowledged":
                yield Action(step.number, task, "ack", f"({step.cpu} acks)")
            elif step.kind != "hardware":
                continue
            elif event.name == "tlb_dropped":
                text = f"(TLB entry for {page} evicted)"
                yield Action(step.number, task, "evict", text, page)
            elif event.name == "tlb_filled":
                yield self._fill(step, task, event)

    def _fill(self, step: Step, task: str, event: Event) -> Action:
        page = event.text("page")
        write = " W" in event.text("entry")
        verb = "still has" if event.data["stale"] else "caches"
        text = f"(TLB {verb} {page}{', writable' if write else ''})"
        kind = "fill" if write else "fill_read"
        return Action(step.number, task, kind, text, page)

    def _begin(self, step: Step, context: _Context) -> Iterator[Action]:
        """Tell what shows in a label alone."""
        number, task = step.number, step.task
        if step.label in FLAGS_WORDS:
            name = vma_name(self._recording, step.obj)
            text = FLAGS_WORDS[step.label].format(vma=name)
            yield Action(number, task, "flags", text, name)
        match step.label:
            case "down_read:acquire":
                yield from self._fault(step, context)
            case "vma_start_read:early_test":
                yield from self._fault(step, context)
                context.calls["vma_step"] = Call("vma_start_read()")
                yield self._part(step, context, "vma_step", "not write-locked")
            case "dup_mmap:vm_area_dup":
                name = vma_name(self._recording, step.obj)
                yield Action(number, task, "walk", f"copy_page_range({name})", name)
            case "up_write:release" if context.unlock is not None:
                text = "up_write(&oldmm->mmap_lock)"
                yield Action(number, task, "up_write", text, call=context.unlock)
                context.unlock = None
            case "gup_fast_pte_range:ptep_get_lockless":
                page = step.obj.rpartition(":")[2].rpartition(".")[2]
                context.calls["pin"] = Call(f"gup_fast({page})")
                yield self._part(step, context, "pin", "reads the PTE", page)
            case "gup_fast_pte_range:try_grab_folio_fast":
                yield self._part(step, context, "pin", "takes the reference")
            case "gup_fast_fallback:set_MMF_HAS_PINNED":
                yield Action(number, task, "has_pinned", "set MMF_HAS_PINNED")
            case "folio_try_dup_anon_rmap_pte:folio_needs_cow_for_dma":
                page = context.walking
                answer = self._next(step) == "copy_present_ptes:folio_put"
                text = f"folio_needs_cow_for_dma({page}): {'yes' if answer else 'no'}"
                yield Action(number, task, "dma_test", text, page, depth=1)
            case "copy_pte_range:ptep_get":
                context.walking = step.obj.partition(":")[2].rpartition(".")[2]
            case "vma_start_read:refcount_inc":
                yield self._part(step, context, "vma_step", "vm_refcnt++")
            case "zap_pte_range:ptep_get":
                if self._next(step) not in (
                    "",
                    "zap_pte_range:ptep_get_and_clear_full",
                ):
                    page = step.obj.partition(":")[2].rpartition(".")[2]
                    text = f"zap_pte_range({page}): nothing there"
                    yield Action(number, task, "zap_none", text, page)
            case "tlb_gather_mmu:inc_tlb_flush_pending":
                context.flushed = False
            case "flush_tlb_mm_range:inc_mm_tlb_gen":
                context.flushed = True
            case "tlb_finish_mmu:dec_tlb_flush_pending" if not context.flushed:
                text = "tlb_finish_mmu(): nothing to flush"
                yield Action(number, task, "zap_end", text)

    def _next(self, step: Step) -> str:
        """Return the label of the task's next step; empty if there is none."""
        later = self._recording.steps[step.number :]
        return next((s.label for s in later if s.task == step.task), "")

    def _fault(self, step: Step, context: _Context) -> Iterator[Action]:
        last = context.last
        if last is None or last.function not in ("store", "load"):
            return
        page = last.obj.partition(":")[2].rpartition(".")[2]
        context.faulting = page
        text = f"{last.function} to {page} faults"
        if last.function == "load":
            text = f"load of {page} faults"
        yield Action(last.number, step.task, "fault", text, page)

    def _part(
        self, step: Step, context: _Context, key: str, text: str, page: str = ""
    ) -> Action:
        call = context.calls.setdefault(key, Call())
        depth = 1 if context.faulting or context.forking else 0
        return Action(
            step.number, step.task, key.split()[0], text, page, depth=depth, call=call
        )

    def _event(self, step: Step, event: Event, context: _Context) -> Iterator[Action]:
        number, task, page = step.number, step.task, event.text("page")
        match event.name:
            case "store":
                context.faulting = ""
                yield self._store(step, event)
            case "load":
                context.faulting = ""
                text = f"load {event.place()} == {event.data['value']}"
                yield Action(number, task, "load", text, page, event.place())
            case "device_store":
                text = f"{event.place()} = {event.data['value']} (DMA)"
                yield Action(number, task, "dma", text, page, event.place())
            case "device_load":
                text = f"{event.place()} == {event.data['value']} (DMA)"
                yield Action(number, task, "dma", text, page, event.place())
            case "word_copied":
                yield self._copied(step, event, context)
            case "pte_set":
                yield self._pte(step, event, context)
            case "tlb_filled":
                yield self._fill(
                    step, self._threads.get(event.text("tlb"), task), event
                )
            case "flush_begun" | "flush_completed":
                yield self._flush(step, event, context)
            case "mapcount_changed":
                yield from self._rmap(step, context)
            case "page_pinned":
                yield self._pinned(step, event, context)
            case "page_freed":
                yield Action(number, task, "free", f"frame {event.data['pfn']} freed")
            case "page_unpinned":
                yield Action(number, task, "unpin", f"unpin_user_page({page})", page)
            case "exclusive_changed":
                verb = "Set" if event.data["exclusive"] else "Clear"
                text = f"{verb}PageAnonExclusive({page})"
                yield Action(number, task, "exclusive", text, page, depth=1)
            case _:
                yield from self._lock(step, event, context)

    def _store(self, step: Step, event: Event) -> Action:
        stale = bool(event.data["stale"])
        text = f"{event.place()} = {event.data['value']}"
        if stale:
            text += "  (stale TLB)"
        return Action(
            step.number,
            step.task,
            "store",
            text,
            event.text("page"),
            event.place(),
            stale=stale,
        )

    def _copied(self, step: Step, event: Event, context: _Context) -> Action:
        page = event.text("page")
        key = {
            "copy_present_page": "copy",
            "wp_page_copy": "cow",
        }.get(step.function, "collapse")
        name = f"{key} {page}"
        if event.data["index"] == 0:
            function = COPIERS.get(step.function, step.function)
            context.calls[name] = Call(f"{function}({page})")
        text = f"{event.place()}={event.data['value']}"
        part = self._part(step, context, name, text, page)
        return attrs.evolve(part, place=event.place())

    def _pte(self, step: Step, event: Event, context: _Context) -> Action:
        page = event.text("page")
        new = event.text("new")
        frame = " ".join(new.split()[:2])
        match step.label:
            case "__copy_present_ptes:wrprotect_ptes":
                call = Call(whole=f"wrprotect({page}), share")
                context.calls[f"share {page}"] = call
                text = f"wrprotect({page})"
                return self._part(step, context, f"share {page}", text, page)
            case "__copy_present_ptes:set_ptes":
                text = f"share {page}"
                return self._part(step, context, f"share {page}", text, page)
            case "wp_page_copy:ptep_clear":
                return self._part(step, context, f"cow {page}", "clear PTE", page)
            case "wp_page_copy:set_pte_at":
                call = context.calls.setdefault(f"cow {page}", Call())
                call.whole = f"wp_page_copy({page}): copy to {frame}"
                text = f"PTE is {frame}"
                return self._part(step, context, f"cow {page}", text, page)
        kind, words = PTE_WORDS.get(step.label, ("pte", f"{step.function}({{page}})"))
        text = words.format(page=page, frame=frame, rights=rights(new))
        depth = 1 if context.forking or context.faulting else 0
        return Action(step.number, step.task, kind, text, page, depth=depth)

    def _rmap(self, step: Step, context: _Context) -> Iterator[Action]:
        """Tell that a fault gives up the old page; after the new entry it goes along."""
        key = f"cow {context.faulting}"
        early = key in context.calls and not context.calls[key].whole
        if early and step.label == "wp_page_copy:folio_remove_rmap_pte":
            text = "folio_remove_rmap_pte()"
            yield self._part(step, context, key, text, context.faulting)

    def _flush(self, step: Step, event: Event, context: _Context) -> Action:
        begun = event.name == "flush_begun"
        page = self._flushes.get(step.number, "") if begun else event.text("page")
        if begun:
            whole = FORK_FLUSH if context.forking else "flush_tlb_mm(mm)"
            text = f"flush_tlb_page({page})" if page else whole
            context.calls["flush"] = Call(whole=text)
        elif step.function == "arch_tlbbatch_flush":
            text = "try_to_unmap_flush()"
            context.calls["flush"] = Call(whole=text)
        else:
            text = "(all CPUs acked)"
        kind = "flush" if begun else "flush_end"
        call = context.calls.setdefault("flush", Call())
        in_walk = bool(page) and (context.forking or bool(context.faulting))
        depth = in_walk + (not begun)
        return Action(step.number, step.task, kind, text, page, depth=depth, call=call)

    def _pinned(self, step: Step, event: Event, context: _Context) -> Action:
        page, frame = event.text("page"), event.data["pfn"]
        call = context.calls.setdefault("pin", Call())
        name = "pin_user_pages" if event.data["pin"] else "get_user_pages"
        call.whole = f"{name}({page}): frame {frame}"
        text = f"{page} pinned in frame {frame}"
        return self._part(step, context, "pin", text, page)

    def _lock(self, step: Step, event: Event, context: _Context) -> Iterator[Action]:
        number, task = step.number, step.task
        name = vma_name(self._recording, event.text("vma"))
        depth = 1 if context.faulting else 0
        match event.name:
            case "fork_called":
                context.forking = True
                text = "mmap_write_lock(oldmm)"
                yield Action(number, task, "fork", text, event.text("child"))
            case "fork_cut":
                context.unlock = Call(whole="mmap_write_unlock(oldmm)")
                yield Action(
                    number,
                    task,
                    "cut",
                    "vma_end_write_all(oldmm)",
                    event.text("child"),
                    call=context.unlock,
                    note="<- the cut",
                )
            case "fork_returned":
                context.forking = False
            case "fork_failed":
                context.forking = False
                yield Action(number, task, "failed", "fork() fails: -ENOMEM or -EINTR")
            case "vma_read_locked":
                call = context.calls.get("vma_step", Call())
                call.whole = f"vma_start_read({name})"
                text = "read-locked"
                yield Action(number, task, "vma_read", text, depth=depth, call=call)
            case "vma_read_unlocked":
                yield Action(
                    number, task, "vma_end", f"vma_end_read({name})", depth=depth
                )
            case "vma_write_locked":
                text = f"vma_start_write({name})"
                yield Action(number, task, "vma_write", text, name)
            case "lock_requested" | "lock_acquired" | "lock_released":
                verb = LOCK_VERBS[event.name]
                text = f"{verb} {event.text('lock')}"
                yield Action(
                    number,
                    task,
                    event.name,
                    text,
                    place=event.text("lock"),
                    depth=depth,
                )


def _flushes(recording: Recording) -> dict[int, str]:
    """Return the page of each flush, by the step at which it began."""
    begun: dict[str, int] = {}
    pages: dict[int, str] = {}
    for step in recording.steps:
        for event in step.events:
            if event.name == "flush_begun":
                begun[step.task] = step.number
            elif event.name == "flush_completed" and step.task in begun:
                pages[begun.pop(step.task)] = event.text("page")
    return pages
