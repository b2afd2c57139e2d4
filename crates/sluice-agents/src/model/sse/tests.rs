//! However a stream is cut, the same events come.

use super::{Endless, Sse, SseEvent};

fn event(name: &str, data: &str) -> SseEvent {
    SseEvent {
        name: name.to_owned(),
        data: data.to_owned(),
    }
}

const STREAM: &str = "\u{feff}: a comment\n\nevent: ping\ndata: {}\n\ndata:one\r\ndata: two\r\n\r\nid: 7\rdata\r\rdata: caf\u{e9} \u{1f980}\n\nevent: lost\n\ndata: no end";

#[test]
fn the_same_events_come_however_the_stream_is_cut() {
    let wanted = [
        event("ping", "{}"),
        event("", "one\ntwo"),
        event("", ""),
        event("", "caf\u{e9} \u{1f980}"),
    ];
    for size in 1..=STREAM.len() {
        let mut sse = Sse::new(1000);
        let found: Vec<_> = STREAM
            .as_bytes()
            .chunks(size)
            .flat_map(|chunk| sse.push(chunk).unwrap())
            .collect();
        assert_eq!(found, wanted, "in pieces of {size}");
    }
}

#[test]
fn an_event_has_a_bound() {
    let line = format!("data: {}\n", "x".repeat(50));
    let mut sse = Sse::new(120);
    assert_eq!(sse.push(line.as_bytes()), Ok(vec![]));
    assert_eq!(sse.push(line.as_bytes()), Ok(vec![]));
    assert_eq!(sse.push(line.as_bytes()), Err(Endless));
    // A line that never ends is bounded too, and comments add up to nothing.
    assert_eq!(Sse::new(120).push(&[b'x'; 121]), Err(Endless));
    let mut sse = Sse::new(120);
    for _ in 0..100 {
        assert_eq!(sse.push(b": still here\n\n"), Ok(vec![]));
    }
}
