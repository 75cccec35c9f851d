"""pin.not-exclusive, pin.diverged: a device and its process use the same page."""

from __future__ import annotations

from collections.abc import Hashable

from forkfuzz.engine import Machine
from forkfuzz.mm.folio import ZERO_PFN, Folio, Pin
from forkfuzz.mm.mm_types import MmStruct
from forkfuzz.mm.pgtable import PFN_SHIFT, pte_present
from forkfuzz.mm.world import World

from .checker import Checker
from .entries import Entries
from .violation import Severity


class PinChecker(Checker):
    """Follows every FOLL_PIN from its success to its end (I4, I5).

    A pin whose address was thrown away by its owner, by MADV_DONTNEED for instance,
    is detached: the device keeps the page, and nothing is promised any more. FOLL_GET
    references promise nothing at all.
    """

    def __init__(self) -> None:
        super().__init__()
        self._live: list[Pin] = []

    def start(self, world: World, machine: Machine) -> None:
        """Take over the pins that there are before the first step."""
        super().start(world, machine)
        self._entries = Entries(world.mms)
        self._live = [pin for pin in world.pins if pin.pinned]

    def state(self) -> Hashable:
        """Return the pins that are followed, by their number."""
        pins = self.world.pins
        live = [number for number, pin in enumerate(pins) if pin in self._live]
        return tuple(live), self._entries.state()

    def pinned(self, pin: Pin) -> None:
        """Check a pin that has just succeeded."""
        if not pin.pinned:
            return
        if pin.pfn == ZERO_PFN:
            if pin.write:
                self._not_exclusive(pin, "was pinned for writing")
            return
        folio = self.world.frames[pin.pfn]
        mm = self.find_mm(pin.mm_name)
        if not folio.anon or self.is_shared(pin.vpn):
            return
        where = (mm.name, pin.vpn)
        if not self._entries.leads_to(where, pin.pfn):
            if not self._entries.threw_away(where, pin.pfn):
                self._diverged(pin, f"{mm.name} maps another frame")
            return  # The owner may throw a page away while it is being pinned.
        self._live.append(pin)
        if not folio.anon_exclusive:
            self._not_exclusive(pin, "was pinned")

    def unpinned(self, pin: Pin) -> None:
        """Forget a pin that was given back."""
        if pin in self._live:
            self._live.remove(pin)

    def zapped(self, mm: MmStruct, vpn: int) -> None:
        """Forget the pins of an address that its owner threw away."""
        self._entries.zapped(mm, vpn)
        self._live = [
            pin for pin in self._live if (pin.mm_name, pin.vpn) != (mm.name, vpn)
        ]

    def collapse_copied(self, mm: MmStruct, vpn: int) -> None:
        """Follow a page that has made way for a copy."""
        self._entries.copied(mm, vpn)

    def exclusive_changed(self, folio: Folio) -> None:
        """Check that no pinned page loses its mark."""
        if not folio.anon_exclusive:
            for pin in self._live:
                if pin.pfn == folio.pfn:
                    self._not_exclusive(pin, "is pinned")

    def pte_set(self, mm: MmStruct, vpn: int, old: int, new: int) -> None:
        """Check that the owner's entry stays, and nobody else's leads there."""
        self._entries.set(mm, vpn, new)
        if not pte_present(new):
            return
        pfn = new >> PFN_SHIFT
        for pin in self._live:
            owner = pin.mm_name == mm.name
            if owner and pin.vpn == vpn and pin.pfn != pfn:
                self._diverged(pin, f"{mm.name} maps frame {pfn}")
            elif not owner and pin.pfn == pfn:
                self._diverged(pin, f"{mm.name} maps the device's frame")

    def _diverged(self, pin: Pin, what: str) -> None:
        page = self.world.pages[pin.vpn]
        message = f"{page} is pinned in frame {pin.pfn}, but {what}"
        self.report("pin.diverged", Severity.PROGRAM, message)

    def _not_exclusive(self, pin: Pin, what: str) -> None:
        page = self.world.pages[pin.vpn]
        message = f"{page} {what} in frame {pin.pfn}, which is not exclusive"
        self.report("pin.not-exclusive", Severity.CONTRACT, message)
