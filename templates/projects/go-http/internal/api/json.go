package api

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

// most is how many bytes the body of a request may have.
const most = 100 << 10

// issue says what is wrong with a part of the input.
type issue struct {
	Path    string `json:"path"`
	Message string `json:"message"`
}

// write answers with JSON.
func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	// The client may be gone; there is nobody left to tell.
	_ = json.NewEncoder(w).Encode(body)
}

// read reads the body of a request, one JSON value without fields that are not known. Where it cannot, it has
// answered already.
func read(w http.ResponseWriter, r *http.Request, into any) bool {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, most))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if err == nil {
		if _, more := decoder.Token(); errors.Is(more, io.EOF) {
			return true
		}
		fail(w, http.StatusBadRequest, "The body holds more than one JSON value")
		return false
	}
	var tooLarge *http.MaxBytesError
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &tooLarge):
		fail(w, http.StatusRequestEntityTooLarge, "The body is too large")
	case errors.As(err, &syntax), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		fail(w, http.StatusBadRequest, "The body is no JSON")
	case errors.As(err, &kind):
		refuse(w, issue{Path: kind.Field, Message: "must not be of the type " + kind.Value})
	default:
		refuse(w, issue{Message: err.Error()})
	}
	return false
}
