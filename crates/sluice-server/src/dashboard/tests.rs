//! The words of the pages.

use jiff::Timestamp;

use super::words::{When, plain, took};

#[test]
fn what_cannot_be_seen_is_written_out() {
    let cases = [
        ("plain\ttext\r\nnext", "plain\ttext\nnext"),
        ("\u{1b}[31mred\u{1b}[0m", "red"),
        ("\u{1b}]8;;http://x\u{7}link\u{1b}]8;;\u{1b}\\", "link"),
        ("a\u{202e}b", "a‹U+202E›b"),
        ("zero\u{200b}width\u{feff}", "zero‹U+200B›width‹U+FEFF›"),
        (
            "bell\u{7} del\u{7f} c1\u{85}",
            "bell‹U+0007› del‹U+007F› c1‹U+0085›",
        ),
        ("tag\u{e0041}", "tag‹U+E0041›"),
        ("\u{1b}", ""),
        ("\u{1b}[", ""),
        ("\u{1b}]never ends", ""),
        ("Ünïcödé 日本 🙂", "Ünïcödé 日本 🙂"),
    ];
    for (text, shown) in cases {
        assert_eq!(plain(text), shown, "{text:?}");
    }
}

#[test]
fn times_are_relative_and_exact() {
    let now: Timestamp = "2026-11-22T12:00:00Z".parse().expect("a time");
    for (at, ago) in [
        ("2026-11-22T11:59:30Z", "just now"),
        ("2026-11-22T11:57:00Z", "3 min ago"),
        ("2026-11-22T07:00:00Z", "5 h ago"),
        ("2026-11-12T12:00:00Z", "10 d ago"),
        ("2026-11-22T12:30:00Z", "in 30 min"),
        ("never", "never"),
    ] {
        let when = When::of(at, now);
        assert_eq!((when.ago.as_str(), when.exact.as_str()), (ago, at));
    }
    assert_eq!(
        [12, 1500, 61_000].map(took),
        ["12 ms", "1.5 s", "1 min 1 s"]
    );
}
