//! The environment, checked at the start.

/// Where the server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// A name or an address of this machine.
    pub host: String,
    /// 0 lets the system choose.
    pub port: u16,
}

impl Config {
    /// Reads the configuration with `get`, which answers the name of a variable.
    ///
    /// # Errors
    ///
    /// Names the variable that is wrong.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Config, String> {
        let host = get("HOST").unwrap_or_else(|| "127.0.0.1".to_owned());
        if host.is_empty() {
            return Err("HOST is empty; name an address to listen on".to_owned());
        }
        let port = get("PORT").unwrap_or_else(|| "3000".to_owned());
        let number = port.parse().map_err(|_| {
            format!(
                "PORT is {port:?}; it must be a number from 0 to {}",
                u16::MAX
            )
        })?;
        Ok(Config { host, port: number })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, String> {
        Config::read(|name| {
            let found = pairs.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn it_has_defaults_for_development() {
        let config = read(&[]).expect("the defaults are valid");
        assert_eq!((config.host.as_str(), config.port), ("127.0.0.1", 3000));
    }

    #[test]
    fn it_reads_host_and_port() {
        let config = read(&[("HOST", "::"), ("PORT", "8080")]).expect("it is valid");
        assert_eq!((config.host.as_str(), config.port), ("::", 8080));
    }

    #[test]
    fn it_refuses_what_is_no_port() {
        for port in ["", "http", "-1", "65536", "80.5", " 80"] {
            let error = read(&[("PORT", port)]).expect_err(port);
            assert!(error.starts_with("PORT is"), "{error}");
        }
    }

    #[test]
    fn it_refuses_an_empty_host() {
        let error = read(&[("HOST", "")]).expect_err("nothing");
        assert!(error.starts_with("HOST is empty"), "{error}");
    }
}
