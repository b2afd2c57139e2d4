// Package api answers requests.
package api

import (
	"log/slog"
	"net/http"
)

// New puts the application together. It needs no socket, so that tests can ask it directly.
func New(log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", health)
	mux.HandleFunc("POST /api/greetings", greet)
	return careful(recovered(log, known(mux)))
}

// careful keeps browsers from guessing what an answer is.
func careful(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("X-Frame-Options", "DENY")
		next.ServeHTTP(w, r)
	})
}
