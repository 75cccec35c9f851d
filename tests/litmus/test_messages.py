"""What an error says: the place, what was expected there, what is there."""

from __future__ import annotations

import pytest

from forkfuzz.errors import LitmusError, NotModelledError
from forkfuzz.litmus import parse
from forkfuzz.litmus.grammar import one_of
from forkfuzz.rules import FIELDS
from litmus.texts import refused, text, told

END = "the end of the line"


# The name, directives, pages.


@pytest.mark.parametrize(
    ("heading", "message"),
    [
        ("page A", "1:1: expected 'litmus', found 'page'"),
        ("litmos t", "1:1: expected 'litmus', found 'litmos'"),
        ("litmus", f"1:7: expected the name of the test, found {END}"),
        ("litmus # t", f"1:7: expected the name of the test, found {END}"),
        ("litmus @", "1:8: expected the name of the test, found '@'"),
        ("litmus t x", f"1:10: expected {END}, found 'x'"),
        (
            f"litmus {'t' * 65}",
            f"1:8: expected a name of at most 64 characters, found '{'t' * 57}...'",
        ),
        ('litmus t\n"a', "2:1: expected text in quotes, found '\"'"),
        ('litmus t\n""', "2:1: expected text in quotes, found '\"\"'"),
        ('litmus t\n"a" b', f"2:5: expected {END}, found 'b'"),
        (
            'litmus t\n"a"\n"b"',
            "3:1: expected one description, after the name of the test, found '\"b\"'",
        ),
        (
            'litmus t\npage C\n"b"',
            "3:1: expected one description, after the name of the test, found '\"b\"'",
        ),
        (
            "litmus t\nlitmus t",
            (
                "2:1: expected a directive (rules, page, init, hardware, memory, faults or "
                "fail), for there is no page yet, found 'litmus'"
            ),
        ),
    ],
)
def test_headings(heading: str, message: str) -> None:
    """The name of the test, and what it is about."""
    assert told(heading=heading) == message


CONTRADICTED = "expected nothing that contradicts"
LONG = "a name for a page of at most 32 letters, digits and '_'"


@pytest.mark.parametrize(
    ("directives", "message"),
    [
        ("rules", f"2:6: expected a preset of rules, found {END}"),
        ("rules seed vma_lock=none", f"2:12: expected ',' or {END}, found 'vma_lock'"),
        ("rules seed,vma_lock", f"2:20: expected '=', found {END}"),
        (
            "rules sed",
            (
                "2:7: expected a preset of rules (seed, mainline, v7.0, patch1-posted, v6.12, "
                "v6.4.0, v6.3, v5.9 or v5.8), found 'sed'"
            ),
        ),
        (
            "rules seed,reuse=never",
            (
                "2:18: expected a value of 'reuse' (exclusive, refcount or mapcount), "
                "found 'never'"
            ),
        ),
        (
            "rules seed,reuse=mapcount,reuse=refcount",
            "2:27: expected 'reuse' once, found it again",
        ),
        (
            "rules seed,vma_loc=none",
            f"2:12: expected a rule ({one_of(FIELDS)}), found 'vma_loc'",
        ),
        ("rules seed\nrules seed", "3:1: expected 'rules' once, found it again"),
        ("page", f"2:5: expected a page, found {END}"),
        ("page A-b", f"2:6: expected {LONG}, found 'A-b'"),
        ("page " + "A" * 33, f"2:6: expected {LONG}, found '{'A' * 33}'"),
        ("page 1A", "2:6: expected a page, found '1A'"),
        (
            "page fork",
            (
                "2:6: expected a name for a page that is no word of the language, "
                "found 'fork'"
            ),
        ),
        ("page A\npage A", "3:6: expected a name that no page has yet, found 'A'"),
        ("page A[0]", "2:8: expected a number of words from 1 to 64, found '0'"),
        ("page A[65]", "2:8: expected a number of words from 1 to 64, found '65'"),
        (
            f"page A[{'9' * 900}]",
            f"2:8: expected a number of words from 1 to 64, found '{'9' * 57}...'",
        ),
        ("page A[x]", "2:8: expected a number, found 'x'"),
        ("page A[1", f"2:9: expected ']', found {END}"),
        (
            "page A pinnned",
            f"2:8: expected a page attribute, '[' or {END}, found 'pinnned'",
        ),
        (
            "page A cleandontfork",
            f"2:8: expected a page attribute, '[' or {END}, found 'cleandontfork'",
        ),
        ("page A pinned=rw", "2:15: expected 'ro', found 'rw'"),
        ("page A vma", f"2:11: expected '=', found {END}"),
        ("page A vma=1x", "2:12: expected a number, found '1x'"),
        (
            "page A vma=10000",
            "2:12: expected the number of a VMA from 0 to 9999, found '10000'",
        ),
        (
            "page A refs=1000001",
            "2:13: expected a number of references from 0 to 1000000, found '1000001'",
        ),
        ("page A clean clean", "2:14: expected 'clean' once, found it again"),
        ("page A vma=1 vma=2", "2:14: expected 'vma' once, found it again"),
        (
            "page A pinned pinned=ro",
            f"2:15: {CONTRADICTED} 'pinned', found 'pinned=ro'",
        ),
        ("page A file shared", f"2:13: {CONTRADICTED} 'file', found 'shared'"),
        ("page A clean file", f"2:14: {CONTRADICTED} 'clean', found 'file'"),
        (
            "page A file\npage B",
            "3:6: expected a vma= of its own, or file as for A, found 'B'",
        ),
        (
            "page A file\npage B vma=1 maps=A",
            (
                "3:19: expected an anonymous page with a frame of its own, "
                "found 'A', which has 'file'"
            ),
        ),
        ("page A shared anon", f"2:15: {CONTRADICTED} 'shared', found 'anon'"),
        ("page A refs=1 untouched", f"2:15: {CONTRADICTED} 'refs', found 'untouched'"),
        ("page A clean pte=ro", f"2:14: {CONTRADICTED} 'clean', found 'pte=ro'"),
        (
            "page A prot=none prot=r",
            f"2:18: {CONTRADICTED} 'prot=none', found 'prot=r'",
        ),
        (
            "page A\npage B pinned maps=A",
            f"3:15: {CONTRADICTED} 'pinned', found 'maps'",
        ),
        ("page A maps=B", "2:13: expected a page that is declared, found 'B'"),
        ("page A maps=A", "2:13: expected a page that is declared, found 'A'"),
        (
            "page A untouched\npage B maps=A",
            (
                "3:13: expected an anonymous page with a frame of its own, "
                "found 'A', which has 'untouched'"
            ),
        ),
        (
            "page A vma=1\npage B maps=A",
            "3:6: expected a vma= not below that of A, which it maps, found 'B'",
        ),
        (
            "page A wipeonfork\npage B",
            "3:6: expected a vma= of its own, or wipeonfork as for A, found 'B'",
        ),
        (
            "page A\npage B vma=1\npage C prot=r",
            "4:6: expected a vma= of its own, or prot as for A, found 'C'",
        ),
        ("page A\ninit B=1", "3:6: expected a page that is declared (A), found 'B'"),
        ("page A\ninit A", f"3:7: expected '=', found {END}"),
        ("page A\ninit A=-1", "3:8: expected a number, found '-1'"),
        ("page A\ninit A[1]=1", "3:8: expected an index in A from 0 to 0, found '1'"),
        (
            "page A\ninit A=18446744073709551616",
            (
                "3:8: expected a number from 0 to 18446744073709551615, "
                "found '18446744073709551616'"
            ),
        ),
        (
            "page A\ninit A=1\ninit A[0]=2",
            "4:6: expected a word that has no first value yet, found 'A'",
        ),
        (
            "page A\npage B maps=A\ninit B=1",
            (
                "4:6: expected a page with a frame of its own from the start, "
                "found 'B', which has 'maps'"
            ),
        ),
        ("hardware dirty", f"2:15: expected '=', found {END}"),
        ("hardware dirty=no", "2:16: expected 'lax' or 'strict', found 'no'"),
        ("memory weak", "2:8: expected 'sc' or 'tso', found 'weak'"),
        ("faults", f"2:7: expected 'kernel' or 'stop', found {END}"),
        ("faults stop\nfaults stop", "3:1: expected 'faults' once, found it again"),
        ("fail", f"2:5: expected an allocation site, found {END}"),
        (
            "fail nowhere",
            (
                "2:6: expected an allocation site (dup_mmap, vm_area_dup or "
                "copy_present_page), found 'nowhere'"
            ),
        ),
        (
            "page A\npgae B",
            (
                "3:1: expected a directive (rules, page, init, hardware, memory, faults or "
                "fail) or the names of the columns, found 'pgae'"
            ),
        ),
        (
            "page A\nclean",
            "3:1: expected the table, which comes before assertions, found 'clean'",
        ),
    ],
)
def test_directives(directives: str, message: str) -> None:
    """What is set before the table."""
    assert told(directives=directives, table="T1\npost s") == message


ATTRIBUTES = (
    *("anon", "shared", "file", "untouched", "clean", "swapped", "pte=ro", "maps=M"),
    *("prot=r", "prot=none", "vma=2", "dontfork", "wipeonfork"),
    *("pinned", "pinned=ro", "refs=1", "has-pinned"),
)


@pytest.mark.parametrize("first", ATTRIBUTES)
def test_attributes_go_together_or_are_refused_in_their_place(first: str) -> None:
    """What no page can have is found in the line of the page, not by the program."""
    together = 0
    for second in ATTRIBUTES:
        page = f"page A {first} {second}"
        data = text("T1\nr = Z", directives=f"page M\n{page}\npage Z vma=9")
        if "vma=2" not in (first, second):
            data = data.replace("page M", "page M vma=0").replace(page, f"{page} vma=2")
        try:
            parse(data)
            together += 1
        except LitmusError:
            error = refused(data)
            assert (error.line, error.column) == (3, page.rindex(second) + 1)
            name = second.partition("=")[0]
            assert error.expected.startswith(("nothing that contradicts", f"'{name}"))
    assert 4 <= together < len(ATTRIBUTES)


# What the model does not have.


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"directives": "memory tso"}, "2:1: memory tso"),
        ({"directives": "page A hugetlb"}, "2:8: page attribute hugetlb"),
        ({"directives": "page A thp=T"}, "2:8: page attribute thp"),
        ({"table": "T1\nmadvise A free"}, "5:1: madvise free"),
        ({"table": "T1\nmadvise A pageout"}, "5:1: madvise pageout"),
        ({"table": "T1\nuffd-wp A"}, "5:1: statement uffd-wp"),
        ({"table": "T1\nuffd-unwp A"}, "5:1: statement uffd-unwp"),
        ({"table": "T1\nclear-refs"}, "5:1: statement clear-refs"),
        ({"table": "T1\nmremap A B"}, "5:1: statement mremap"),
        ({"table": "migrate\nmigrate A"}, "5:1: statement migrate"),
        ({"table": "ksmd\nmerge A B"}, "5:1: statement merge"),
    ],
)
def test_what_is_not_modelled_is_refused_by_name(
    parts: dict[str, str], message: str
) -> None:
    """It is never skipped."""
    error = refused(text(**parts))
    assert isinstance(error, NotModelledError)
    assert str(error) == f"t.litmus:{message} is not modelled yet"
