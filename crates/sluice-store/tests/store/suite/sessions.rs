//! Browsers that are signed in.

use sluice_store::{ActorKind, NewToken, Role, Store, TokenFindOutcome};

use crate::world::at;

pub(crate) async fn a_session_is_worth_what_its_token_is(store: Store) {
    let token = |name: &str, end: Option<i64>| NewToken {
        name: name.to_owned(),
        role: Role::Approver,
        kind: ActorKind::Person,
        projects: None,
        expires_at: end.map(at),
        at: at(0),
    };
    let (ada, secret) = store
        .token_create(token("ada", Some(80)), &[])
        .await
        .unwrap();
    let (bob, _) = store.token_create(token("bob", None), &[]).await.unwrap();
    let first = store.session_create(ada.id, at(1), at(100)).await.unwrap();
    let second = store.session_create(ada.id, at(1), at(100)).await.unwrap();
    let short = store.session_create(bob.id, at(1), at(20)).await.unwrap();
    assert!(first.len() == 64 && first != second, "{first}");

    let find = |secret: &str, second| {
        let (store, secret) = (store.clone(), secret.to_owned());
        async move { store.session_find(&secret, at(second)).await.unwrap() }
    };
    assert_eq!(find(&first, 79).await, TokenFindOutcome::Valid(ada.clone()));
    assert_eq!(
        find(&first, 80).await,
        TokenFindOutcome::Expired(ada.clone())
    );
    assert_eq!(find(&short, 19).await, TokenFindOutcome::Valid(bob.clone()));
    assert_eq!(find(&short, 20).await, TokenFindOutcome::Unknown);
    for wrong in ["", &first[..63], &secret, &ada.id.to_string()] {
        assert_eq!(find(wrong, 2).await, TokenFindOutcome::Unknown, "{wrong}");
    }

    // Another browser of the same person stays signed in.
    store.session_end(&first).await.unwrap();
    store.session_end(&first).await.unwrap();
    assert_eq!(find(&first, 2).await, TokenFindOutcome::Unknown);
    assert_eq!(find(&second, 2).await, TokenFindOutcome::Valid(ada.clone()));
    let revoked = store
        .token_revoke(ada.id, at(3), &[])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(find(&second, 4).await, TokenFindOutcome::Revoked(revoked));
}
