//! SEARCH/REPLACE blocks.

use super::{World, fenced};

const FIVE: &str = "one\ntwo\nthree\nfour\nfive\n";

fn five() -> World {
    World::new(&[("src/a.ts", FIVE)])
}

fn block(search: &str, replace: &str) -> String {
    format!("<<<<<<< SEARCH\n{search}=======\n{replace}>>>>>>> REPLACE\n")
}

#[track_caller]
fn after(text: &str) -> String {
    five()
        .after(&fenced("ts:src/a.ts", text))
        .remove("src/a.ts")
        .unwrap_or_default()
}

#[test]
fn the_marks_of_all_who_use_them_are_known() {
    let expected = "one\n2\nthree\nfour\nfive\n";
    for text in [
        block("two\n", "2\n"),
        "<<<<< SEARCH\ntwo\n=====\n2\n>>>>> REPLACE\n".to_owned(),
        "<<<<<<<<< SEARCH>\ntwo\n=========\n2\n>>>>>>>>> REPLACE\n".to_owned(),
        "<<<<<<< ORIGINAL\ntwo\n=======\n2\n>>>>>>> UPDATED\n".to_owned(),
        "------- SEARCH\ntwo\n=======\n2\n+++++++ REPLACE\n".to_owned(),
        "<<<<<<< SEARCH\n:start_line:2\n-------\ntwo\n=======\n2\n>>>>>>> REPLACE\n".to_owned(),
        "<<<<<<< SEARCH\n:start_line:2\n:end_line:2\n-------\ntwo\n=======\n2\n>>>>>>> REPLACE\n"
            .to_owned(),
    ] {
        assert_eq!(after(&text), expected, "{text}");
    }
}

#[test]
fn the_path_stands_before_in_or_on_the_fence() {
    let edit = block("two\n", "2\n");
    for reply in [
        fenced("ts:src/a.ts", &edit),
        format!("src/a.ts\n{}", fenced("ts", &edit)),
        format!("### `src/a.ts`\n\n{}", fenced("", &edit)),
        fenced("", &format!("src/a.ts\n{edit}")),
    ] {
        assert_eq!(
            five().after(&reply)["src/a.ts"],
            "one\n2\nthree\nfour\nfive\n",
            "{reply}"
        );
    }
    let reply = fenced("", &edit);
    assert_eq!(five().refused(&reply), [("edit_no_path", 2)]);
}

#[test]
fn several_in_one_fence_act_one_after_the_other() {
    let text = format!(
        "{}\n{}{}",
        block("two\n", "2\n2b\n"),
        block("2b\n", "zwei\n"),
        block("five\n", "")
    );
    assert_eq!(after(&text), "one\n2\nzwei\nthree\nfour\n");
    let world = World::new(&[("a.txt", "a\n"), ("b.txt", "b\n")]);
    let text = format!(
        "a.txt\n{}\nb.txt\n{}",
        block("a\n", "A\n"),
        block("b\n", "B\n")
    );
    let files = world.after(&fenced("", &text));
    assert_eq!(
        (files["a.txt"].as_str(), files["b.txt"].as_str()),
        ("A\n", "B\n")
    );
}

#[test]
fn a_search_must_stand_once() {
    let world = World::new(&[("a.txt", "x\nsame\ny\nsame\n")]);
    let refused = world
        .resolve(&fenced("txt:a.txt", &block("same\n", "new\n")))
        .refused;
    assert_eq!(refused[0].code, "edit_ambiguous");
    assert!(
        refused[0]
            .message
            .contains("2 times in the file, at lines 2, 4"),
        "{refused:?}"
    );
    assert_eq!(
        world.after(&fenced("txt:a.txt", &block("y\nsame\n", "y\nnew\n")))["a.txt"],
        "x\nsame\ny\nnew\n"
    );
}

#[test]
fn an_empty_search_makes_a_file_that_is_not_there_or_empty() {
    let world = World::new(&[("empty.txt", ""), ("full.txt", "x\n")]);
    for path in ["new.txt", "empty.txt"] {
        let files = world.after(&fenced(&format!("txt:{path}"), &block("", "n1\nn2\n")));
        assert_eq!(files[path], "n1\nn2\n");
    }
    assert_eq!(
        world.refused(&fenced("txt:full.txt", &block("", "n1\n"))),
        [("edit_exists", 2)]
    );
}

#[test]
fn a_divider_in_the_text_is_told_from_the_one_between() {
    let world = World::new(&[("doc.rst", "Title\n=======\nOld\n")]);
    let cases = [
        // In both parts, in the first, in the second.
        (
            block("Title\n=======\nOld\n", "Title\n=======\nNew\n"),
            "Title\n=======\nNew\n",
        ),
        (block("Title\n=======\nOld\n", "New\n"), "New\n"),
        (
            block("Old\n", "More\n=======\nNew\n"),
            "Title\n=======\nMore\n=======\nNew\n",
        ),
        // The one that is as long as the opening mark, or escaped.
        (
            "<<<<<<<< SEARCH\nTitle\n=======\n========\nT\n=======\n>>>>>>>> REPLACE\n".to_owned(),
            "T\n=======\nOld\n",
        ),
        (
            "<<<<<<< SEARCH\nTitle\n\\=======\n=======\nT\n\\=======\n>>>>>>> REPLACE\n".to_owned(),
            "T\n=======\nOld\n",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(
            world.after(&fenced("rst:doc.rst", &text))["doc.rst"],
            expected,
            "{text}"
        );
    }
}

#[test]
fn what_is_not_whole_is_refused() {
    for (text, code) in [
        ("<<<<<<< SEARCH\ntwo\n=======\n2\n", "edit_malformed"),
        ("<<<<<<< SEARCH\ntwo\n>>>>>>> REPLACE\n", "edit_malformed"),
        (
            "<<<<<<< SEARCH\ntwo\n=======\n2\n<<<<<<< SEARCH\none\n=======\n1\n>>>>>>> REPLACE\n",
            "edit_malformed",
        ),
        (
            "<<<<<<< SEARCH\ntwo\nthree\n=======\n// ... existing code ...\n>>>>>>> REPLACE\n",
            "placeholder_elision",
        ),
    ] {
        let refused = five().refused(&fenced("ts:src/a.ts", text));
        assert!(
            refused.iter().any(|(found, _)| *found == code),
            "{text}\n{refused:?}"
        );
    }
    // Never closed.
    let refused =
        five().refused("```ts:src/a.ts\n<<<<<<< SEARCH\ntwo\n=======\n2\n>>>>>>> REPLACE\n");
    assert_eq!(refused, [("truncated", 1)]);
}

#[test]
fn a_miss_is_told_with_the_nearest_lines() {
    let source = "import a from 'a';\n\nexport function add(a: number, b: number) {\n  return a + b;\n}\n\nexport const zero = 0;\n";
    let world = World::new(&[("src/add.ts", source)]);
    let search = "export function add(a: number, b: number): number {\n  return a + b;\n}\n";
    let resolved = world.resolve(&fenced("ts:src/add.ts", &block(search, "x\n")));
    let refused = &resolved.refused[0];
    assert_eq!(refused.code, "edit_not_found");
    assert_eq!(
        refused.nearest_lines(),
        [
            ">    3 | export function add(a: number, b: number) {",
            "     4 |   return a + b;",
            "     5 | }",
        ]
    );
    assert!(
        refused.message.contains("lines 3-5") && refused.message.contains("line 3"),
        "{refused:?}"
    );
    // Also where no line is equal.
    let search = "export const zerro = 0;\n";
    let resolved = world.resolve(&fenced("ts:src/add.ts", &block(search, "x\n")));
    assert_eq!(
        resolved.refused[0].nearest_lines(),
        [">    7 | export const zero = 0;"]
    );
    let resolved = world.resolve(&fenced("ts:src/add.ts", &block("ÄÖÜ\n", "x\n")));
    assert_eq!(resolved.refused[0].nearest, None);
}

#[test]
fn blanks_may_differ_where_that_is_unambiguous() {
    let world = World::new(&[(
        "a.py",
        "class A:\n    def f(self):\n        pass   \n\n    def g(self):\n        pass\n",
    )]);
    let text = block(
        "def f(self):\n    pass\n",
        "def f(self):\n    return 1\n\ndef h(self):\n    pass\n",
    );
    assert_eq!(
        world.after(&fenced("py:a.py", &text))["a.py"],
        "class A:\n    def f(self):\n        return 1\n\n    def h(self):\n        pass   \n\n    def g(self):\n        pass\n"
    );
    let text = block("pass\n", "return\n");
    assert_eq!(
        world.refused(&fenced("py:a.py", &text)),
        [("edit_ambiguous", 2)]
    );
}
