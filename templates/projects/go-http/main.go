// Command service serves the API until it is told to stop.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"example.com/service/internal/api"
	"example.com/service/internal/config"
)

// grace is how long requests may take to end after a signal.
const grace = 10 * time.Second

func main() {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	cfg, err := config.Read(os.LookupEnv)
	if err == nil {
		err = serve(ctx, cfg, log)
	}
	if err != nil {
		log.Error(err.Error())
		os.Exit(1)
	}
}

// serve listens until ctx is done, then takes no new requests and lets those that it has end.
func serve(ctx context.Context, cfg config.Config, log *slog.Logger) error {
	listener, err := net.Listen("tcp", cfg.Address())
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           api.New(log),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	log.Info("listening", "address", "http://"+listener.Addr().String())

	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	log.Info("closing")
	last, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if err := server.Shutdown(last); err != nil {
		return fmt.Errorf("requests did not end within %s: %w", grace, errors.Join(err, server.Close()))
	}
	return nil
}
