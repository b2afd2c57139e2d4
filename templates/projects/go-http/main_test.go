package main

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"testing"
	"time"

	"example.com/service/internal/config"
)

var listening = regexp.MustCompile(`msg=listening address=(http://127\.0\.0\.1:\d+)`)

func TestServesUntilItIsToldToStopAndLeavesCleanly(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		log := slog.New(slog.NewTextHandler(writer, nil))
		ended <- serve(ctx, config.Config{Host: "127.0.0.1", Port: 0}, log)
		_ = writer.Close()
	}()
	lines := bufio.NewScanner(reader)
	if !lines.Scan() {
		t.Fatalf("nothing was logged: %v", <-ended)
	}
	found := listening.FindStringSubmatch(lines.Text())
	if found == nil {
		t.Fatalf("the first line is %q", lines.Text())
	}
	go func() { _, _ = io.Copy(io.Discard, reader) }()

	response, err := http.Get(found[1] + "/health")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("GET /health gave %d", response.StatusCode)
	}

	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(grace + 5*time.Second):
		t.Fatal("it did not end")
	}
}

func TestSaysThatItsPortIsTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	_, text, err := net.SplitHostPort(taken.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	if err := serve(context.Background(), config.Config{Host: "127.0.0.1", Port: port}, log); err == nil {
		t.Error("it served on a port that was taken")
	}
}
