//! What scripts come to, by their text.

use std::collections::BTreeMap;

use super::*;

fn script(scripts: &str) -> Script {
    let manifest = format!(r#"{{"scripts": {scripts}}}"#);
    let tree = BTreeMap::from([("package.json".to_owned(), manifest.into_bytes())]);
    read(&Manifest::read(&tree, ""), "test").expect("a test script")
}

#[track_caller]
fn check(text: &str, tool: Tool, dashes: Option<usize>) {
    let found = script(&serde_json::json!({ "test": text }).to_string());
    assert_eq!((found.tool, found.dashes), (tool, dashes), "{text}");
}

#[test]
fn the_last_command_is_the_tool() {
    check("vitest run", Tool::Vitest, Some(1));
    check("cross-env NODE_ENV=test vitest", Tool::Vitest, Some(1));
    check("tsc -p . && node --test dist/", Tool::NodeTest, Some(1));
    check(
        "node --experimental-vm-modules node_modules/jest/bin/jest.js",
        Tool::Jest,
        Some(1),
    );
    check("npx --no-install mocha", Tool::Mocha, Some(1));
    check("./node_modules/.bin/vitest run", Tool::Vitest, Some(1));
    check("node test.js", Tool::Other, Some(1));
    check("tsx --test src/*.test.ts", Tool::NodeTest, Some(1));
}

#[test]
fn arguments_do_not_reach_through_a_shell() {
    check("vitest run | tee log", Tool::Other, None);
    check("vitest run > log", Tool::Vitest, None);
    check("false || vitest run", Tool::Vitest, None);
    check("vitest run $(cat args)", Tool::Vitest, None);
    check("vitest run # quick", Tool::Vitest, None);
    check("vitest run &", Tool::Vitest, None);
    check("vitest run '", Tool::Vitest, None);
    check("vitest 'a;b'", Tool::Vitest, Some(1));
}

#[test]
fn scripts_are_followed() {
    let found = script(r#"{"test": "npm run unit", "unit": "jest"}"#);
    assert_eq!((found.tool, found.dashes), (Tool::Jest, Some(2)));
    let found = script(r#"{"test": "npm run -s unit --", "unit": "jest"}"#);
    assert_eq!((found.tool, found.dashes), (Tool::Jest, Some(1)));
    let found =
        script(r#"{"test": "npm run build && npm run unit", "unit": "jest", "build": "tsc"}"#);
    assert_eq!((found.tool, found.dashes), (Tool::Jest, Some(2)));
    let tree = BTreeMap::from([(
        "package.json".to_owned(),
        br#"{"scripts": {"test": "npm test"}}"#.to_vec(),
    )]);
    assert_eq!(read(&Manifest::read(&tree, ""), "test"), None);
}

#[test]
fn idle_scripts_are_seen() {
    for text in ["echo ok", "exit 0", "true && echo 3 passed", ":"] {
        assert!(
            script(&serde_json::json!({ "test": text }).to_string()).idle,
            "{text}"
        );
    }
    for text in ["echo ok && exit 1", "vitest", "echo x && node t.js"] {
        assert!(
            !script(&serde_json::json!({ "test": text }).to_string()).idle,
            "{text}"
        );
    }
}

#[test]
fn a_script_for_every_workspace_is_seen() {
    let fans = |text: &str| {
        let manifest = serde_json::json!({ "scripts": { "test": text } }).to_string();
        let tree = BTreeMap::from([("package.json".to_owned(), manifest.into_bytes())]);
        fans_out(&Manifest::read(&tree, ""), "test")
    };
    assert_eq!(fans("npm test --workspaces"), Some(false));
    assert_eq!(fans("npm run test -ws --if-present"), Some(true));
    assert_eq!(fans("npm --ws run -s test"), Some(false));
    for text in [
        "npm test",
        "npm run lint -ws",
        "npm test -ws && echo done",
        "npm test -ws -- --watch",
        "npm test -w a",
    ] {
        assert_eq!(fans(text), None, "{text}");
    }
}
