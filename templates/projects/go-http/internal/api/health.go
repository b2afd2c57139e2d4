package api

import "net/http"

// health says that the process answers. Look at what it depends on here, once it depends on something.
func health(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	write(w, http.StatusOK, map[string]string{"status": "ok"})
}
