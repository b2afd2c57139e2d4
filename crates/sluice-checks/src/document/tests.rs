//! Documents against their rules.

use std::collections::BTreeMap;

use super::*;

fn rule(toml: &str) -> DocumentRule {
    toml::from_str(toml).unwrap()
}

#[track_caller]
fn check(rule_toml: &str, files: &[(&str, &str)], expect: &[&str]) {
    let tree: BTreeMap<String, Vec<u8>> = files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()))
        .collect();
    let found: Vec<String> = inspect(&tree, &rule(rule_toml))
        .iter()
        .map(|finding| format!("{}: {}", finding.rule, finding.message))
        .collect();
    assert_eq!(found.len(), expect.len(), "{found:#?}");
    for (found, expect) in found.iter().zip(expect) {
        assert!(found.starts_with(expect), "{found} is not {expect}");
    }
}

const PRD: &str = r#"path = "docs/PRD.md"
kind = "markdown"
sections = ["Goals", "Users|Audience"]
"#;

#[test]
fn a_document_has_its_sections() {
    let good = "# A TODO service\n\n## 1. Goals and limits\nKeep a list of TODO items per person.\n\n## Audience\n### People\nTeams that share small lists every day.\n";
    check(PRD, &[("docs/PRD.md", good)], &[]);
    check(
        PRD,
        &[("PRD.md", good)],
        &["missing: docs/PRD.md is not there"],
    );
    check(PRD, &[("docs/PRD.md", " \n")], &["empty"]);
    check(
        PRD,
        &[(
            "docs/PRD.md",
            "# Goals\nA list of things that people share.\n",
        )],
        &["section-missing: there is no section \"Users|Audience\""],
    );
    check(
        PRD,
        &[(
            "docs/PRD.md",
            "# Goals\n<!-- one two three four five six\nseven -->\n## Users\none two three four five\n",
        )],
        &[],
    );
    check(
        PRD,
        &[(
            "docs/PRD.md",
            "# Goals\n<!-- one two three four five six -->\n# Users\none two three four five\n",
        )],
        &["section-empty: section \"Goals\" has 0 words"],
    );
    check(
        PRD,
        &[(
            "docs/PRD.md",
            "Goals\n=====\none two three four five\n\nUsers\n-----\none two three four five\n",
        )],
        &[],
    );
    check(
        PRD,
        &[(
            "docs/PRD.md",
            "```\n# Goals\none two three four five\n# Users\none two three four five\n```\n",
        )],
        &["section-missing", "section-missing"],
    );
}

#[test]
fn placeholders_are_seen() {
    let text = "# Goals\nTODO: write this down soon, please\n# Users\nLorem ipsum dolor sit amet, and [insert name] TBD\n\n- TODO\n\n```\nTODO: code\n```\n";
    check(
        PRD,
        &[("docs/PRD.md", text)],
        &["placeholder", "placeholder", "placeholder"],
    );
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let tree = BTreeMap::from([("docs/PRD.md".to_owned(), vec![0xff, 0xfe, 0])]);
    assert_eq!(inspect(&tree, &rule(PRD))[0].rule, "unreadable");
}

#[test]
fn designs_are_counted_and_one_is_chosen() {
    let page = "<!DOCTYPE html><html lang=en><head><title>A</title><style>b{}</style></head><body><h1>Hello</h1></body></html>";
    let rule = "path = \"design/option-*.html\"\nkind = \"html\"\ncount = 3\nmin_bytes = 50";
    let three = [
        ("design/option-a.html", page),
        ("design/option-b.html", page),
        ("design/option-c.html", page),
    ];
    check(rule, &three, &[]);
    check(
        rule,
        &three[..2],
        &["missing: design/option-*.html must match 3 files and matches 2"],
    );
    let cut = "<!DOCTYPE html><html><head><title>A</title></head><body><script>const a = '<h1>';</script>";
    check(
        "path = \"a.html\"\nkind = \"html\"",
        &[("a.html", cut)],
        &[
            "html: the page has no complete <html>",
            "html: the page has no complete <body>",
            "html: nothing can be read",
        ],
    );
    let choice =
        "path = \"design/CHOICE.md\"\nkind = \"markdown\"\nnames = \"design/option-*.html\"";
    check(
        choice,
        &[three[0], ("design/CHOICE.md", "We take `option-a.html`.")],
        &[],
    );
    check(
        choice,
        &[three[0], ("design/CHOICE.md", "We take the best.")],
        &["names"],
    );
}

#[test]
fn a_rule_can_depend_on_a_file() {
    let rule = "path = \"DATA.md\"\nkind = \"text\"\nrequired_if = \"prisma/**\"";
    check(rule, &[("src/a.ts", "x")], &[]);
    check(rule, &[("prisma/schema.prisma", "x")], &["missing"]);
}

#[test]
fn json_and_yaml_parse() {
    check(
        "path = \"a.json\"\nkind = \"json\"",
        &[("a.json", "{\"a\": [1, 2]}")],
        &[],
    );
    check(
        "path = \"a.json\"\nkind = \"json\"",
        &[("a.json", "{\"a\": [1, 2}")],
        &["json: this is no JSON"],
    );
    check(
        "path = \"a.yaml\"\nkind = \"yaml\"",
        &[("a.yaml", "a: [1, 2]\n200: b\n")],
        &[],
    );
    check(
        "path = \"a.yaml\"\nkind = \"yaml\"",
        &[("a.yaml", "a: [1, 2\nb: {")],
        &["yaml: this is no YAML"],
    );
    let bomb = (1..30).fold("a0: &a0 [x, x]\n".to_owned(), |text, n| {
        format!("{text}a{n}: &a{n} [*a{0}, *a{0}, *a{0}, *a{0}]\n", n - 1)
    });
    check(
        "path = \"a.yaml\"\nkind = \"yaml\"",
        &[("a.yaml", &bomb)],
        &["yaml"],
    );
    let deep = "[".repeat(100_000);
    check(
        "path = \"a.yaml\"\nkind = \"yaml\"",
        &[("a.yaml", &deep)],
        &["yaml"],
    );
    check(
        "path = \"a.json\"\nkind = \"json\"",
        &[("a.json", &deep)],
        &["json"],
    );
}

const SPEC: &str = "path = \"openapi.yaml\"\nkind = \"openapi\"";

#[test]
fn an_openapi_document_parses_for_real() {
    for version in ["3.0.3", "3.1.0"] {
        let good = format!(
            "openapi: {version}\ninfo: {{title: T, version: '1'}}\npaths:\n  /items/{{id}}:\n    get:\n      parameters: [{{$ref: '#/components/parameters/Id'}}]\n      responses:\n        200:\n          description: ok\n          content: {{application/json: {{schema: {{$ref: '#/components/schemas/Item'}}}}}}\ncomponents:\n  parameters:\n    Id: {{name: id, in: path, required: true, schema: {{type: string}}}}\n  schemas:\n    Item: {{type: object, properties: {{id: {{type: string}}}}}}\n"
        );
        check(SPEC, &[("openapi.yaml", &good)], &[]);
        check(
            SPEC,
            &[("openapi.yaml", &good.replace("    Item:", "    Thing:"))],
            &["openapi: #/components/schemas/Item leads nowhere"],
        );
        check(
            SPEC,
            &[("openapi.yaml", &good.replace("name: id", "name: other"))],
            &["openapi: GET /items/{id} does not declare"],
        );
        check(
            SPEC,
            &[(
                "openapi.yaml",
                &good.replace("info: {title: T, version: '1'}\n", ""),
            )],
            &["openapi: this is no OpenAPI document"],
        );
    }
    check(
        SPEC,
        &[(
            "openapi.yaml",
            "openapi: 3.1.0\ninfo: {title: T, version: '1'}\npaths: {}\n",
        )],
        &["openapi: there is no operation"],
    );
    check(
        SPEC,
        &[("openapi.yaml", "swagger: '2.0'\n")],
        &[
            "openapi: this is no OpenAPI document: `openapi` must be",
            "openapi: there is no operation",
        ],
    );
    check(
        SPEC,
        &[(
            "openapi.yaml",
            "openapi: 3.1.0\ninfo: {title: T, version: '1'}\npaths: {/a: {get: {responses: {}}}}\n",
        )],
        &["openapi: GET /a has no response"],
    );
}

#[test]
fn a_wrong_rule_says_what_is_wrong() {
    let cases = [
        (
            "path = \"a\"\nkind = \"text\"\nsection = []",
            "unknown field `section`",
        ),
        ("path = \"a\"\nkind = \"word\"", "unknown variant `word`"),
        ("path = \"../a\"\nkind = \"text\"", "must be relative"),
        ("path = \"a[\"\nkind = \"text\"", "is no path or glob"),
        (
            "path = \"a\"\nkind = \"text\"\nsections = [\"A\"]",
            "sections has a meaning for markdown only",
        ),
        (
            "path = \"a\"\nkind = \"text\"\ncount = 1\nmin_count = 1",
            "cannot be given both",
        ),
        (
            "path = \"a\"\nkind = \"text\"\ncount = 0",
            "count must be at least 1",
        ),
    ];
    for (toml, expect) in cases {
        let error = toml::from_str::<DocumentRule>(toml)
            .unwrap_err()
            .to_string();
        assert!(error.contains(expect), "{error}");
    }
}
