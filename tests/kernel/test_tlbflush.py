"""TLB shootdown: who is interrupted, who may be skipped, and how they catch up."""

from __future__ import annotations

from driving import Race, forker, ld, program, st, thread
from forkfuzz.kernel.tlbflush import flush_tlb_func
from forkfuzz.mm.cpu import FlushRequest
from forkfuzz.scenarios.program import Madvise, PageSpec, SwapOut, Thread, Wait

WAIT = "flush_tlb_mm_range:wait_for_acks"


def zap_and_sleeper() -> Race:
    """Return a race of a fork, MADV_DONTNEED by T1, and T2, which will sleep."""
    race = Race(
        program(
            [PageSpec("A", init=(5,)), "B"],
            forker(),
            thread("T1", Madvise("A", "dontneed")),
            thread("T2", ld("B", "b"), Madvise("B", "dontfork"), ld("A")),
        )
    )
    race.fill("cpu2", "A")
    return race


def test_a_lazy_cpu_is_not_interrupted_by_a_page_flush_but_catches_up() -> None:
    """Its thread comes back, sees another tlb_gen, and drops everything."""
    race = zap_and_sleeper()
    race.to("T1", "spin_lock:acquire")
    race.to("F", "vma_start_write:wait_for_readers")
    race.to("T2", "down_write:acquire")
    assert race.cpu("cpu2").is_lazy
    race.finish("T1")
    assert race.cpu("cpu2").requests == []
    assert 0 in race.cpu("cpu2").tlb
    race.finish("F")
    race.step("T2")
    assert race.cpu("cpu2").tlb == {}
    race.finish("T2")
    assert race.register("T2", "r") == 0
    assert race.props() == []


def test_a_lazy_cpu_is_interrupted_by_the_flush_at_the_end_of_fork() -> None:
    """flush_tlb_mm sends to all of the mask, and the lazy CPU drops everything."""
    race = zap_and_sleeper()
    race.to("F", "dup_mmap:dup_vma_tree")
    race.to("T2", "down_write:acquire")
    assert race.cpu("cpu2").is_lazy
    race.to("F", WAIT, acks=False)
    assert race.blocked("F")
    race.all_acks()
    assert race.cpu("cpu2").tlb == {}
    assert race.runnable("F")


def test_reclaims_flush_leaves_lazy_cpus_to_notice_that_of_the_unmap() -> None:
    """It makes no generation: the CPU catches up with the one made at the unmap."""
    race = Race(
        program(
            [PageSpec("A", init=(5,)), "B"],
            thread("T1", Madvise("B", "dontfork")),
            Thread("kswapd", (SwapOut("A"),), "kernel"),
            thread("T2", ld("B", "b"), Madvise("B", "wipeonfork"), ld("A")),
        )
    )
    race.fill("cpu2", "A")
    race.to("T1", "madvise_update_vma:vm_flags")
    race.to("T2", "down_write:acquire")
    assert race.cpu("cpu2").is_lazy
    race.to("kswapd", "arch_tlbbatch_flush:send_ipis")
    generation = race.mm().tlb_gen
    race.finish("kswapd")
    assert race.mm().tlb_gen == generation
    assert race.cpu("cpu2").requests == []
    assert 0 in race.cpu("cpu2").tlb
    race.finish("T1")
    race.step("T2")
    assert race.cpu("cpu2").tlb == {}
    race.finish("T2")
    assert race.register("T2", "r") == 5
    assert race.props() == []


def test_reclaims_flush_interrupts_the_cpus_of_the_time_of_the_unmap() -> None:
    """And waits for all of them to acknowledge."""
    race = Race(
        program(
            ["A"],
            forker(),
            Thread("kswapd", (SwapOut("A"),), "kernel"),
            thread("T2", ld("A")),
        )
    )
    race.fill("cpu2", "A")
    race.to("kswapd", "arch_tlbbatch_flush:wait_for_acks", acks=False)
    assert race.blocked("kswapd")
    race.all_acks()
    assert race.cpu("cpu2").tlb == {}
    race.finish("kswapd")
    assert race.props() == []


def test_a_flush_waits_for_every_cpu_in_the_mask() -> None:
    """X6: one acknowledgement is not enough."""
    race = Race(
        program(["A"], forker(), thread("T1", st("A", 1)), thread("T2", st("A", 2)))
    )
    race.to("F", WAIT, acks=False)
    race.ack("cpu2")
    assert race.blocked("F")
    race.ack("cpu1")
    assert race.runnable("F")


def test_a_cpu_that_has_not_acknowledged_keeps_its_translation() -> None:
    """Each CPU's drop is its own step."""
    race = Race(
        program(["A"], forker(), thread("T1", st("A", 1)), thread("T2", st("A", 2)))
    )
    race.fill("cpu1", "A")
    race.fill("cpu2", "A")
    race.to("F", WAIT, acks=False)
    race.ack("cpu2")
    assert race.cpu("cpu1").tlb
    assert not race.cpu("cpu2").tlb


def test_the_flushing_cpu_drops_its_own_translations_too() -> None:
    """X5: the local handler."""
    race = Race(program(["A"], forker()))
    race.fill("cpu0", "A")
    race.finish("F")
    assert race.cpu("cpu0").tlb == {}


def page_request(race: Race, gen: int) -> FlushRequest:
    """Return a request to flush page A on cpu0."""
    return FlushRequest(0, race.mm(), 0, gen, [0])


def test_a_page_flush_drops_one_page_if_nothing_else_is_missing() -> None:
    """Y5: new_gen == local_gen + 1 == tlb_gen."""
    race = Race(program(["A", "B"], thread("T1", ld("A"))))
    race.fill("cpu0", "A")
    race.fill("cpu0", "B")
    race.mm().tlb_gen += 1
    flush_tlb_func(race.cpu("cpu0"), page_request(race, race.mm().tlb_gen))
    assert sorted(race.cpu("cpu0").tlb) == [1]


def test_a_page_flush_drops_everything_if_another_flush_was_missed() -> None:
    """Y5: two generations behind, so nothing can be trusted."""
    race = Race(program(["A", "B"], thread("T1", ld("A"))))
    race.fill("cpu0", "B")
    race.mm().tlb_gen += 2
    flush_tlb_func(race.cpu("cpu0"), page_request(race, race.mm().tlb_gen - 1))
    assert race.cpu("cpu0").tlb == {}
    assert race.cpu("cpu0").local_tlb_gen == race.mm().tlb_gen


def test_a_flush_that_was_overtaken_drops_nothing() -> None:
    """Y3: the local generation is that of the request already."""
    race = Race(program(["A"], thread("T1", ld("A"))))
    race.fill("cpu0", "A")
    request = page_request(race, race.mm().tlb_gen)
    flush_tlb_func(race.cpu("cpu0"), request)
    assert race.cpu("cpu0").tlb
    assert request.waiting == []


def test_a_cpu_with_another_mm_loaded_only_acknowledges() -> None:
    """Y1."""
    race = Race(program(["A"], thread("T1", ld("A")), thread("T2", ld("A"))))
    race.fill("cpu0", "A")
    other = FlushRequest(0, race.mm(), None, 9, [0])
    race.cpu("cpu0").loaded_mm = None
    flush_tlb_func(race.cpu("cpu0"), other)
    assert other.waiting == []
    assert race.cpu("cpu0").tlb


def test_a_thread_that_ended_leaves_its_cpu_lazy() -> None:
    """No user access happens there any more."""
    race = Race(program(["A"], thread("T1", ld("A")), thread("T2", Wait("never"))))
    race.finish("T1")
    assert race.cpu("cpu0").is_lazy
