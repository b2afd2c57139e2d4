//! What comes back of files that were rendered as the format says, and what holds of an explanation.

use proptest::prelude::*;
use serde_json::Value;
use sluice_path::RelPath;

use crate::{Became, explain, parse};

/// Paths with folders, spaces, marks and letters of all kinds, which end in an extension.
fn path() -> impl Strategy<Value = String> {
    let part = "[a-zA-Z0-9_@+()\\[\\]äßé日.][a-zA-Z0-9_@+()\\[\\] äßé日.-]{0,12}";
    (
        prop::collection::vec(part, 0..4),
        "[a-z0-9äé][a-z0-9 äé_-]{0,8}",
        "[a-z]{1,5}",
    )
        .prop_map(|(mut folders, name, extension)| {
            folders.push(format!("{name}.{extension}"));
            folders.join("/")
        })
        .prop_filter("a path as it is written", |path| {
            RelPath::parse(path).is_ok_and(|read| read.as_str() == path)
        })
}

/// A fence of the character, longer than any run of it in the content.
fn fence(mark: char, content: &str) -> String {
    let (mut longest, mut run) = (2, 0);
    for c in content.chars() {
        run = if c == mark { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    mark.to_string().repeat(longest + 1)
}

fn content() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        "[^\\r\\n]{0,40}",
        Just("```".to_owned()),
        Just("````ts:src/x.ts".to_owned()),
        Just("~~~~".to_owned()),
        Just("</think>".to_owned()),
        Just("> - quoted".to_owned()),
        Just("// File: other.ts".to_owned()),
        Just("\t".to_owned()),
    ];
    prop::collection::vec(line, 0..12).prop_map(|lines| {
        let mut text = lines.join("\n");
        if !text.is_empty() {
            text.push('\n');
        }
        text
    })
}

proptest! {
    #[test]
    fn any_path_and_any_content_come_back(
        path in path(), content in content(), mark in prop::sample::select(vec!['`', '~']),
        language in prop::sample::select(vec!["text", "ts", "md", "c++", "", "sh", "console", "mermaid", "json"]),
        around in prop::sample::select(vec!["", "Some words.\n\n", "### `other.ts`\n", "\u{feff}"]),
    ) {
        // A tilde fence takes what follows its marks in the same line as well.
        let fence = fence(mark, &content);
        let text = format!("{around}{fence}{language}:{path}\n{content}{fence}\n");
        let reply = parse(&text);
        // What looks like an edit is one, whatever its path.
        prop_assume!(reply.edits.is_empty());
        prop_assert_eq!(reply.files.len(), 1, "{}", text);
        prop_assert_eq!(reply.files[0].path.as_str(), path);
        prop_assert_eq!(&reply.files[0].content, &content);
        prop_assert!(reply.files[0].complete);
    }

    #[test]
    fn json_is_the_same_every_time_and_has_the_contracts_keys(text in any::<String>(), content in content()) {
        for text in [text.as_str(), content.as_str()] {
            let json = || serde_json::to_string(&parse(text).to_json(true)).unwrap();
            prop_assert_eq!(json(), json());
            let read: Value = serde_json::from_str(&json()).unwrap();
            let keys: Vec<&String> = read.as_object().unwrap().keys().collect();
            prop_assert_eq!(keys, ["files", "edits", "deletions", "warnings"]);
        }
    }

    #[test]
    fn an_explanation_has_every_block_and_agrees_with_the_reply(
        lines in prop::collection::vec(prop::sample::select(vec![
            "```ts:src/a.ts", "```", "````", "```delete:old.ts", "### `src/b.ts`", "// File: src/c.ts", "```sh",
            "```diff", "--- a/x", "+++ b/x", "@@ -1 +1 @@", "text", "", "```md:README.md", "```ts:../x", "```\u{1b}:a",
        ]), 0..25),
    ) {
        let text = lines.join("\n");
        let reply = parse(&text);
        let blocks = explain(&text, &reply);
        prop_assert_eq!(blocks.len(), reply.blocks);
        let count = |what| blocks.iter().filter(|block| block.became == what).count();
        prop_assert_eq!(count(Became::File), reply.files.len());
        prop_assert_eq!(count(Became::Edit), reply.edits.len());
        prop_assert_eq!(count(Became::Deletion), reply.deletions.len());
        for block in &blocks {
            prop_assert!(!block.why.is_empty());
            prop_assert!(!block.why.contains(|c: char| c.is_control()));
        }
    }
}
