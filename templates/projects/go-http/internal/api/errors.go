package api

import (
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
)

// fail answers with an error.
func fail(w http.ResponseWriter, status int, message string) {
	write(w, status, map[string]string{"error": message})
}

// refuse answers input that can be read but is not valid.
func refuse(w http.ResponseWriter, issues ...issue) {
	write(w, http.StatusUnprocessableEntity, map[string]any{"error": "The input is not valid", "issues": issues})
}

// known answers what no route took as JSON; the mux itself would answer in plain text.
func known(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		answer := &statusOnly{header: w.Header(), status: http.StatusOK}
		handler.ServeHTTP(answer, r)
		message := r.Method + " " + r.URL.Path + " does not exist"
		if answer.status == http.StatusMethodNotAllowed {
			message = r.URL.Path + " takes " + w.Header().Get("Allow")
		}
		fail(w, answer.status, message)
	})
}

// statusOnly keeps the status and the headers of an answer and drops its body.
type statusOnly struct {
	header http.Header
	status int
}

func (s *statusOnly) Header() http.Header            { return s.header }
func (s *statusOnly) Write(body []byte) (int, error) { return len(body), nil }
func (s *statusOnly) WriteHeader(status int)         { s.status = status }

// recovered tells the log what a panic was, and the client nothing of it.
func recovered(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			fault := recover()
			if fault == nil {
				return
			}
			if err, ok := fault.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(fault)
			}
			log.Error("panic", "method", r.Method, "path", r.URL.Path, "fault", fault, "stack", string(debug.Stack()))
			fail(w, http.StatusInternalServerError, "Something went wrong")
		}()
		next.ServeHTTP(w, r)
	})
}
