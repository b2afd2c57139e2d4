//! What holds for every text.

use proptest::prelude::*;

use crate::parse;

/// Texts made of what the grammar looks at.
pub(crate) fn reply() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec![
        "```ts:src/a.ts",
        "```",
        "~~~",
        "````md:README.md",
        "````",
        "```bash",
        "```diff",
        "```delete:old.ts",
        "### `src/b.ts`",
        "**c.py**:",
        "// File: d.ts",
        "# e.py",
        "<<<<<<< SEARCH",
        "=======",
        ">>>>>>> REPLACE",
        "> ```js:q.js",
        "> ```",
        "- item",
        "  ```go:l.go",
        "  ```",
        "<think>",
        "</think>",
        "```12:15:x.ts",
        "```ts:../x",
        "import { a } from './a'",
        "test('x', () => {})",
        "",
        "text",
        "  ",
        "\t",
        "\r",
        "--- a/x",
        "+++ b/x",
        "@@ -1 +1 @@",
        "```json",
        "{\"name\":\"x\",\"scripts\":{}}",
        "```ts title=\"t.ts\"",
        "| a | b |",
        "<div>",
        "```markdown",
        "- src/l.ts",
        "é\u{301}",
    ]);
    prop::collection::vec(line, 0..30).prop_map(|lines| lines.join("\n"))
}

/// A fence longer than any in the content.
fn render(path: &str, content: &str) -> String {
    let mut longest = 2;
    let mut run = 0;
    for c in content.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest + 1);
    format!("{fence}text:{path}\n{content}{fence}\n\n")
}

fn content() -> impl Strategy<Value = String> {
    let free = any::<String>().prop_map(|text| text.replace("\r\n", "\n").replace('\r', ""));
    prop_oneof![free, reply().prop_map(|text| text.replace('\r', ""))].prop_map(|mut text| {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text
    })
}

proptest! {
    #[test]
    fn every_text_parses_to_something_that_adds_up(text in prop_oneof![any::<String>(), reply()]) {
        let reply = parse(&text);
        let lines = text.lines().count().max(1) + 1;
        for file in &reply.files {
            prop_assert!(text.get(file.bytes.clone()).is_some());
            prop_assert!(file.lines.0 <= file.lines.1 && file.lines.1 <= lines);
            prop_assert!(file.content.len() <= file.bytes.len() + 3 * (file.lines.1 - file.lines.0));
            prop_assert_eq!(file.inferred, file.source == crate::Source::Inferred);
        }
        for warning in &reply.warnings {
            prop_assert!(warning.line >= 1 && warning.line <= lines + 1);
            prop_assert!(!warning.message.contains(|c: char| c.is_control()));
        }
        let mut paths: Vec<&str> = reply.files.iter().map(|file| file.path.as_str()).collect();
        paths.extend(reply.deletions.iter().map(|deletion| deletion.path.as_str()));
        let count = paths.len();
        paths.sort_unstable();
        paths.dedup();
        prop_assert_eq!(paths.len(), count);
    }

    #[test]
    fn files_come_back_as_they_were_rendered(contents in prop::collection::vec(content(), 1..5)) {
        let text: String = contents.iter().enumerate().map(|(n, content)| render(&format!("f/{n}.dat"), content)).collect();
        let reply = parse(&text);
        // What looks like an edit is one, whatever its path.
        prop_assume!(reply.edits.is_empty());
        prop_assert_eq!(reply.files.len(), contents.len(), "{}", text);
        for (file, content) in reply.files.iter().zip(&contents) {
            prop_assert_eq!(&file.content, content);
            prop_assert!(file.complete);
            prop_assert_eq!(&text[file.bytes.clone()], content);
        }
    }
}
