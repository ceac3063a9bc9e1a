"""Text for terminals."""

from plugins_app.management.printing import plain, seconds, shortened, size, table


def test_columns_are_aligned_and_lines_have_no_blanks_at_their_end() -> None:
    assert list(table(("NAME", "REASON"), [("a", ""), ("longer", "it\nbroke")])) == [
        "NAME    REASON",
        "a",
        "longer  it broke",
    ]


def test_what_a_terminal_would_obey_is_shown_instead() -> None:
    assert plain("\x1b[31mred\x07 \u202eback\n") == "\\x1b[31mred\\x07 \\u202eback\n"


def test_long_text_is_cut() -> None:
    assert shortened("abcdef", 4) == "abc…"
    assert shortened("abcd", 4) == "abcd"


def test_sizes_and_times_are_for_people() -> None:
    assert [size(n) for n in (0, 1023, 1536, 300 << 20, 5 << 40)] == [
        "0 B",
        "1023 B",
        "1.5 KiB",
        "300 MiB",
        "5120 GiB",
    ]
    assert (seconds(0.5), seconds(61)) == ("0.50 s", "61.0 s")
