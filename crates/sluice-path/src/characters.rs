//! Which characters may stand in a name.

use unicode_normalization::UnicodeNormalization;

/// Characters that show nothing, show something else, or reorder the text around them.
///
/// Unicode's general category Cf, its `Default_Ignorable_Code_Point` property, the blanks that look like
/// nothing, and the spaces that look like a plain space (`UnicodeData.txt`, `DerivedCoreProperties.txt` 16.0).
const INVISIBLE: &[(char, char)] = &[
    ('\u{00A0}', '\u{00A0}'),
    ('\u{00AD}', '\u{00AD}'),
    ('\u{034F}', '\u{034F}'),
    ('\u{0600}', '\u{0605}'),
    ('\u{061C}', '\u{061C}'),
    ('\u{06DD}', '\u{06DD}'),
    ('\u{070F}', '\u{070F}'),
    ('\u{0890}', '\u{0891}'),
    ('\u{08E2}', '\u{08E2}'),
    ('\u{115F}', '\u{1160}'),
    ('\u{1680}', '\u{1680}'),
    ('\u{17B4}', '\u{17B5}'),
    ('\u{180B}', '\u{180F}'),
    ('\u{2000}', '\u{200F}'),
    ('\u{2028}', '\u{202F}'),
    ('\u{205F}', '\u{206F}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{FE00}', '\u{FE0F}'),
    ('\u{FEFF}', '\u{FEFF}'),
    ('\u{FFA0}', '\u{FFA0}'),
    ('\u{FFF0}', '\u{FFFD}'),
    ('\u{110BD}', '\u{110BD}'),
    ('\u{110CD}', '\u{110CD}'),
    ('\u{13430}', '\u{1343F}'),
    ('\u{1BCA0}', '\u{1BCA3}'),
    ('\u{1D173}', '\u{1D17A}'),
    ('\u{E0000}', '\u{E0FFF}'),
];

/// Asks for emoji presentation: ordinary after a symbol, a disguise after a letter.
const EMOJI_PRESENTATION: char = '\u{FE0F}';

/// The first character of `text` that may not stand in a name because it cannot be seen for what it is.
pub(crate) fn first_unseen(text: &str) -> Option<char> {
    if text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return None;
    }
    let mut before = None;
    for c in text.chars() {
        let presents_symbol = c == EMOJI_PRESENTATION
            && before
                .is_some_and(|b: char| ('\u{2010}'..'\u{E000}').contains(&b) || b > '\u{1F000}');
        if !presents_symbol && (c.is_control() || is_invisible(c) || is_noncharacter(c)) {
            return Some(c);
        }
        before = Some(c);
    }
    None
}

/// Whether `c` shows nothing of its own.
pub(crate) fn is_invisible(c: char) -> bool {
    c > '~'
        && INVISIBLE
            .iter()
            .any(|&(low, high)| (low..=high).contains(&c))
}

fn is_noncharacter(c: char) -> bool {
    let n = u32::from(c);
    n & 0xFFFE == 0xFFFE || (0xFDD0..=0xFDEF).contains(&n)
}

/// The separator that `c` looks like or becomes under compatibility normalisation.
pub(crate) fn as_separator(c: char) -> Option<char> {
    match c {
        '\u{2044}' | '\u{2215}' | '\u{29F8}' | '\u{2571}' => Some('/'),
        '\u{2216}' | '\u{29F5}' | '\u{29F9}' | '\u{2572}' => Some('\\'),
        '\u{80}'.. => std::iter::once(c)
            .nfkc()
            .find(|&folded| matches!(folded, '/' | '\\')),
        _ => None,
    }
}
