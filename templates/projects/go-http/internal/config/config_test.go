package config

import (
	"strings"
	"testing"
)

func environment(pairs map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := pairs[name]
		return value, ok
	}
}

func TestHasDefaultsForDevelopment(t *testing.T) {
	config, err := Read(environment(nil))
	if err != nil || config.Address() != "127.0.0.1:3000" {
		t.Errorf("got %q, %v", config.Address(), err)
	}
}

func TestReadsHostAndPort(t *testing.T) {
	config, err := Read(environment(map[string]string{"HOST": "::", "PORT": "8080"}))
	if err != nil || config.Address() != "[::]:8080" {
		t.Errorf("got %q, %v", config.Address(), err)
	}
}

func TestRefusesWhatIsNoPort(t *testing.T) {
	for _, port := range []string{"", "http", "-1", "65536", "80.5", " 80"} {
		_, err := Read(environment(map[string]string{"PORT": port}))
		if err == nil || !strings.Contains(err.Error(), "PORT") {
			t.Errorf("PORT=%q gave %v", port, err)
		}
	}
}

func TestRefusesAnEmptyHost(t *testing.T) {
	_, err := Read(environment(map[string]string{"HOST": ""}))
	if err == nil || !strings.Contains(err.Error(), "HOST") {
		t.Errorf("got %v", err)
	}
}
