//! What of a reply is a question: never what the grammar takes for a file.

use super::questions;

#[test]
fn a_block_of_the_language_question_asks() {
    let reply = "I need to know.\n\n```question\nWhich database?\n\n- a\n- b\n```\n\nAnd:\n\n> ~~~Question\n> x\n> ~~~\n";
    let asked = questions(reply);
    assert_eq!(asked[0], "Which database?\n\n- a\n- b");
    assert_eq!(
        questions("```question\nOne?\n```\n```question\nTwo?\n```\n"),
        ["One?", "Two?"]
    );
    let many = "```question\nMore?\n```\n".repeat(9);
    assert_eq!(questions(&many).len(), 5);
}

#[test]
fn what_the_grammar_takes_for_a_file_is_no_question() {
    for reply in [
        "```question:docs/q.md\nWhich?\n```\n",
        "```question title=\"docs/q.md\"\nWhich?\n```\n",
        "```question docs/q.md\nWhich?\n```\n",
        "File: docs/q.md\n```question\nWhich?\n```\n",
        "**docs/q.md**\n```question\nWhich?\n```\n",
        "```question\n// File: docs/q.md\nWhich?\n```\n",
        "```md:docs/q.md\n```question\nWhich?\n```\n",
        "```md\nWhich question?\n```\n",
        "```question\nWhich?\n",
        "```question\n\n```\n",
        "No question at all.\n",
    ] {
        assert_eq!(questions(reply), Vec::<String>::new(), "{reply}");
    }
}
