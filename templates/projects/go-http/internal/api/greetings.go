package api

import (
	"net/http"
	"strings"
	"unicode/utf8"
)

// longest is how many characters a name may have.
const longest = 80

type greeting struct {
	Name string `json:"name"`
}

// greet is an example of a route that checks its input; replace it with your own.
func greet(w http.ResponseWriter, r *http.Request) {
	var input greeting
	if !read(w, r, &input) {
		return
	}
	name := strings.TrimSpace(input.Name)
	if length := utf8.RuneCountInString(name); length < 1 || length > longest {
		refuse(w, issue{Path: "name", Message: "must have 1 to 80 characters"})
		return
	}
	write(w, http.StatusCreated, map[string]string{"message": "Hello, " + name + "!"})
}
