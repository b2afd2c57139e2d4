//! A row that is removed, changed, doubled or moved is found; so is a log that was made anew.

use super::*;

/// A log of `count` rows.
fn log(count: i64) -> Vec<AuditRow> {
    let mut rows: Vec<AuditRow> = Vec::new();
    for seq in 1..=count {
        let previous = rows.last().map_or(BEFORE_THE_FIRST, |row| &row.hash);
        let mut row = AuditRow {
            seq,
            at: format!("2026-11-22T10:00:{seq:02}.000000Z"),
            project: (seq % 2 == 0).then(|| "adder".to_owned()),
            who: AuditWho {
                name: "Anna".to_owned(),
                kind: "person".to_owned(),
                role: "approver".to_owned(),
                token: None,
            },
            kind: "gate.decided".to_owned(),
            body: canonical(
                &json!({ "z": 1.5, "a": { "y": "ü\n\u{7f}", "b": [seq, null, true] } }),
            ),
            previous: previous.to_owned(),
            hash: String::new(),
        };
        row.hash = row.computed_hash();
        rows.push(row);
    }
    rows
}

fn anchor(row: &AuditRow) -> (String, AuditAnchor) {
    let anchor = AuditAnchor {
        seq: row.seq,
        hash: row.hash.clone(),
    };
    ("g0".to_owned(), anchor)
}

#[test]
fn a_sound_log_is_sound_also_from_the_middle() {
    let rows = log(9);
    let anchors = [anchor(&rows[2]), anchor(&rows[8])];
    let report = check(&rows, &anchors);
    assert_eq!(report.problems, Vec::<String>::new());
    assert_eq!((report.rows, report.anchors), (9, 2));
    let report = check(&rows[5..], &anchors);
    assert_eq!(report.problems, Vec::<String>::new());
    assert_eq!((report.anchors, report.notes.len()), (1, 1));
}

#[test]
fn every_tampering_is_found() {
    let rows = log(9);
    let anchors = [anchor(&rows[8])];
    let mut found = 0;
    let mut bend = |what: &str, change: &dyn Fn(&mut Vec<AuditRow>)| {
        let mut rows = rows.clone();
        change(&mut rows);
        let report = check(&rows, &anchors);
        assert!(!report.problems.is_empty(), "{what}");
        found += 1;
    };
    for n in 0..9_usize {
        if n > 0 {
            bend("removed", &|rows| drop(rows.remove(n)));
        }
        bend("doubled", &|rows| rows.insert(n, rows[n].clone()));
        bend("said otherwise", &|rows| {
            rows[n].who.name = "Eva".to_owned()
        });
        bend("another token", &|rows| {
            rows[n].who.token = Some("t".to_owned());
        });
        bend("another time", &|rows| {
            rows[n].at.replace_range(0..4, "2025")
        });
        bend("another project", &|rows| {
            rows[n].project = Some("b".to_owned())
        });
        bend("another kind", &|rows| rows[n].kind.push('x'));
        bend("another body", &|rows| {
            rows[n].body["a"]["b"][0] = json!(77)
        });
        bend("another number", &|rows| rows[n].seq += 1);
        bend("made sound again by itself", &|rows| {
            rows[n].body["a"]["b"][0] = json!(77);
            rows[n].hash = rows[n].computed_hash();
        });
        bend("the rest made sound again", &|rows| {
            rows[n].who.name = "Eva".to_owned();
            for at in n..rows.len() {
                if at > 0 {
                    rows[at].previous = rows[at - 1].hash.clone();
                }
                rows[at].hash = rows[at].computed_hash();
            }
        });
    }
    for n in 1..9_usize {
        bend("swapped", &|rows| rows.swap(n - 1, n));
    }
    bend("cut off at the end", &|rows| rows.truncate(8));
    bend("emptied", &|rows| rows.clear());
    assert_eq!(found, 8 + 9 * 10 + 8 + 2);
}

#[test]
fn one_value_has_one_form() {
    let one: Value = serde_json::from_str(r#"{"b": 1.50, "a": [1, {"d": 2, "c": 1e400}]}"#)
        .unwrap_or_else(|_| json!({ "b": 1.5, "a": [1, { "d": 2, "c": "1e400" }] }));
    let text = canonical(&one).to_string();
    assert!(text.starts_with(r#"{"a":[1,{"c":"#), "{text}");
    let again: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(canonical(&again).to_string(), text);
}

#[test]
fn the_hash_is_what_the_documentation_says() {
    // From docs/proofs.md, with Python's hashlib and json.
    let row = &log(1)[0];
    assert_eq!(
        row.hash,
        "181999265ae2f07bfc1f688bb5884c68614a7337e711237abbb347670185f47a"
    );
}
