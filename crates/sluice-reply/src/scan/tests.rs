//! The scanner against pulldown-cmark, on texts made of what matters to blocks.

use proptest::prelude::*;
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use super::*;

/// Info string and body of every fenced block, as pulldown-cmark reads them.
fn reference(text: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for (event, range) in Parser::new_ext(text, Options::empty()).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))) => {
                let opener = text[range].lines().next().unwrap_or_default().to_owned();
                open = Some((
                    opener.trim_start_matches(['`', '~']).trim().to_owned(),
                    String::new(),
                ));
            }
            Event::End(TagEnd::CodeBlock) => blocks.extend(open.take()),
            Event::Text(part) => {
                if let Some((_, body)) = &mut open {
                    body.push_str(&part);
                }
            }
            _ => {}
        }
    }
    blocks
}

fn ours(text: &str) -> Vec<(String, String)> {
    let scan = scan(text, false);
    scan.fences
        .into_iter()
        .map(|fence| (fence.opener.info.to_owned(), fence.content.into_owned()))
        .collect()
}

/// What a line starts with: marks of containers, with white space of any width.
fn start() -> impl Strategy<Value = String> {
    let few = prop::sample::select(vec![
        "", "", "", " ", "  ", "   ", "    ", "\t", " \t", "> ", ">", "> > ", "- ", "-", "* ",
        "1. ", "2. ", "10) ", "-   ", "-     ", "> - ", "- > ", "- - ", "   - ", "  > ", ">\t",
        "-\t", "1.\t", "\t\t",
    ]);
    let mark = prop::sample::select(vec![
        ">",
        "> ",
        ">  ",
        ">\t",
        "-",
        "- ",
        "-  ",
        "-\t",
        "+ ",
        "* ",
        "1. ",
        "1) ",
        "01. ",
        "2. ",
        "10. ",
        "123456789. ",
        "1234567890. ",
        "1.\t",
        " ",
        "  ",
        "   ",
        "    ",
        "     ",
        "\t",
        " \t",
        "  \t",
    ]);
    let many = prop::collection::vec(mark, 0..5).prop_map(|marks| marks.concat());
    prop_oneof![few.prop_map(str::to_owned), many]
}

fn line() -> impl Strategy<Value = String> {
    let rest = prop::sample::select(vec![
        "",
        "",
        "```",
        "```",
        "```ts:src/a.ts",
        "```js",
        "````",
        "````md",
        "~~~",
        "~~~ x",
        "~~~~",
        "``",
        "a",
        "text",
        "# head",
        "---",
        "===",
        "***",
        "<div>",
        "</div>",
        "<b>",
        "<!-- x",
        "-->",
        "<!-- y -->",
        "<pre>",
        "</pre>",
        "- item",
        "1. one",
        "2. two",
        "> quote",
        "    code",
        "  two",
        "``` ",
        "```  `",
        "~~~ `",
        "#",
        "* * *",
        "<a b=\"c\">",
        "<?php",
        "?>",
        "\ttab",
        "=",
        "-",
        "- - -",
        "__ _",
        "--- x",
        "== =",
        "[a]: /x",
        "[a]:",
        "[a]: <x",
        "/x",
        "'title'",
        "\"title",
        "[a]: /x 'y",
        "[a]: /x (z)",
        "#x",
        "####### x",
        "\\```",
        "`` ` ```",
        "```\tx",
        "   ```",
        "    ```",
        "\t```",
        "<details>",
        "<summary>a</summary>",
        "</details>",
        "<details open>",
        "<DIV CLASS=\"x\"",
        ">",
        "<![CDATA[",
        "]]>",
        "<!X",
        "<!-->",
        "<a  href = 'x' disabled/>",
        "<a b=c>d",
        "</a >",
        "</ a>",
        "<a.b>",
        "<x-y>",
        "<p>```",
        "a\\",
        "**a**",
        "[a",
        "]",
        "\u{a0}```",
        "\u{b}```",
        "\u{c}```",
        "é",
        "``` é`",
        "\u{2028}",
        "&#96;``",
    ]);
    (start(), rest).prop_map(|(start, rest)| {
        let line = format!("{start}{rest}");
        // After a tab a quote mark is code; pulldown-cmark 0.13 still takes it for one.
        let quoted = line
            .find('>')
            .filter(|_| line.trim_start().starts_with(is_mark));
        match line.rfind('>').or(quoted) {
            Some(at) => line[..at].replace('\t', " ") + &line[at..],
            None => line,
        }
    })
}

fn is_mark(c: char) -> bool {
    c.is_ascii_digit() || ">-+*".contains(c)
}

/// Texts with line breaks of either kind, or of both, and with or without one at the end.
fn text(lines: usize) -> impl Strategy<Value = String> {
    let feed = prop::sample::select(vec!["\n", "\n", "\n", "\r\n"]);
    let mixed = prop::collection::vec((line(), feed.clone()), 0..lines).prop_map(|lines| {
        lines
            .into_iter()
            .map(|(line, feed)| line + feed)
            .collect::<String>()
    });
    let plain = prop::collection::vec(line(), 0..lines).prop_map(|lines| lines.join("\n"));
    let dos = prop::collection::vec(line(), 0..lines).prop_map(|lines| lines.join("\r\n"));
    prop_oneof![mixed, plain, dos].prop_map(|text| {
        // Below nothing but definitions of links, an underline is text, which the scanner does not know.
        let text = if text.contains("[a]:") {
            text.replace(['=', '-'], "+")
        } else {
            text
        };
        // Of a last line that is blank and has no break, pulldown-cmark takes nothing into a block.
        let said = text.ends_with(|c: char| c.is_ascii_alphanumeric() || "`~".contains(c));
        if said { text } else { text + "\n" }
    })
}

proptest! {
    // `PROPTEST_CASES=200000` for an hour by hand.
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(4096), ..ProptestConfig::default() })]
    #[test]
    fn reads_blocks_as_pulldown_cmark_does(text in prop_oneof![text(12), text(40)]) {
        prop_assert_eq!(ours(&text), reference(&text), "{:?}", text);
    }
}

#[test]
fn reads_the_shared_samples_as_pulldown_cmark_does() {
    for file in std::fs::read_dir(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/testdata/samples/transcripts"
    ))
    .unwrap()
    {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let text = text.trim_start_matches('\u{feff}');
        assert_eq!(ours(text), reference(text), "{text:.200}");
    }
}
