package api

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func quiet() *slog.Logger {
	return slog.New(slog.NewTextHandler(io.Discard, nil))
}

// ask sends a request to the application and reads the answer, which is always JSON.
func ask(t *testing.T, method, path, body string) (*http.Response, map[string]any) {
	t.Helper()
	recorder := httptest.NewRecorder()
	New(quiet()).ServeHTTP(recorder, httptest.NewRequest(method, path, strings.NewReader(body)))
	response := recorder.Result()
	if kind := response.Header.Get("Content-Type"); kind != "application/json; charset=utf-8" {
		t.Errorf("%s %s answered with %q", method, path, kind)
	}
	var answer map[string]any
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Fatalf("%s %s answered no JSON: %v", method, path, err)
	}
	return response, answer
}

func TestHealthSaysThatTheServiceIsWell(t *testing.T) {
	response, answer := ask(t, http.MethodGet, "/health", "")
	if response.StatusCode != http.StatusOK || answer["status"] != "ok" {
		t.Errorf("got %d, %v", response.StatusCode, answer)
	}
	if cache := response.Header.Get("Cache-Control"); cache != "no-store" {
		t.Errorf("Cache-Control is %q", cache)
	}
}

func TestGreetsByName(t *testing.T) {
	response, answer := ask(t, http.MethodPost, "/api/greetings", `{"name": " Ada "}`)
	if response.StatusCode != http.StatusCreated || answer["message"] != "Hello, Ada!" {
		t.Errorf("got %d, %v", response.StatusCode, answer)
	}
}

func TestRefusesInput(t *testing.T) {
	long := strings.Repeat("é", longest)
	cases := []struct {
		name   string
		body   string
		status int
	}{
		{"no name", `{}`, http.StatusUnprocessableEntity},
		{"an empty name", `{"name": " "}`, http.StatusUnprocessableEntity},
		{"a name of the greatest length", `{"name": "` + long + `"}`, http.StatusCreated},
		{"a name that is too long", `{"name": "` + long + `é"}`, http.StatusUnprocessableEntity},
		{"a number", `{"name": 1}`, http.StatusUnprocessableEntity},
		{"a field that is not known", `{"name": "Ada", "age": 36}`, http.StatusUnprocessableEntity},
		{"no JSON", `{`, http.StatusBadRequest},
		{"nothing", ``, http.StatusBadRequest},
		{"two values", `{"name": "Ada"} {}`, http.StatusBadRequest},
		{"too much", `{"name": "` + strings.Repeat("x", most) + `"}`, http.StatusRequestEntityTooLarge},
	}
	for _, one := range cases {
		t.Run(one.name, func(t *testing.T) {
			response, answer := ask(t, http.MethodPost, "/api/greetings", one.body)
			if response.StatusCode != one.status {
				t.Errorf("got %d, %v", response.StatusCode, answer)
			}
		})
	}
}

func TestSaysWhereTheInputIsWrong(t *testing.T) {
	_, answer := ask(t, http.MethodPost, "/api/greetings", `{"name": 1}`)
	said, err := json.Marshal(answer["issues"])
	if err != nil {
		t.Fatal(err)
	}
	if want := `[{"message":"must not be of the type number","path":"name"}]`; string(said) != want {
		t.Errorf("got %s", said)
	}
}

func TestEveryAnswerIsJSON(t *testing.T) {
	response, answer := ask(t, http.MethodGet, "/nowhere", "")
	if response.StatusCode != http.StatusNotFound || answer["error"] != "GET /nowhere does not exist" {
		t.Errorf("got %d, %v", response.StatusCode, answer)
	}
	response, answer = ask(t, http.MethodDelete, "/api/greetings", "")
	if response.StatusCode != http.StatusMethodNotAllowed || answer["error"] != "/api/greetings takes POST" {
		t.Errorf("got %d, %v", response.StatusCode, answer)
	}
	if sniff := response.Header.Get("X-Content-Type-Options"); sniff != "nosniff" {
		t.Errorf("X-Content-Type-Options is %q", sniff)
	}
}

func TestTellsTheLogWhatHappenedAndTheClientNothingOfIt(t *testing.T) {
	var log bytes.Buffer
	handler := recovered(slog.New(slog.NewTextHandler(&log, nil)), http.HandlerFunc(
		func(http.ResponseWriter, *http.Request) { panic("the password is hunter2") },
	))
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/", nil))
	if recorder.Code != http.StatusInternalServerError || strings.Contains(recorder.Body.String(), "hunter2") {
		t.Errorf("got %d, %s", recorder.Code, recorder.Body)
	}
	if !strings.Contains(log.String(), "hunter2") {
		t.Errorf("the log holds %q", log.String())
	}
}
