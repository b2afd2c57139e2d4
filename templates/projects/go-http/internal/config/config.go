// Package config reads the environment.
package config

import (
	"fmt"
	"net"
	"strconv"
)

// Config says where the server listens.
type Config struct {
	Host string
	Port int
}

// Address is the host and the port as net.Listen wants them.
func (c Config) Address() string {
	return net.JoinHostPort(c.Host, strconv.Itoa(c.Port))
}

// Read reads the configuration with lookup, such as os.LookupEnv; an error names the variable that is wrong.
func Read(lookup func(string) (string, bool)) (Config, error) {
	config := Config{Host: "127.0.0.1", Port: 3000}
	if host, ok := lookup("HOST"); ok {
		if host == "" {
			return Config{}, fmt.Errorf("HOST is empty; name an address to listen on")
		}
		config.Host = host
	}
	if text, ok := lookup("PORT"); ok {
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return Config{}, fmt.Errorf("PORT is %q; it must be a number from 0 to 65535", text)
		}
		config.Port = int(port)
	}
	return config, nil
}
