//! Where CommonMark's HTML blocks start and end: fences inside them are text.

/// The seven kinds, by how they end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HtmlBlock {
    /// `<script`, `<pre`, `<style`, `<textarea`, to the line with an end tag of one of them.
    Raw,
    /// To the line that holds this text: comments, processing instructions, declarations, CDATA.
    Until(&'static str),
    /// A block element, to a blank line.
    Element,
    /// Any complete tag alone on its line, to a blank line; does not interrupt a paragraph.
    Tag,
}

impl HtmlBlock {
    /// The kind that a line starts with, if any. `line` has no indent.
    pub(crate) fn start(line: &[u8]) -> Option<HtmlBlock> {
        let rest = line.strip_prefix(b"<")?;
        if rest.starts_with(b"!--") {
            return Some(HtmlBlock::Until("-->"));
        }
        if rest.starts_with(b"?") {
            return Some(HtmlBlock::Until("?>"));
        }
        if rest.starts_with(b"![CDATA[") {
            return Some(HtmlBlock::Until("]]>"));
        }
        if rest.first() == Some(&b'!') && rest.get(1).is_some_and(u8::is_ascii_alphabetic) {
            return Some(HtmlBlock::Until(">"));
        }
        let closing = rest.first() == Some(&b'/');
        let name = tag_name(if closing { &rest[1..] } else { rest });
        let after = &rest[usize::from(closing) + name.len()..];
        if !name.is_empty() {
            let lower = name.to_ascii_lowercase();
            let ends = |b: Option<&u8>| matches!(b, None | Some(b' ' | b'\t' | b'\r' | b'>'));
            if !closing && RAW.contains(&lower.as_slice()) && ends(after.first()) {
                return Some(HtmlBlock::Raw);
            }
            if ELEMENTS.binary_search(&lower.as_slice()).is_ok()
                && (ends(after.first()) || after.starts_with(b"/>"))
            {
                return Some(HtmlBlock::Element);
            }
            if (closing || !RAW.contains(&lower.as_slice())) && is_whole_tag(after, closing) {
                return Some(HtmlBlock::Tag);
            }
        }
        None
    }

    /// Whether a block of this kind ends with this line (the kinds that end at a blank line end before it).
    pub(crate) fn ends_with(self, line: &[u8]) -> bool {
        match self {
            HtmlBlock::Raw => RAW.iter().any(|name| has_end_tag(line, name)),
            HtmlBlock::Until(text) => memchr::memmem::find(line, text.as_bytes()).is_some(),
            HtmlBlock::Element | HtmlBlock::Tag => false,
        }
    }

    pub(crate) fn ends_at_blank(self) -> bool {
        matches!(self, HtmlBlock::Element | HtmlBlock::Tag)
    }
}

const RAW: [&[u8]; 4] = [b"pre", b"script", b"style", b"textarea"];

/// CommonMark 0.31, section 4.6, condition 6; sorted.
const ELEMENTS: &[&[u8]] = &[
    b"address",
    b"article",
    b"aside",
    b"base",
    b"basefont",
    b"blockquote",
    b"body",
    b"caption",
    b"center",
    b"col",
    b"colgroup",
    b"dd",
    b"details",
    b"dialog",
    b"dir",
    b"div",
    b"dl",
    b"dt",
    b"fieldset",
    b"figcaption",
    b"figure",
    b"footer",
    b"form",
    b"frame",
    b"frameset",
    b"h1",
    b"h2",
    b"h3",
    b"h4",
    b"h5",
    b"h6",
    b"head",
    b"header",
    b"hr",
    b"html",
    b"iframe",
    b"legend",
    b"li",
    b"link",
    b"main",
    b"menu",
    b"menuitem",
    b"nav",
    b"noframes",
    b"ol",
    b"optgroup",
    b"option",
    b"p",
    b"param",
    b"search",
    b"section",
    b"summary",
    b"table",
    b"tbody",
    b"td",
    b"tfoot",
    b"th",
    b"thead",
    b"title",
    b"tr",
    b"track",
    b"ul",
];

fn tag_name(bytes: &[u8]) -> &[u8] {
    if !bytes.first().is_some_and(u8::is_ascii_alphabetic) {
        return &[];
    }
    let end = bytes
        .iter()
        .position(|b| !b.is_ascii_alphanumeric() && *b != b'-')
        .unwrap_or(bytes.len());
    &bytes[..end]
}

fn has_end_tag(line: &[u8], name: &[u8]) -> bool {
    memchr::memmem::find_iter(line, b"</").any(|at| {
        let rest = &line[at + 2..];
        rest.len() > name.len()
            && rest[..name.len()].eq_ignore_ascii_case(name)
            && rest[name.len()] == b'>'
    })
}

/// Whether what follows a tag's name completes the tag and nothing but white space comes after it.
fn is_whole_tag(mut rest: &[u8], closing: bool) -> bool {
    loop {
        let trimmed = rest.trim_ascii_start();
        let spaced = trimmed.len() < rest.len();
        if let Some(after) = trimmed.strip_prefix(b">") {
            return after.trim_ascii().is_empty();
        }
        if !closing && let Some(after) = trimmed.strip_prefix(b"/>") {
            return after.trim_ascii().is_empty();
        }
        if closing || !spaced {
            return false;
        }
        match attribute(trimmed) {
            Some(after) => rest = after,
            None => return false,
        }
    }
}

/// Reads one attribute and gives back what follows it.
fn attribute(bytes: &[u8]) -> Option<&[u8]> {
    let first = bytes.first()?;
    if !first.is_ascii_alphabetic() && !matches!(first, b'_' | b':') {
        return None;
    }
    let named = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b':' | b'-');
    let end = bytes.iter().position(|b| !named(b)).unwrap_or(bytes.len());
    let after = &bytes[end..];
    let Some(value) = after.trim_ascii_start().strip_prefix(b"=") else {
        return Some(after);
    };
    let value = value.trim_ascii_start();
    match value.first()? {
        quote @ (b'"' | b'\'') => {
            let close = memchr::memchr(*quote, &value[1..])?;
            Some(&value[close + 2..])
        }
        _ => {
            let bare = |b: &u8| {
                !matches!(
                    b,
                    b' ' | b'\t' | b'\r' | b'"' | b'\'' | b'=' | b'<' | b'>' | b'`'
                )
            };
            let end = value.iter().position(|b| !bare(b)).unwrap_or(value.len());
            (end > 0).then(|| &value[end..])
        }
    }
}
