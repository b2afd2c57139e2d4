use super::without_password;

#[test]
fn a_password_is_not_shown() {
    assert_eq!(
        without_password("postgres://ada:s3cret@127.0.0.1/sluice"),
        "postgres://ada@127.0.0.1/sluice"
    );
    assert_eq!(
        without_password("postgres://ada:p@ss@host/db"),
        "postgres://ada@host/db"
    );
    assert_eq!(without_password("sqlite::memory:"), "sqlite::memory:");
    assert_eq!(
        without_password("sqlite:///a/b.db?mode=rwc"),
        "sqlite:///a/b.db?mode=rwc"
    );
}
