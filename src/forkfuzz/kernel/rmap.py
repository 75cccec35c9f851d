"""Who maps a page, and whether it may be shared.

Source: include/linux/rmap.h, include/linux/mm.h. Left out: large folios, walking from
a folio to its mappings.
"""

from __future__ import annotations

from forkfuzz.engine import point
from forkfuzz.mm.folio import GUP_PIN_COUNTING_BIAS, Folio
from forkfuzz.mm.mm_types import MmStruct


def folio_maybe_dma_pinned(folio: Folio, *, above: bool = False) -> bool:
    """Return whether the refcount looks like a pin; never false for a pinned folio.

    Args:
        folio: The page.
        above: Negative control: the bias alone, without a further reference, does not
            count.
    """
    return folio.refcount >= GUP_PIN_COUNTING_BIAS + above


def folio_needs_cow_for_dma(mm: MmStruct, folio: Folio) -> bool:
    """Return whether fork must assume that a device uses *folio* through *mm*."""
    above = mm.world.rules.pin_bias == "above"
    return mm.has_pinned and folio_maybe_dma_pinned(folio, above=above)


async def ask_if_pinned(mm: MmStruct, folio: Folio) -> bool:
    """Ask `folio_needs_cow_for_dma`, as a step of its own.

    Points:
        folio_try_dup_anon_rmap_pte:folio_needs_cow_for_dma.
    """
    await point("folio_try_dup_anon_rmap_pte:folio_needs_cow_for_dma", folio.peek)
    return folio_needs_cow_for_dma(mm, folio)


async def folio_try_dup_anon_rmap_pte(
    mm: MmStruct, folio: Folio, *, maybe_pinned: bool | None = None
) -> bool:
    """Share a page with the child, unless it may be pinned.

    Args:
        mm: The parent's address space.
        folio: The page.
        maybe_pinned: The answer of `ask_if_pinned`, if it was asked before.

    Context:
        The page-table locks of parent and child are held, and write_protect_seq is
        odd, so that a fast pin that this misses is undone by its maker.

    Returns:
        False if the page has to be copied instead; nothing has changed then.

    Points:
        those of ask_if_pinned, folio_try_dup_anon_rmap_pte:ClearPageAnonExclusive,
        folio_try_dup_anon_rmap_pte:mapcount_inc.
    """
    rules = mm.world.rules
    if rules.early_cow == "on":
        if maybe_pinned is None:
            maybe_pinned = await ask_if_pinned(mm, folio)
        if maybe_pinned and (
            folio.anon_exclusive or rules.pin_test == "ignore_exclusive"
        ):
            return False
    if folio.anon_exclusive:
        await point("folio_try_dup_anon_rmap_pte:ClearPageAnonExclusive", folio.touch)
        mm.world.set_exclusive(folio, exclusive=False)
    await point("folio_try_dup_anon_rmap_pte:mapcount_inc", folio.touch)
    mm.world.add_mapping(folio, 1)
    return True
