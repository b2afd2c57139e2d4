//! Services in Python, Rust and Go: built, started, asked.

use sluice_checks::Toolchain::{Go, Python, Rust};
use sluice_checks::Verdict::{Fail, Pass, Unknown};

use crate::bench::{Bench, places};

const PYTHON: &str = "import http.server\nimport os\n\n\nclass Answer(http.server.BaseHTTPRequestHandler):\n    \
                      def do_GET(self):\n        self.send_response(200 if self.path == '/health' else 404)\n        \
                      self.end_headers()\n        self.wfile.write(b'\"no\\n\\xff!')\n\n\nport = int(os.environ['PORT'])\n\
                      http.server.HTTPServer(('127.0.0.1', port), Answer).serve_forever()\n";
const RUST: &str = "use std::io::{Read, Write};\n\nfn main() {\n    let port = std::env::var(\"PORT\").expect(\"a port\");\n    \
                    let listener = std::net::TcpListener::bind(format!(\"[::1]:{port}\")).expect(\"a socket\");\n    \
                    for stream in listener.incoming().flatten() {\n        let mut stream = stream;\n        \
                    let _ = stream.read(&mut [0; 512]);\n        \
                    let _ = stream.write_all(b\"HTTP/1.0 204 No Content\\r\\n\\r\\n\");\n    }\n}\n";
const GO: &str = "package main\n\nimport (\n\t\"net\"\n\t\"os\"\n)\n\nfunc main() {\n\t\
                  listener, err := net.Listen(\"tcp\", \":\"+os.Getenv(\"PORT\"))\n\tif err != nil {\n\t\tpanic(err)\n\t}\n\t\
                  for {\n\t\tif one, err := listener.Accept(); err == nil {\n\t\t\t\
                  _, _ = one.Read(make([]byte, 512))\n\t\t\t_, _ = one.Write([]byte(\"HTTP/1.0 200 OK\\r\\n\\r\\n\"))\n\t\t\t\
                  _ = one.Close()\n\t\t}\n\t}\n}\n";

async fn python() -> Bench {
    let bench = Bench::with(&[Python], &[]).await;
    bench.write("requirements.txt", "");
    bench.write("main.py", PYTHON);
    bench
}

#[tokio::test]
async fn a_python_service_must_answer() {
    let bench = python().await;
    let report = bench.check(&["smoke"]).await;
    let smoke = bench.expect(&report, "smoke", Pass);
    assert_eq!(smoke.network, "none");
    let log = bench.log(smoke);
    assert!(log.contains("GET /health on port 3000 gave 200"), "{log}");

    let mut other = bench.request(&["smoke"]);
    other.health = vec!["/ready".to_owned()];
    let report = bench.try_check(&other).await.expect("no fault");
    let smoke = bench.expect(&report, "smoke", Fail);
    assert_eq!(places(smoke), ["-:0 health"]);
    assert_eq!(
        smoke.findings[0].message,
        "GET /ready on port 3000 gave 404: \"no  !"
    );

    bench.write("main.py", "raise SystemExit('no configuration')\n");
    let report = bench.check(&["smoke"]).await;
    let smoke = bench.expect(&report, "smoke", Fail);
    assert_eq!(places(smoke), ["-:0 start"]);
    assert!(
        smoke.findings[0]
            .message
            .ends_with("main.py ended with exit code 1 before its health route answered"),
        "{smoke:#?}"
    );

    bench.remove("main.py");
    let report = bench.check(&["smoke"]).await;
    bench.expect(&report, "smoke", Unknown);
}

#[tokio::test]
async fn a_rust_service_must_answer() {
    let bench = Bench::with(&[Rust], &[]).await;
    bench.write(
        "Cargo.toml",
        "[package]\nname = \"shop\"\nversion = \"1.0.0\"\nedition = \"2021\"\n",
    );
    bench.write(
        "Cargo.lock",
        "version = 4\n\n[[package]]\nname = \"shop\"\nversion = \"1.0.0\"\n",
    );
    bench.write("src/main.rs", RUST);
    let report = bench.check(&["smoke"]).await;
    let smoke = bench.expect(&report, "smoke", Pass);
    let log = bench.log(smoke);
    assert!(log.contains("GET /health on port 3000 gave 204"), "{log}");
    bench.write("src/main.rs", "fn main() {\n    listen();\n}\n");
    let report = bench.check(&["smoke"]).await;
    assert_eq!(places(bench.expect(&report, "smoke", Fail)), ["-:0 build"]);
}

#[tokio::test]
async fn a_go_service_must_answer() {
    let bench = Bench::with(&[Go], &[]).await;
    bench.write("go.mod", "module example.com/shop\n\ngo 1.21\n");
    bench.write("cmd/shop/main.go", GO);
    let report = bench.check(&["smoke"]).await;
    let smoke = bench.expect(&report, "smoke", Pass);
    let log = bench.log(smoke);
    assert!(log.contains("GET /health on port 3000 gave 200"), "{log}");
    bench.write("cmd/shop/main.go", &GO.replace("os.Getenv", "os.Getevn"));
    let report = bench.check(&["smoke"]).await;
    assert_eq!(
        places(bench.expect(&report, "smoke", Fail)),
        ["-:0 build", "cmd/shop/main.go:9 "]
    );
}
