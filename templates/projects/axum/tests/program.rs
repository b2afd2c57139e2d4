//! The program itself, with a socket and signals.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_service");

#[test]
fn it_serves_until_it_is_told_to_stop_and_leaves_cleanly() {
    let mut server = Command::new(PROGRAM)
        .env("HOST", "127.0.0.1")
        .env("PORT", "0")
        .env("NO_COLOR", "1")
        .env_remove("RUST_LOG")
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut log = BufReader::new(server.stderr.take().expect("a pipe"));
    let mut line = String::new();
    log.read_line(&mut line).expect("a line");
    let (_, address) = line.trim_end().split_once("http://").expect("an address");

    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(
        stream,
        "GET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");

    let kill = format!("kill {}", server.id());
    let told = Command::new("sh").args(["-c", &kill]).status();
    assert!(told.expect("a shell runs").success());
    let ended = server.wait().expect("it ends");
    assert!(ended.success(), "{ended}");
}

#[test]
fn it_says_what_is_wrong_with_its_environment() {
    let ran = Command::new(PROGRAM)
        .env("PORT", "http")
        .env("NO_COLOR", "1")
        .output()
        .expect("the program starts");
    let log = String::from_utf8_lossy(&ran.stderr);
    assert!(!ran.status.success());
    assert!(log.contains("PORT is \"http\""), "{log}");
}
