"""What an error in the table, or below it, says."""

from __future__ import annotations

import pytest

from forkfuzz.litmus import parse
from forkfuzz.litmus.columns import ACTORS
from litmus.texts import text, told

END = "the end of the line"

# The table.


NO_STATEMENT = "expected a statement, found"
MEMORY = f"'|' or {END}"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("T1 | T1\n |", "4:6: expected a name that no column has yet, found 'T1'"),
        ("T1 |\nA = 1 |", f"4:5: expected the name of a column, found {END}"),
        (
            "T1 | child1\n |",
            (
                "4:6: expected 'child', 'child2', ... for a thread of a child, "
                "found 'child1'"
            ),
        ),
        (
            "parent\nA = 1",
            (
                "4:1: expected the name of a thread, which is not that of a process, "
                "found 'parent'"
            ),
        ),
        (
            "pin\nA = 1",
            (
                "4:1: expected a name for a column that is no word of the language, "
                "found 'pin'"
            ),
        ),
        (
            "child\nr = A",
            "4:1: expected as many forks as 'child' needs, 1, found 0 in the table",
        ),
        (
            "F | child2\nfork | r = A",
            "4:5: expected as many forks as 'child2' needs, 2, found 1 in the table",
        ),
        ("T1", "5:1: expected the first row of the table, found a blank line"),
        ("T1 | F\nA = 1", f"5:6: expected a cell for 'F', found {END}"),
        ("T1 | F\nA = 1 # | fork", f"5:6: expected a cell for 'F', found {END}"),
        (
            "T1 | F\nA = 1 | fork | fork",
            "5:14: expected no more cells than columns, found '|'",
        ),
        ("T1 | F\nfrok | fork", f"5:1: {NO_STATEMENT} 'frok'"),
        ("T1 | F\nA = 1 | frok # x", f"5:9: {NO_STATEMENT} 'frok'"),
        ("T1 | F\nA = 1 | frok A", f"5:9: {NO_STATEMENT} 'frok'"),
        ("T1 | F\nA = 1 | @", f"5:9: expected a statement, {MEMORY}, found '@'"),
        (
            "T1\nA = 1\nexists parent:A=1",
            "6:1: expected a blank line between table and assertions, found 'exists'",
        ),
        (
            "T1\nA = ",
            f"5:4: expected a number, a page, 'dma', 'peek' or 'swap-pte', found {END}",
        ),
        ("T1\nA[2] = 1", "5:3: expected an index in A from 0 to 1, found '2'"),
        ("T1\nA[1 = 1", "5:5: expected ']', found '='"),
        ("T1\nA[1] = B", "5:8: expected a number, found 'B'"),
        ("T1\nC = 1", "5:1: expected a page that is declared (A, B), found 'C'"),
        ("T1\nr = C", "5:5: expected a page that is declared (A, B), found 'C'"),
        (
            "T1\nA = B",
            "5:1: expected a register, which is not named like a page, found 'A'",
        ),
        (
            "T1\nsegv = A",
            (
                "5:1: expected a name for a register that is no word of the language, "
                "found 'segv'"
            ),
        ),
        ("T1\nfork A", f"5:6: expected {MEMORY}, found 'A'"),
        ("T1\npin", f"5:4: expected a page, found {END}"),
        ("T1\npin A rw", f"5:7: expected 'fast', 'ro', 'slow', {MEMORY}, found 'rw'"),
        ("T1\npin A ro ro", "5:10: expected 'ro' once, found it again"),
        (
            "T1\npin A slow fast",
            "5:12: expected 'fast' or 'slow', not both, found 'fast'",
        ),
        ("T1\nmprotect A w", "5:12: expected 'none', 'r' or 'rw', found 'w'"),
        (
            "T1\nmadvise A cold",
            (
                "5:11: expected 'dontfork', 'dontneed', 'free', 'guard', 'pageout' or "
                "'wipeonfork', found 'cold'"
            ),
        ),
        ("T1\npte A", f"5:6: expected '=', 'ro' or 'rw', found {END}"),
        (
            "T1\npte A = U",
            (
                "6:9: expected a page with a frame from the start, "
                "found 'U', which has 'untouched'"
            ),
        ),
        ("T1\npte A = ro", "5:9: expected a page that is declared (A, B), found 'ro'"),
        ("T1\nr = swap-pte A", f"5:15: expected 'none', found {END}"),
        ("T1\nshootdown C", "5:11: expected a page that is declared (A, B), found 'C'"),
        ("T1\npost", f"5:5: expected the name of a semaphore, found {END}"),
        (
            "T1\nwait go",
            (
                "5:6: expected a semaphore that some column posts, as 'post go' does, "
                "found 'go'"
            ),
        ),
        (
            "F | child\nfork | exit\n | A = 1",
            "6:4: expected nothing that needs memory after 'exit', found 'A'",
        ),
        (
            "F | khugepaged\nfork | collapse C",
            "5:17: expected a page of the first VMA that a child gets, found 'C'",
        ),
    ],
)
def test_tables(table: str, message: str) -> None:
    """Columns, cells and statements."""
    directives = "page A[2]\npage B"
    if "collapse" in table:
        directives = "page A\npage C vma=1"
    if "U" in table:
        directives += "\npage U untouched"
    assert told(directives=directives, table=table) == message


WHO = {
    "a thread": (
        ("A = 1", "a store"),
        ("r = A", "a load"),
        ("pin A", "pin"),
        ("get A", "get"),
        ("put A", "put"),
        ("r = peek A", "peek"),
        ("mprotect A r", "mprotect"),
        ("madvise A dontneed", "madvise"),
        ("munmap A", "munmap"),
        ("pte A ro", "pte"),
        ("pte A = B", "pte"),
        ("r = swap-pte A none", "swap-pte"),
        ("invlpg A", "invlpg"),
        ("shootdown", "shootdown"),
    ),
    "a thread or a device": (("unpin A", "unpin"),),
    "a device": (("dma A = 1", "dma"), ("r = dma A", "dma")),
    "a thread of the parent": (("fork", "fork"),),
    "a thread of a child": (("exit", "exit"),),
    "kswapd": (("swapout A", "swapout"),),
    "khugepaged": (("collapse A", "collapse"),),
}
COLUMNS = {
    "T1": ("a thread", "a thread of the parent", "a thread or a device"),
    "child": ("a thread", "a thread of a child", "a thread or a device"),
    "dev": ("a device", "a thread or a device"),
    **{actor: (actor,) for actor in ACTORS},
}
DESCRIBED = {
    "T1": "'T1', a thread of the parent",
    "child": "'child', a thread of a child",
    "dev": "'dev', a device",
    **{actor: f"'{actor}'" for actor in ACTORS},
}


@pytest.mark.parametrize("column", COLUMNS)
def test_statements_have_their_columns(column: str) -> None:
    """Every statement is refused in every column that is not for it."""
    wrong = 0
    for who, statements in WHO.items():
        for statement, word in statements:
            table = f"F | {column}\nfork | {statement}"
            if who in COLUMNS[column]:
                parse(text(table))
            else:
                wrong += 1
                assert told(table=table) == (
                    f"5:8: expected {word} in the column of {who}, "
                    f"found it in that of {DESCRIBED[column]}"
                )
    assert wrong >= 4


# Assertions.


@pytest.mark.parametrize(
    ("assertions", "message"),
    [
        (
            "",
            (
                "8:1: expected an assertion (exists, forbidden, always, violates or clean), "
                "found the end of the file"
            ),
        ),
        (
            "exist parent:A=1",
            (
                "7:1: expected an assertion (exists, forbidden, always, violates or clean), "
                "found 'exist'"
            ),
        ),
        (
            "clean\npage C",
            (
                "8:1: expected an assertion (exists, forbidden, always, violates or clean), "
                "found 'page'"
            ),
        ),
        ("exists", f"7:7: expected a condition, found {END}"),
        ("exists parent", f"7:14: expected ':', found {END}"),
        (
            "exists parent:",
            f"7:15: expected a name, 'fault', 'fork-failed' or 'segv', found {END}",
        ),
        ("exists parent:A", f"7:16: expected '=' or '[', found {END}"),
        ("exists parent:A=x", "7:17: expected a number, found 'x'"),
        ("exists parent:A = -1", "7:19: expected a number, found '-1'"),
        (
            "exists parent:C=1",
            "7:15: expected a page that is declared (A, B), found 'C'",
        ),
        ("exists parent:A[2]=1", "7:17: expected an index in A from 0 to 1, found '2'"),
        (
            "exists parent:A=1 parent:B=1",
            rf"7:19: expected '/\', '\/' or {END}, found 'parent'",
        ),
        (
            "exists parent:A=1 & parent:B=1",
            rf"7:19: expected '/\', '\/' or {END}, found '&'",
        ),
        (r"exists parent:A=1 /\ ", f"7:21: expected a condition, found {END}"),
        (r"exists parent:A=1 /\/\ ", r"7:21: expected a condition, found '/\'"),
        ("exists ~", f"7:9: expected a condition, found {END}"),
        ("exists (parent:A=1", f"7:19: expected ')', found {END}"),
        ("exists parent:A=1)", f"7:18: expected {END}, found ')'"),
        (
            "exists T9:r=1",
            (
                "7:8: expected a process or a column (parent, child, T1, F or dev), "
                "found 'T9'"
            ),
        ),
        ("exists T1:A=1", "7:11: expected a register of 'T1' (r), found 'A'"),
        ("exists T1:x=1", "7:11: expected a register of 'T1' (r), found 'x'"),
        ("exists F:r=1", "7:10: expected a register of 'F', found 'r'"),
        (
            "exists T1:r[0]=1",
            "7:12: expected '=', for a register has no words, found '['",
        ),
        ("exists T1:segv=1", rf"7:15: expected '/\', '\/' or {END}, found '='"),
        ("exists T1:boom", f"7:15: expected '=' or '[', found {END}"),
        (
            "exists dev:segv",
            "7:8: expected a thread of the parent or of a child, found 'dev'",
        ),
        (
            "exists T1:fault",
            "7:11: expected 'fault' only with 'faults stop', found 'fault'",
        ),
        ("exists T1:fork-failed", "7:8: expected a thread that forks, found 'T1'"),
        (
            "exists pte(C):none",
            "7:12: expected a page that is declared (A, B), found 'C'",
        ),
        (
            "exists pte(A):clean",
            "7:15: expected 'dirty', 'none' or 'writable', found 'clean'",
        ),
        ("exists pte A:none", "7:12: expected '(', found 'A'"),
        (
            "exists child2:A=1",
            "7:8: expected as many forks as 'child2' needs, 2, found 1 in the table",
        ),
        (
            "exists child:r=1",
            "7:14: expected a page that is declared (A, B), found 'r'",
        ),
        ("violates", f"7:9: expected a property, found {END}"),
        (
            "violates fork.undone",
            "7:10: expected fork.not-undone, found 'fork.undone'",
        ),
        (
            "violates nothing",
            (
                "7:10: expected a property, or a group: snapshot, tlb, pte, page, pin, parent, "
                "file, lock, run, fork or child, found 'nothing'"
            ),
        ),
        ("clean x", f"7:7: expected {END}, found 'x'"),
        ("clean\nclean", "8:1: expected 'clean' once, found it again"),
        (
            "violates lock\nviolates lock",
            "8:1: expected 'violates lock' once, found it again",
        ),
        (
            "violates lock\nclean",
            "8:1: expected no 'clean' where there is a 'violates', found 'clean'",
        ),
        (
            "clean\nviolates lock",
            "8:1: expected no 'violates' where there is a 'clean', found 'violates'",
        ),
    ],
)
def test_assertions(assertions: str, message: str) -> None:
    """What is claimed, and conditions."""
    table = "T1 | F | dev\nr = A | fork | s = dma A"
    assert told(table=table, assertions=assertions) == message
