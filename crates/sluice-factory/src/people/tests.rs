//! Names that are fit to be shown.

use super::presentable;

#[test]
fn a_name_is_one_line_that_shows_what_it_is() {
    for (given, shown) in [
        ("Ada Lovelace", "Ada Lovelace"),
        ("  Ada\n\tLovelace ", "Ada Lovelace"),
        ("Ada <ada@example.org>", "Ada ada@example.org"),
        ("Ada\u{202e}ecalevoL", "Ada ecalevoL"),
        ("A\u{200b}da", "A da"),
        ("\u{2067}\u{feff}", ""),
        ("", ""),
        ("Žofie Ångström 李", "Žofie Ångström 李"),
    ] {
        assert_eq!(presentable(given), shown, "{given:?}");
    }
    assert_eq!(presentable(&"a".repeat(500)).chars().count(), 80);
}
