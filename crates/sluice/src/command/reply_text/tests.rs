//! Byte ranges are right also behind bytes that are not UTF-8.

use super::ReplyText;

#[test]
fn ranges_are_those_of_the_input() {
    let input = b"a \xff\xff b \xe2\x82\n\n```ts:a.ts\nlet a = '\xfe';\n```\n";
    let reply = ReplyText::of(input).parse();
    assert_eq!(reply.files.len(), 1, "{:?}", reply.warnings);
    assert_eq!(&input[reply.files[0].bytes.clone()], b"let a = '\xfe';\n");
    assert_eq!(reply.files[0].content, "let a = '\u{fffd}';\n");
}

#[test]
fn ranges_of_plain_text_stay() {
    let input = "é\n```ts:a.ts\nx\n```\n";
    let reply = ReplyText::of(input.as_bytes()).parse();
    assert_eq!(&input[reply.files[0].bytes.clone()], "x\n");
}
